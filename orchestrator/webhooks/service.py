"""Webhooks in: verify, store raw, acknowledge; a worker applies them later, once in effect, in any order.

A message is a reason to look. Where the gateway's API can be asked, the answer counts; Adyen has no such call, so its
signed fields do (event code, success, references, amount), never the unsigned reason.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from msgspec import structs

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.disputes import news as disputes
from orchestrator.errors import ClearwayError, NotFound
from orchestrator.gateways import connections
from orchestrator.gateways.base import OperationKind, WebhookMessage, WebhookRejected
from orchestrator.ids import new_id
from orchestrator.outbox import Later
from orchestrator.payments import driver, resolver
from orchestrator.payments import store as payment_store
from orchestrator.payments.records import (
    AttemptRow,
    OperationRow,
    OperationState,
    SettledBy,
    Story,
)
from orchestrator.payments.settling import settle
from orchestrator.webhooks import store
from routing.outcomes import Decline, Outcome, OutcomeKind, RetryAction

TOPIC = "webhook.apply"
IN_FLIGHT_PAUSE_S = 1
CHANGES_NOTHING = "this kind of message changes nothing"
_NOT_KEPT = frozenset({"authorization", "cookie"})  # headers that carry a password of ours


class Rejected(ClearwayError):
    """The sender learns nothing of why."""

    status = 401
    code = "webhook_rejected"


async def receive(account_id: str, headers: dict[str, str], body: bytes) -> int:
    """Verify and store; the number of new messages. Raises NotFound for no such account, Rejected for a forgery."""
    try:
        connection = await connections.connect(account_id)
    except LookupError:
        raise NotFound("webhook endpoint", account_id) from None
    now = clock_port.now()
    try:
        messages = await connection.verify_webhook(headers, body)
    except WebhookRejected as rejection:
        async with transaction():
            await store.insert_rejection(account_id, str(rejection), now)
        raise Rejected("The webhook was not accepted.") from None
    kept = {name: value for name, value in headers.items() if name.lower() not in _NOT_KEPT}
    return await store.keep(account_id, kept, body, [await _new(account_id, it, now) for it in messages], TOPIC, now)


async def _new(account_id: str, message: WebhookMessage, now: datetime) -> store.NewMessage:
    """The message as it is kept: what changes nothing needs no worker, only the payment that it is shown with."""
    new = store.NewMessage(new_id("whk"), message.event_key, message.event_type, message.kind, message)
    if message.kind != "ignored":
        return new
    attempt = await payment_store.attempt_at_gateway(
        account_id, message.reference, message.operation_reference, message.gateway_payment_id
    )
    payment_id = attempt.payment_id if attempt else None
    return structs.replace(new, state="ignored", note=CHANGES_NOTHING, payment_id=payment_id, applied_at=now)


async def apply(message_id: str) -> Later | None:
    """Let a stored message have its effect. Safe to repeat, and to break off anywhere."""
    row = await store.message(message_id)
    if row is None or row.state != "received":
        return None
    message = msgspec.convert(row.content, WebhookMessage)
    if message.kind.startswith("dispute."):
        await _apply_dispute(row, message)
        return None
    attempt = await payment_store.attempt_at_gateway(
        row.gateway_account_id, message.reference, message.operation_reference, message.gateway_payment_id
    )
    if message.kind == "ignored" or attempt is None:
        why = CHANGES_NOTHING if message.kind == "ignored" else "nothing of ours is meant"
        async with transaction():
            payment_id = attempt.payment_id if attempt else None
            await store.mark(message_id, "ignored", why, payment_id, clock_port.now())
        return None
    connection = await connections.connect(row.gateway_account_id)
    if connection.gateway.can_look_up:
        return await _apply_by_asking(message_id, attempt, message)
    return await _apply_signed(message_id, attempt, message)


async def _apply_dispute(row: store.WebhookRow, message: WebhookMessage) -> None:
    """Raises Unread while the gateway does not tell how the dispute stands: the message stays to be applied."""
    dispute = await disputes.hear(row.gateway_account_id, message)
    async with transaction():
        note = f"dispute {dispute.id} is {dispute.status.value}"
        await store.mark(row.id, "applied", note, dispute.payment_id, clock_port.now())


async def _apply_by_asking(message_id: str, attempt: AttemptRow, message: WebhookMessage) -> Later | None:
    """Ask the gateway now about what is open, and about what is settled otherwise than the message has it."""
    now = clock_port.now()
    # Looked at without the lock first, which the payment's own driver may be waiting for. What the message may speak
    # of was committed before it was sent to the gateway, so nothing of it can be missing here.
    seen = await _story(attempt.payment_id)
    if _reply_is_due(seen.operations_of(attempt.id), now):
        return Later(now + timedelta(seconds=IN_FLIGHT_PAUSE_S))
    if not any(op.open for op in seen.operations_of(attempt.id)) and _doubted(seen, attempt, message) is None:
        await store.mark_known(message_id, attempt.payment_id, now)
        return None
    async with transaction():
        story = await _locked_story(attempt.payment_id)
        operations = story.operations_of(attempt.id)
        if _reply_is_due(operations, now):
            return Later(now + timedelta(seconds=IN_FLIGHT_PAUSE_S))
        doubted = _doubted(story, attempt, message)
        if doubted is not None:
            errand: driver.Errand | None = driver.inquiry(story, doubted)
        else:
            for op in operations:
                story = await resolver.look_now(story, op, now) if op.open else story
            await store.mark(message_id, "applied", "the gateway is asked", attempt.payment_id, now)
            errand = await driver.proceed(story, now)
    if errand is not None:
        await driver.drive(attempt.payment_id, errand)
    if doubted is not None:  # marked only now: a process that dies while asking leaves the message to be asked again
        async with transaction():
            note = f"the gateway was asked again about {doubted.kind.value} {doubted.id}"
            await store.mark(message_id, "applied", note, attempt.payment_id, clock_port.now())
    return None


async def _apply_signed(message_id: str, attempt: AttemptRow, message: WebhookMessage) -> Later | None:
    """Settle the operation that is meant by what is signed."""
    now = clock_port.now()
    async with transaction():
        story = await _locked_story(attempt.payment_id)
        operation = _meant(story, attempt, message)
        # our own reply says more than the message: the reason of a decline, which decides on failover
        if operation is not None and _reply_is_due([operation], now):
            return Later(now + timedelta(seconds=IN_FLIGHT_PAUSE_S))
        note, changed = "no operation of ours is meant", None
        if operation is not None:
            outcome = _outcome(message)
            changed = await settle(story, operation.id, outcome, SettledBy.WEBHOOK, now)
            note = f"{operation.kind.value} {outcome.kind.value}" if changed else "known already"
        await store.mark(message_id, "applied", note, attempt.payment_id, now)
        errand = await driver.proceed(changed or story, now)
    if errand is not None:
        await driver.drive(attempt.payment_id, errand)
    return None


def _reply_is_due(operations: list[OperationRow], now: datetime) -> bool:
    return any(op.state is OperationState.SENT and op.expires_at > now for op in operations)


def _doubted(story: Story, attempt: AttemptRow, message: WebhookMessage) -> OperationRow | None:
    """The settled operation of which the message says something else than we know; None where nothing is new."""
    operation = _meant(story, attempt, message)
    if operation is None or operation.state is not OperationState.SETTLED:
        return None
    if operation.outcome is OutcomeKind.ACTION_REQUIRED:
        return operation
    return operation if operation.approved != message.success else None


_KINDS = {
    "payment.authorised": (OperationKind.COMPLETE, OperationKind.CONFIRM),
    "payment.declined": (OperationKind.COMPLETE, OperationKind.CONFIRM),
    "payment.captured": (OperationKind.CAPTURE,),
    "capture.failed": (OperationKind.CAPTURE,),
    "payment.canceled": (OperationKind.VOID,),
    "void.failed": (OperationKind.VOID,),
    "refund.succeeded": (OperationKind.REFUND,),
    "refund.failed": (OperationKind.REFUND,),
}


def _meant(story: Story, attempt: AttemptRow, message: WebhookMessage) -> OperationRow | None:
    """The operation that the message reports on: by our reference where it carries one, else the latest of its kind."""
    kinds = _KINDS.get(message.kind, ())
    operations = [op for op in story.operations_of(attempt.id) if op.kind in kinds]
    for op in operations:
        same_id = bool(message.gateway_operation_id) and op.gateway_operation_id == message.gateway_operation_id
        if op.id == message.operation_reference or same_id:
            return op
    # a reference that is none of ours: somebody captured or refunded by hand. So may a refund without one
    named = bool(message.operation_reference) or message.kind.startswith("refund.")
    return operations[-1] if operations and not named else None


def _outcome(message: WebhookMessage) -> Outcome:
    failed = not message.success or message.kind.endswith((".declined", ".failed"))
    decline = None
    if failed:
        # the reason is not signed: the decline is believed, its cause is not, so it never fails over
        decline = Decline("unmapped", RetryAction.CUSTOMER_ACTION, RetryAction.CUSTOMER_ACTION, message.decline_code)
    return Outcome(
        kind=OutcomeKind.DECLINED if failed else OutcomeKind.APPROVED,
        amount=None if failed else message.amount,
        gateway_payment_id=message.gateway_payment_id,
        gateway_operation_id=message.gateway_operation_id,
        decline=decline,
        detail=f"webhook {message.event_type}",
    )


async def _story(payment_id: str) -> Story:
    payment = await payment_store.payment(payment_id)
    assert payment is not None
    return await payment_store.story_of(payment)


async def _locked_story(payment_id: str) -> Story:
    payment = await payment_store.lock_payment(payment_id)
    assert payment is not None
    return await payment_store.story_of(payment)
