"""Disputes, what was heard of them and what we did about them, as values."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from currency.money import Money
from orchestrator.gateways.facets import Dispute, DisputeStatus
from orchestrator.ids import new_id
from routing.outcomes import OutcomeKind


class DisputeKind(StrEnum):
    """What is at stake. An inquiry moves no money; it may become a chargeback, never the other way round."""

    INQUIRY = "inquiry"
    CHARGEBACK = "chargeback"


class Source(StrEnum):
    """Who said what stands in the history."""

    NOTICE = "notice"  # a signed message of the gateway
    READING = "reading"  # the gateway's answer when it was asked
    OURS = "ours"  # what we did at the gateway, which it confirmed


class ActionKind(StrEnum):
    """What can be done about a dispute."""

    ACCEPT = "accept"
    EVIDENCE = "evidence"


class ActionState(StrEnum):
    """Whether we know what became of a call about a dispute."""

    SENT = "sent"
    UNKNOWN = "unknown"  # asked about until the gateway shows it
    SETTLED = "settled"
    NEEDS_REVIEW = "needs_review"  # the gateway does not show it: a person looks there


class DisputeRow(msgspec.Struct, frozen=True):
    """A dispute as stored.

    `withdrawn_minor` is what the gateway holds of ours for it now, `written_off_minor` the part of it that is lost;
    `withdrawals` how often the funds left, `postings` how many journals it has. `version` grows with every change.
    """

    id: str
    merchant_id: str
    gateway_account_id: str
    gateway: str
    gateway_dispute_id: str
    payment_id: str | None
    attempt_id: str | None
    operation_id: str | None
    kind: DisputeKind
    status: DisputeStatus
    amount_minor: int
    currency: str
    reason: str
    gateway_reason: str
    gateway_payment_id: str
    gateway_operation_id: str
    evidence_due_at: datetime | None
    withdrawn_minor: int
    written_off_minor: int
    withdrawals: int
    postings: int
    fee_minor: int | None
    fee_currency: str | None
    reminded_for: datetime | None
    reminded_days: int | None
    version: int
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def awaits_answer(self) -> bool:
        return self.status in (DisputeStatus.INQUIRY, DisputeStatus.NEEDS_RESPONSE)


class HistoryRow(msgspec.Struct, frozen=True):
    """One thing that was heard or done. `kind` is one of WEBHOOK_KINDS; `occurred_at` the gateway's own time."""

    id: str
    dispute_id: str
    source: Source
    event_key: str
    event_type: str
    kind: str
    status: DisputeStatus
    amount_minor: int
    currency: str
    funds_withdrawn: bool
    evidence_due_at: datetime | None
    occurred_at: datetime
    heard_at: datetime


class ActionRow(msgspec.Struct, frozen=True):
    """One call to the gateway about a dispute; its id is the idempotency key. `content` has files' digests only."""

    id: str
    dispute_id: str
    kind: ActionKind
    state: ActionState
    outcome: OutcomeKind | None
    content: dict[str, Any]
    decline: dict[str, Any] | None
    detail: str
    exchange: dict[str, Any] | None
    sent_at: datetime
    expires_at: datetime
    settled_at: datetime | None

    @property
    def open(self) -> bool:
        """Whether it may still turn out to have had its effect."""
        return self.state in (ActionState.SENT, ActionState.UNKNOWN)

    @property
    def approved(self) -> bool:
        return self.state is ActionState.SETTLED and self.outcome is OutcomeKind.APPROVED


def new_dispute(merchant_id: str, gateway_account_id: str, gateway: str, told: Dispute, now: datetime) -> DisputeRow:
    """A dispute that is first heard of: nothing is booked of it, and no payment is known."""
    return DisputeRow(
        id=new_id("dsp"),
        merchant_id=merchant_id,
        gateway_account_id=gateway_account_id,
        gateway=gateway,
        gateway_dispute_id=told.dispute_id,
        payment_id=None,
        attempt_id=None,
        operation_id=None,
        kind=DisputeKind.INQUIRY,
        status=told.status,
        amount_minor=told.amount.minor,
        currency=told.amount.currency,
        reason=told.reason,
        gateway_reason=told.gateway_reason[:120],
        gateway_payment_id="",
        gateway_operation_id="",
        evidence_due_at=told.evidence_due_at,
        withdrawn_minor=0,
        written_off_minor=0,
        withdrawals=0,
        postings=0,
        fee_minor=None,
        fee_currency=None,
        reminded_for=None,
        reminded_days=None,
        version=0,
        created_at=now,
        updated_at=now,
        closed_at=None,
    )
