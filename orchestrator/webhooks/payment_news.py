"""What a message about a payment leads to: the gateway is asked, or what it signed is believed.

A message is a reason to look. Where the gateway's API can be asked, the answer counts; Adyen has no such call, so its
signed fields do (event code, success, references, amount), never the unsigned reason.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.gateways import connections
from orchestrator.gateways.base import OperationKind, WebhookMessage
from orchestrator.outbox import Later
from orchestrator.payments import driver, expiry, resolver
from orchestrator.payments import store as payment_store
from orchestrator.payments.records import (
    AttemptRow,
    OperationRow,
    OperationState,
    SettledBy,
    Story,
)
from orchestrator.payments.settling import settle
from orchestrator.webhooks import looking, store
from orchestrator.webhooks.store import WebhookRow
from routing.outcomes import Decline, Outcome, OutcomeKind, RetryAction

IN_FLIGHT_PAUSE_S = 1


async def hear(row: WebhookRow, message: WebhookMessage) -> Later | None:
    """Let a message about a payment's operations have its effect. Safe to repeat, and to break off anywhere."""
    attempt = await looking.attempt(row.gateway_account_id, message)
    if attempt is None:
        nothing = store.Mark(row.id, "ignored", "nothing of ours is meant", None, clock_port.now())
        await looking.mark_without_effect(nothing)
        return None
    connection = await connections.connect(row.gateway_account_id)
    if connection.gateway.can_look_up:
        return await _apply_by_asking(row.id, attempt, message)
    return await _apply_signed(row.id, attempt, message)


async def _apply_by_asking(message_id: str, attempt: AttemptRow, message: WebhookMessage) -> Later | None:
    """Ask the gateway now about what is open, and about what is settled otherwise than the message has it."""
    now = clock_port.now()
    # Looked at without the lock first, which the payment's own driver may be waiting for. What the message may speak
    # of was committed before it was sent to the gateway, so nothing of it can be missing here.
    seen = await looking.story(attempt.payment_id)
    if _reply_is_due(seen.operations_of(attempt.id), now):
        return Later(now + timedelta(seconds=IN_FLIGHT_PAUSE_S))
    ended = expiry.is_news(seen, seen.attempt(attempt.id), message.kind)
    if not (ended or any(op.open for op in seen.operations_of(attempt.id)) or _doubted(seen, attempt, message)):
        await looking.mark_without_effect(store.Mark(message_id, "applied", "known already", attempt.payment_id, now))
        return None
    async with transaction():
        story = await _locked_story(attempt.payment_id)
        operations = story.operations_of(attempt.id)
        if _reply_is_due(operations, now):
            return Later(now + timedelta(seconds=IN_FLIGHT_PAUSE_S))
        if expiry.is_news(story, story.attempt(attempt.id), message.kind):
            story = await expiry.hear(story, attempt, now, signed=False)
        doubted = _doubted(story, attempt, message)
        if doubted is not None:
            errand: driver.Errand | None = driver.inquiry(story, doubted)
        else:
            for op in story.operations_of(attempt.id):
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
        if message.success and expiry.is_news(story, story.attempt(attempt.id), message.kind):
            story = await expiry.hear(story, attempt, now, signed=True)
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
    # of a way to pay that takes the money at once the confirm is the capture
    "payment.captured": (OperationKind.CAPTURE, OperationKind.COMPLETE, OperationKind.CONFIRM),
    "capture.failed": (OperationKind.CAPTURE, OperationKind.COMPLETE, OperationKind.CONFIRM),
    "payment.canceled": (OperationKind.VOID,),
    "payment.expired": (OperationKind.VOID,),
    "void.failed": (OperationKind.VOID,),
    "refund.succeeded": (OperationKind.REFUND,),
    "refund.failed": (OperationKind.REFUND,),
}


def _meant(story: Story, attempt: AttemptRow, message: WebhookMessage) -> OperationRow | None:
    """The operation that the message reports on: by our reference where it carries one, else the latest of its kind."""
    kinds = _KINDS.get(message.kind, ())
    # money that is taken with the approval has no capture of its own
    at_once = message.kind == "payment.captured"
    operations = [op for op in story.operations_of(attempt.id) if op.kind in kinds or (at_once and op.captures)]
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


async def _locked_story(payment_id: str) -> Story:
    story = await payment_store.lock_story(payment_id)
    assert story is not None
    return story
