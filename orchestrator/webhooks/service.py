"""Webhooks in: verify, store raw, acknowledge; a worker applies them later, once in effect, in any order.

A message is a reason to look. Where the gateway's API can be asked, the answer counts; Adyen has no such call, so its
signed fields do (event code, success, references, amount), never the unsigned reason.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from orchestrator import clock_port, outbox
from orchestrator.db import transaction
from orchestrator.errors import ClearwayError, NotFound
from orchestrator.gateways import connections
from orchestrator.gateways.base import OperationKind, WebhookMessage, WebhookRejected
from orchestrator.outbox import Later
from orchestrator.payments import driver, store as payment_store
from orchestrator.payments.records import (
    AttemptRow,
    AttemptStatus,
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
    new = 0
    async with transaction():
        delivery_id = await store.insert_delivery(account_id, headers, body, now)
        for message in messages:
            message_id = await store.insert_message(delivery_id, account_id, message, now)
            if message_id:
                new += 1
                await outbox.enqueue(TOPIC, message_id, now)
    return new


async def apply(message_id: str) -> Later | None:
    """Let a stored message have its effect. Safe to repeat."""
    row = await store.message(message_id)
    if row is None or row.state != "received":
        return None
    message = msgspec.convert(row.content, WebhookMessage)
    attempt = await payment_store.attempt_at_gateway(
        row.gateway_account_id, message.reference, message.gateway_payment_id
    )
    if message.kind == "ignored" or attempt is None:
        why = "nothing of ours is meant" if message.kind != "ignored" else "this kind of message changes nothing"
        await _mark(message_id, "ignored", why, attempt.payment_id if attempt else None)
        return None
    connection = await connections.connect(row.gateway_account_id)
    can_be_asked = connection.gateway.can_look_up
    note = await (_apply_by_asking if can_be_asked else _apply_signed)(attempt, message)
    if note is None:
        return Later(clock_port.now() + timedelta(seconds=IN_FLIGHT_PAUSE_S))
    await _mark(message_id, "applied", note, attempt.payment_id)
    await driver.drive(attempt.payment_id)
    return None


async def _mark(message_id: str, state: str, note: str, payment_id: str | None) -> None:
    async with transaction():
        await store.mark(message_id, state, note, payment_id, clock_port.now())


async def _apply_by_asking(attempt: AttemptRow, message: WebhookMessage) -> str | None:
    """Ask the gateway now about whatever is unsettled; None while a caller is still waiting for its own reply."""
    now = clock_port.now()
    async with transaction():
        story = await _locked_story(attempt.payment_id)
        operations = story.operations_of(attempt.id)
        if any(op.state is OperationState.SENT and op.expires_at > now for op in operations):
            return None
        for op in operations:
            if op.state is OperationState.UNKNOWN and op.expires_at > now:
                await payment_store.update_operation(op.id, OperationState.UNKNOWN, {"expires_at": now})
        current = story.attempt(attempt.id)
        if message.kind == "payment.authorised" and _missed(current):
            await driver.send(story, current, OperationKind.COMPLETE, story.payment.amount, now)
            # nobody waits for a reply to it: the driver may ask at once
            last = (await payment_store.story_of(story.payment)).operations_of(attempt.id)[-1]
            await payment_store.update_operation(
                last.id, OperationState.SENT, {"state": OperationState.UNKNOWN.value, "expires_at": now}
            )
            return "an authorisation that we had not heard of: the gateway is asked"
    return "the gateway is asked about what is unsettled"


def _missed(attempt: AttemptRow) -> bool:
    """Whether an authorisation of this attempt would be news: the shopper never came back, or we had given it up."""
    return attempt.status in (AttemptStatus.ACTION_REQUIRED, AttemptStatus.PENDING, AttemptStatus.ABANDONED)


async def _apply_signed(attempt: AttemptRow, message: WebhookMessage) -> str | None:
    now = clock_port.now()
    async with transaction():
        story = await _locked_story(attempt.payment_id)
        operation = _meant(story, attempt, message)
        if operation is None:
            return "no operation of ours is meant"
        outcome = _outcome(message)
        changed = await settle(story, operation.id, outcome, SettledBy.WEBHOOK, now)
    return f"{operation.kind.value} {outcome.kind.value}" if changed else "known already"


_KINDS = {
    "payment.authorised": (OperationKind.COMPLETE, OperationKind.CONFIRM),
    "payment.declined": (OperationKind.COMPLETE, OperationKind.CONFIRM),
    "payment.captured": (OperationKind.CAPTURE,),
    "capture.failed": (OperationKind.CAPTURE,),
    "payment.canceled": (OperationKind.VOID,),
    "refund.succeeded": (OperationKind.REFUND,),
    "refund.failed": (OperationKind.REFUND,),
}


def _meant(story: Story, attempt: AttemptRow, message: WebhookMessage) -> OperationRow | None:
    """The operation that the message reports on: by our own reference where it carries one, else the latest of its kind."""
    kinds = _KINDS.get(message.kind, ())
    operations = [op for op in story.operations_of(attempt.id) if op.kind in kinds]
    for op in operations:
        same_id = bool(message.gateway_operation_id) and op.gateway_operation_id == message.gateway_operation_id
        if op.id == message.operation_reference or same_id:
            return op
    return operations[-1] if operations and kinds[0] is not OperationKind.REFUND else None


def _outcome(message: WebhookMessage) -> Outcome:
    failed = not message.success or message.kind in ("payment.declined", "capture.failed", "refund.failed")
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


async def _locked_story(payment_id: str) -> Story:
    payment = await payment_store.lock_payment(payment_id)
    assert payment is not None
    return await payment_store.story_of(payment)

