"""Everything that happened to a payment, as the API shows it."""

from datetime import datetime
from typing import Any

import msgspec

from currency.money import Money
from orchestrator.gateways.base import OperationKind
from orchestrator.http.payment_schemas import PaymentBody, RefundBody
from orchestrator.http.schemas import MoneyBody, money_body
from orchestrator.ledger.store import TransferRow
from orchestrator.notifications.store import EventRow
from orchestrator.payments.records import Cause, OperationRow, OperationState, SettledBy
from orchestrator.webhooks.store import WebhookRow
from routing.outcomes import OutcomeKind


class OperationBody(msgspec.Struct, kw_only=True):
    """One call to a gateway. `exchange` is the request and the reply, redacted.

    `cause` says why it was sent where nobody asked for it. `evidence` is what was asked while it was unknown and what
    was answered; `review` what a person decided.
    """

    id: str
    attempt_id: str
    kind: OperationKind
    state: OperationState
    outcome: OutcomeKind | None
    amount: MoneyBody
    gateway_operation_id: str
    decline_reason: str | None
    detail: str
    exchange: dict[str, Any] | None
    settled_by: SettledBy | None
    cause: Cause
    evidence: list[dict[str, Any]] | None
    review: dict[str, Any] | None
    tries: int
    sent_at: datetime
    settled_at: datetime | None


class WebhookMessageBody(msgspec.Struct, kw_only=True):
    """One message that a gateway sent, and what became of it."""

    id: str
    object: str = "webhook_message"
    gateway_account_id: str
    event_type: str
    kind: str
    payment_id: str | None
    state: str
    note: str
    duplicates: int
    received_at: datetime
    applied_at: datetime | None


class TransferBody(msgspec.Struct, kw_only=True):
    """One debit-credit row of the ledger, by the kinds of its accounts."""

    journal: str
    kind: str
    debit: str
    credit: str
    amount: MoneyBody
    memo: str
    occurred_at: datetime


class EventBody(msgspec.Struct, kw_only=True):
    """What happened, as it is told to the outside. `sequence` counts the events of its object from 1, without gaps."""

    id: str
    object: str = "event"
    type: str
    object_id: str
    sequence: int
    data: dict[str, Any]
    created_at: datetime


class TimelineBody(msgspec.Struct, kw_only=True):
    """All of a payment: its tries, calls, messages, money, refunds and events, each oldest first."""

    object: str = "timeline"
    payment: PaymentBody
    operations: list[OperationBody]
    webhooks: list[WebhookMessageBody]
    transfers: list[TransferBody]
    refunds: list[RefundBody]
    events: list[EventBody]


def operation_body(row: OperationRow) -> OperationBody:
    return OperationBody(
        id=row.id,
        attempt_id=row.attempt_id,
        kind=row.kind,
        state=row.state,
        outcome=row.outcome,
        amount=money_body(row.amount),
        gateway_operation_id=row.gateway_operation_id,
        decline_reason=str(row.decline["reason"]) if row.decline else None,
        detail=row.detail,
        exchange=row.exchange,
        settled_by=row.settled_by,
        cause=row.cause,
        evidence=row.evidence,
        review=row.review,
        tries=row.tries,
        sent_at=row.sent_at,
        settled_at=row.settled_at,
    )


def webhook_body(row: WebhookRow) -> WebhookMessageBody:
    return WebhookMessageBody(
        id=row.id,
        gateway_account_id=row.gateway_account_id,
        event_type=row.event_type,
        kind=row.kind,
        payment_id=row.payment_id,
        state=row.state,
        note=row.note,
        duplicates=row.duplicates,
        received_at=row.received_at,
        applied_at=row.applied_at,
    )


def transfer_body(row: TransferRow) -> TransferBody:
    return TransferBody(
        journal=row.journal_key,
        kind=row.kind,
        debit=row.debit,
        credit=row.credit,
        amount=money_body(Money(row.amount_minor, row.currency)),
        memo=row.memo,
        occurred_at=row.occurred_at,
    )


def event_body(row: EventRow) -> EventBody:
    return EventBody(
        id=row.id,
        type=row.type,
        object_id=row.object_id,
        sequence=row.sequence,
        data=row.data,
        created_at=row.created_at,
    )
