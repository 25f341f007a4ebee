"""Payments, attempts and operations as values, the way every other module sees them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from currency.money import Money
from orchestrator.gateways.base import CaptureMode, OperationKind
from orchestrator.payments.authentication_records import AttemptAuthentication, PaymentAuthentication
from orchestrator.payments.instruments import Instrument, Usage
from orchestrator.recipients.records import Part
from routing.outcomes import OutcomeKind

IN_PART = "partial_amount"  # reason of a decline, as the gateways' tables have it


class PaymentStatus(StrEnum):
    """Where a payment stands, in the words of the API."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    AUTHORISED = "authorised"
    PARTIALLY_CAPTURED = "partially_captured"
    CAPTURED = "captured"
    CANCELED = "canceled"
    FAILED = "failed"
    NEEDS_REVIEW = "needs_review"


class AttemptStatus(StrEnum):
    """Where one try at one gateway account stands."""

    STARTED = "started"
    CREATED = "created"  # the gateway's object exists; nothing has been charged
    ACTION_REQUIRED = "action_required"
    PENDING = "pending"
    UNKNOWN = "unknown"
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    VOIDED = "voided"
    DECLINED = "declined"
    NOT_REACHED = "not_reached"
    ABANDONED = "abandoned"  # left by us or the shopper before anything was authorised


class OnUnknown(StrEnum):
    """What to do about an attempt whose outcome nobody knows."""

    WAIT = "wait"  # ask until it is known
    CANCEL_THEN_FAILOVER = "cancel_then_failover"  # undo it, and go on once the gateway has confirmed that


class Cause(StrEnum):
    """Why an operation was sent that nobody asked for."""

    NONE = ""
    SURPLUS = "surplus"  # what it undoes must not be kept: another attempt won, or the payment was given up
    CANCELED = "canceled"  # the payment was canceled while the shopper had to act
    RELEASED = "released"  # no more is to be captured: the rest of the authorisation is let go
    EXPIRED = "expired"  # the time of the authorisation is over
    LAPSED = "lapsed"  # the gateway let the authorisation go by itself: nothing is sent, only asked about
    LEFT = "left"  # the shopper brings another way to pay
    TIMED_OUT = "timed_out"  # the shopper had to act and did not
    UNKNOWN = "unknown"  # nobody knows its outcome, and the payment shall go on elsewhere, or end


class Verdict(StrEnum):
    """What a person found out at the gateway."""

    APPROVED = "approved"  # it happened
    DECLINED = "declined"  # it did not, and will not
    LOOK_AGAIN = "look_again"  # ask the gateway once more


class OperationState(StrEnum):
    """Whether we know what became of a call."""

    SENT = "sent"
    UNKNOWN = "unknown"  # the resolver is on it
    PENDING = "pending"  # the gateway has it and will tell by webhook
    SETTLED = "settled"
    NEEDS_REVIEW = "needs_review"


class SettledBy(StrEnum):
    """What told us the outcome."""

    REPLY = "reply"
    LOOK_UP = "look_up"
    RESEND = "resend"
    WEBHOOK = "webhook"
    PERSON = "person"  # who looked at the gateway's own pages


class PaymentRow(msgspec.Struct, frozen=True):
    """A payment as stored."""

    id: str
    merchant_id: str
    amount_minor: int
    currency: str
    status: PaymentStatus
    capture_method: str
    amount_captured_minor: int
    amount_refunded_minor: int
    country: str | None
    customer_id: str | None
    instrument: Instrument | None
    usage: Usage
    plan: dict[str, Any] | None
    round: int
    hosted: bool
    cancel_requested: bool
    failure_reason: str | None
    failure_message: str | None
    reference: str | None
    description: str
    locale: str
    return_url: str | None
    metadata: dict[str, str]
    source: str | None
    credit_kind: str
    public_token: str
    created_at: datetime
    updated_at: datetime
    on_unknown: OnUnknown = OnUnknown.WAIT
    reauthorise: bool = False
    splits: list[Part] | None = None
    authentication: PaymentAuthentication | None = None
    risk_score: int | None = None

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class AttemptRow(msgspec.Struct, frozen=True):
    """An attempt as stored."""

    id: str
    payment_id: str
    position: int
    round: int
    gateway_account_id: str
    gateway: str
    status: AttemptStatus
    why: str
    gateway_payment_id: str
    gateway_authorisation_id: str
    decline: dict[str, Any] | None
    next_action: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime
    capture_mode: CaptureMode = CaptureMode.MANUAL
    capture_before: datetime | None = None
    expiry_told_at: datetime | None = None
    fingerprint: str = ""
    authentication: AttemptAuthentication | None = None


class OperationRow(msgspec.Struct, frozen=True):
    """An operation as stored."""

    id: str
    payment_id: str
    attempt_id: str
    kind: OperationKind
    state: OperationState
    outcome: OutcomeKind | None
    amount_minor: int
    currency: str
    target_operation_id: str | None
    action_result: dict[str, str] | None
    gateway_operation_id: str
    decline: dict[str, Any] | None
    detail: str
    exchange: dict[str, Any] | None
    settled_by: SettledBy | None
    tries: int
    sent_at: datetime
    expires_at: datetime
    settled_at: datetime | None
    captures: bool = False
    final: bool = True
    cause: Cause = Cause.NONE
    evidence: list[dict[str, Any]] | None = None
    review: dict[str, Any] | None = None
    splits: list[Part] | None = None

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def moves_money(self) -> bool:
        """Whether its approval is an entry in the ledger; voids and mere authorisations are none."""
        return self.captures or self.kind is OperationKind.REFUND

    @property
    def approved(self) -> bool:
        return self.state is OperationState.SETTLED and self.outcome is OutcomeKind.APPROVED

    @property
    def noted(self) -> bool:
        """Whether a person has taken note of how it ended; to have it asked about again is no such note."""
        return self.review is not None and self.review.get("verdict") != Verdict.LOOK_AGAIN

    @property
    def in_part(self) -> bool:
        """Whether the gateway is known to have authorised less than was asked: never captured, only undone."""
        return self.decline is not None and self.decline.get("reason") == IN_PART

    @property
    def open(self) -> bool:
        """Whether it may still turn out to have moved money."""
        return self.state is not OperationState.SETTLED


def operation_for(
    attempt: AttemptRow, kind: OperationKind, amount: Money, operation_id: str, now: datetime
) -> OperationRow:
    """An operation as it is when it is written down: sent now, with nothing heard of it."""
    return OperationRow(
        id=operation_id,
        payment_id=attempt.payment_id,
        attempt_id=attempt.id,
        kind=kind,
        state=OperationState.SENT,
        outcome=None,
        amount_minor=amount.minor,
        currency=amount.currency,
        target_operation_id=None,
        action_result=None,
        gateway_operation_id="",
        decline=None,
        detail="",
        exchange=None,
        settled_by=None,
        tries=0,
        sent_at=now,
        expires_at=now,
        settled_at=None,
    )


class Story(msgspec.Struct, frozen=True):
    """A payment with its attempts and operations: all that the next decision needs."""

    payment: PaymentRow
    attempts: list[AttemptRow]
    operations: list[OperationRow]

    def operations_of(self, attempt_id: str, kind: OperationKind | None = None) -> list[OperationRow]:
        return [op for op in self.operations if op.attempt_id == attempt_id and kind in (None, op.kind)]

    def attempt(self, attempt_id: str) -> AttemptRow:
        return next(attempt for attempt in self.attempts if attempt.id == attempt_id)

    def operation(self, operation_id: str) -> OperationRow:
        return next(operation for operation in self.operations if operation.id == operation_id)

    def with_operation(self, changed: OperationRow) -> Story:
        """The story with this operation as it stands now."""
        operations = [changed if op.id == changed.id else op for op in self.operations]
        return msgspec.structs.replace(self, operations=operations)

    def with_attempt(self, changed: AttemptRow) -> Story:
        """The story with this attempt as it stands now."""
        attempts = [changed if attempt.id == changed.id else attempt for attempt in self.attempts]
        return msgspec.structs.replace(self, attempts=attempts)
