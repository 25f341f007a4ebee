"""Disputes as the API shows them, and evidence as it takes it."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from currency.money import Money
from orchestrator.disputes.records import (
    ActionKind,
    ActionRow,
    ActionState,
    DisputeKind,
    DisputeRow,
    HistoryRow,
    Source,
)
from orchestrator.disputes.service import FILES_BYTES_MAX, FILES_MAX, DisputeView, Evidence
from orchestrator.gateways.facets import DisputeStatus, EvidenceFile
from orchestrator.http.schemas import Input, MoneyBody, money_body
from routing.outcomes import OutcomeKind


class EvidenceFileInput(Input):
    """A document, its content in base64."""

    kind: Literal[
        "receipt",
        "proof_of_delivery",
        "customer_communication",
        "refund_policy",
        "service_documentation",
        "proof_of_refund",
        "other",
    ]
    name: Annotated[str, Meta(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]*$(?!\n)")]
    content_type: Literal["application/pdf", "image/jpeg", "image/png"]
    content: Annotated[bytes, Meta(min_length=1, description=f"Base64; {FILES_BYTES_MAX} bytes in all files together.")]

    def as_file(self) -> EvidenceFile:
        return EvidenceFile(self.kind, self.name, self.content_type, self.content)


class SubmitEvidence(Input):
    """The answer to a dispute. Most gateways take one, once."""

    explanation: Annotated[str, Meta(max_length=20_000)] = ""
    files: Annotated[list[EvidenceFileInput], Meta(max_length=FILES_MAX)] = msgspec.field(default_factory=list)
    tracking_number: Annotated[str, Meta(max_length=100)] = ""
    tracking_carrier: Annotated[str, Meta(max_length=60, examples=["DHL"])] = ""
    gateway_reason_code: Annotated[
        str, Meta(max_length=60, description="The defence by the gateway's own code, where it wants one (Adyen).")
    ] = ""

    def as_evidence(self) -> Evidence:
        return Evidence(
            explanation=self.explanation,
            files=tuple(file.as_file() for file in self.files),
            tracking_number=self.tracking_number,
            tracking_carrier=self.tracking_carrier,
            gateway_reason_code=self.gateway_reason_code,
        )


class DisputeActionBody(msgspec.Struct, kw_only=True):
    """One call about the dispute. `unknown` is still asked about; `needs_review` is for a person to look up."""

    id: str
    kind: ActionKind
    status: Literal["pending", "unknown", "succeeded", "failed", "needs_review"]
    detail: str
    decline_reason: str | None
    sent_at: datetime
    settled_at: datetime | None


class DisputeHistoryBody(msgspec.Struct, kw_only=True):
    """One thing that was heard (`notice`, `reading`) or done (`ours`)."""

    source: Source
    event_type: str
    status: DisputeStatus
    amount: MoneyBody
    occurred_at: datetime
    heard_at: datetime


class DisputeBody(msgspec.Struct, kw_only=True):
    """A dispute. Without `payment_id` it is unmatched: no payment of ours is known to be meant.

    `funds_withdrawn`: the gateway holds the amount now, or has given it to the customer. `fee` is known from the
    settlement report. `actions` and `history` are left out (null) in lists.
    """

    id: str
    object: str = "dispute"
    payment_id: str | None
    attempt_id: str | None
    unmatched: bool
    gateway: str
    gateway_account_id: str
    gateway_dispute_id: str
    kind: DisputeKind
    status: DisputeStatus
    amount: MoneyBody
    reason: str
    gateway_reason: str
    evidence_due_at: datetime | None
    funds_withdrawn: bool
    fee: MoneyBody | None
    actions: list[DisputeActionBody] | None
    history: list[DisputeHistoryBody] | None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None


def dispute_body(row: DisputeRow, view: DisputeView | None = None) -> DisputeBody:
    """The dispute, with its history and actions where the view is given."""
    fee = None
    if row.fee_minor is not None and row.fee_currency is not None:
        fee = money_body(Money(row.fee_minor, row.fee_currency))
    return DisputeBody(
        id=row.id,
        payment_id=row.payment_id,
        attempt_id=row.attempt_id,
        unmatched=row.payment_id is None,
        gateway=row.gateway,
        gateway_account_id=row.gateway_account_id,
        gateway_dispute_id=row.gateway_dispute_id,
        kind=row.kind,
        status=row.status,
        amount=money_body(row.amount),
        reason=row.reason,
        gateway_reason=row.gateway_reason,
        evidence_due_at=row.evidence_due_at,
        funds_withdrawn=row.withdrawn_minor > 0,
        fee=fee,
        actions=[_action_body(action) for action in view.actions] if view else None,
        history=[_history_body(entry) for entry in view.history] if view else None,
        created_at=row.created_at,
        updated_at=row.updated_at,
        closed_at=row.closed_at,
    )


def _action_body(row: ActionRow) -> DisputeActionBody:
    return DisputeActionBody(
        id=row.id,
        kind=row.kind,
        status=_status(row),
        detail=row.detail,
        decline_reason=str(row.decline["reason"]) if row.decline else None,
        sent_at=row.sent_at,
        settled_at=row.settled_at,
    )


def _status(row: ActionRow) -> Literal["pending", "unknown", "succeeded", "failed", "needs_review"]:
    if row.state is ActionState.SETTLED:
        return "succeeded" if row.outcome is OutcomeKind.APPROVED else "failed"
    if row.state is ActionState.NEEDS_REVIEW:
        return "needs_review"
    return "pending" if row.state is ActionState.SENT else "unknown"


def _history_body(row: HistoryRow) -> DisputeHistoryBody:
    return DisputeHistoryBody(
        source=row.source,
        event_type=row.event_type,
        status=row.status,
        amount=money_body(Money(row.amount_minor, row.currency)),
        occurred_at=row.occurred_at,
        heard_at=row.heard_at,
    )
