"""Moves a payment on, one operation at a time, until it waits or rests. Any process may drive it, also two at once.

Each turn is one transaction (apply the last outcome, decide, commit the next operation) and one gateway call outside
it. A process that dies in between leaves a committed operation and a watchdog in the outbox, so another finds both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never

import structlog
from msgspec import structs

from currency.money import Money
from orchestrator import clock_port, outbox
from orchestrator.db import transaction
from orchestrator.errors import NotFound
from orchestrator.events import EventType
from orchestrator.gateways import connections
from orchestrator.gateways.base import CaptureMode, OperationCall, OperationKind
from orchestrator.gateways.registry import KINDS
from orchestrator.ids import new_id
from orchestrator.installation import service as installation
from orchestrator.notifications.service import record
from orchestrator.payments import authentication, card_tries, lifecycle, resolver, route_settings, store, withheld
from orchestrator.payments.amounts import captured_minor, refunded_minor
from orchestrator.payments.calls import call_for
from orchestrator.payments.card_tries import Beginning
from orchestrator.payments.instruments import capture_mode, instrument_fingerprint
from orchestrator.payments.records import (
    AttemptRow,
    AttemptStatus,
    Cause,
    OperationRow,
    PaymentRow,
    PaymentStatus,
    SettledBy,
    Story,
    operation_for,
)
from orchestrator.payments.settling import settle
from orchestrator.payments.splitting import parts_of
from orchestrator.payments.states import AUTHORISING
from orchestrator.payments.steps import Resolve, Rest, Send, StartAttempt, Step, Wait
from orchestrator.payments.tidying import given_up
from orchestrator.settings import get_settings
from routing.outcomes import Outcome, OutcomeKind

log = structlog.get_logger()

TOPIC = "payment.advance"
MOVED = "payment.moved"  # the status of a payment that something is paid by has changed
TURNS_MAX = 40  # more than any honest payment needs; a loop beyond it is a mistake, and stops
EXPIRY_MARGIN_S = 3


@dataclass(frozen=True, slots=True)
class Errand:
    """What to do outside the transaction: one call, or one question about a call."""

    operation: OperationRow
    attempt: AttemptRow
    call: OperationCall
    ask: bool  # settle an unknown instead of sending


@dataclass(frozen=True, slots=True)
class News:
    """What an errand brought back. No outcome: still unknown, ask again later; `said` is what was heard instead."""

    operation_id: str
    outcome: Outcome | None
    by: SettledBy
    said: str = ""


async def drive(payment_id: str, errand: Errand | None = None) -> PaymentRow:
    """Move the payment on as far as it goes now, beginning with the errand. Raises NotFound."""
    news: News | None = None
    if errand is not None:
        news = await _run(errand)
    for _ in range(TURNS_MAX):
        async with transaction():
            errand, payment = await _turn(payment_id, news)
        if errand is None:
            break
        news = await _run(errand)
    return payment


async def _turn(payment_id: str, news: News | None) -> tuple[Errand | None, PaymentRow]:
    """One transaction's worth: apply the news, decide, write down what comes next. The payment as it is then."""
    story = await store.lock_story(payment_id)
    if story is None:
        raise NotFound("payment", payment_id)
    now = clock_port.now()
    if news is not None and news.outcome is None:
        story = await resolver.put_off(story, news.operation_id, news.by, news.said, now)
    elif news is not None and news.outcome is not None:
        story = await settle(story, news.operation_id, news.outcome, news.by, now) or story
    return await _proceed(story, now)


async def proceed(story: Story, now: datetime, beginning: Beginning | None = None) -> Errand | None:
    """Decide on a payment that the caller has locked, as `story` has it, and write down what comes next.

    `beginning` is the card's try, where the caller has noted just now that it begins.
    """
    errand, _ = await _proceed(story, now, beginning)
    return errand


async def _proceed(story: Story, now: datetime, beginning: Beginning | None = None) -> tuple[Errand | None, PaymentRow]:
    story = await _warn_of_expiry(story, now)
    story, step = await _decide(story, now, beginning)
    payment = await _forget(story, await _update_payment(story, step, now), now)
    return await _begin(story, step, now), payment


async def _decide(story: Story, now: datetime, beginning: Beginning | None) -> tuple[Story, Step]:
    policy = await route_settings.failover_policy(story.payment.merchant_id)
    step = lifecycle.next_step(story, policy, connections.steps_by_gateway(), now)
    while isinstance(step, Send) and await withheld.is_to_be_held_back(story, step):  # once for each capture
        story = await withheld.hold_back(story, step, now)
        step = lifecycle.next_step(story, policy, connections.steps_by_gateway(), now)
    if isinstance(step, StartAttempt):
        if beginning is None:
            beginning = await card_tries.refused_before(story.payment, now)
        ceiling = await card_tries.ceiling_of(story.payment, beginning, now)
        if ceiling is not None:
            step = lifecycle.next_step(story, policy, connections.steps_by_gateway(), now, ceiling)
    return story, step


async def _warn_of_expiry(story: Story, now: datetime) -> Story:
    """Tell the merchant, once, that an authorisation ends soon and is not captured."""
    attempt = lifecycle.expiring(story, now)
    if attempt is None or attempt.capture_before is None:
        return story
    told = {"expiry_told_at": now}
    await store.update_attempt(attempt.id, told, now)
    data = {"capture_before": attempt.capture_before.isoformat(), "gateway": attempt.gateway}
    await record(EventType.PAYMENT_AUTHORISATION_EXPIRING, story.payment.merchant_id, story.payment.id, data, now)
    return story.with_attempt(structs.replace(attempt, **told))


async def _begin(story: Story, step: Step, now: datetime) -> Errand | None:
    match step:
        case StartAttempt() | Send() if await installation.why_frozen():
            await outbox.postpone(TOPIC, story.payment.id, now + timedelta(seconds=installation.LOOK_AGAIN_FROZEN_S))
            return None
        case StartAttempt():
            attempt = await _open_attempt(story, step, now)
            kind = connections.steps_by_gateway()[attempt.gateway][0]
            return await send(story, attempt, kind, story.payment.amount, now)
        case Send():
            amount = Money(step.amount_minor, story.payment.currency)
            return await send(
                story,
                step.attempt,
                step.kind,
                amount,
                now,
                action_result=step.action_result,
                target_operation_id=step.target_operation_id,
                final=step.final,
                cause=step.cause,
            )
        case Resolve(operation=operation):
            until = now + timedelta(seconds=operation_expiry_s())
            await resolver.claim(operation, until)
            await outbox.postpone(TOPIC, story.payment.id, until + timedelta(seconds=1))
            return inquiry(story, operation)
        case Wait() | Rest():
            look_again_at = lifecycle.wake_at(story, step, now)
            if look_again_at is None:
                await outbox.dismiss(TOPIC, story.payment.id)
            else:
                await outbox.postpone(TOPIC, story.payment.id, look_again_at)
            return None
        case _:
            assert_never(step)


def inquiry(story: Story, operation: OperationRow) -> Errand:
    """The errand of asking what became of an operation."""
    attempt = story.attempt(operation.attempt_id)
    return Errand(operation, attempt, call_for(story, attempt, operation), ask=True)


async def send(
    story: Story,
    attempt: AttemptRow,
    kind: OperationKind,
    amount: Money,
    now: datetime,
    *,
    target_operation_id: str | None = None,
    action_result: dict[str, str] | None = None,
    final: bool = True,
    cause: Cause = Cause.NONE,
) -> Errand:
    """Write the operation down before it is sent, with a watchdog for the case that nobody lives to hear the answer.

    Raises InstallationFrozen.
    """
    await installation.require_thawed()
    operation = structs.replace(
        operation_for(attempt, kind, amount, new_id("op"), now),
        target_operation_id=target_operation_id,
        action_result=action_result,
        expires_at=now + timedelta(seconds=operation_expiry_s()),
        captures=kind is OperationKind.CAPTURE
        or (kind in AUTHORISING and attempt.capture_mode is CaptureMode.AUTOMATIC),
        final=final,
        cause=cause,
        splits=await parts_of(story, attempt, kind, amount, target_operation_id),
    )
    await store.insert_operation(operation)
    await outbox.postpone(TOPIC, story.payment.id, operation.expires_at + timedelta(seconds=1))
    return Errand(operation, attempt, call_for(story, attempt, operation), ask=False)


def operation_expiry_s() -> int:
    """After this nobody can still be waiting for the reply: the longer of the two ways' time-outs, and a margin."""
    settings = get_settings()
    direct_s = settings.limits.gateway_connect_timeout_s + settings.limits.gateway_read_timeout_s
    through_vault_s = settings.vault.connect_timeout_s + settings.vault.read_timeout_s
    return max(direct_s, through_vault_s) + EXPIRY_MARGIN_S


async def _open_attempt(story: Story, step: StartAttempt, now: datetime) -> AttemptRow:
    attempt = AttemptRow(
        id=new_id("att"),
        payment_id=story.payment.id,
        position=len(story.attempts) + 1,
        round=story.payment.round,
        gateway_account_id=step.account_id,
        gateway=step.gateway,
        status=AttemptStatus.STARTED,
        why=step.why,
        gateway_payment_id="",
        gateway_authorisation_id="",
        decline=None,
        next_action=None,
        created_at=now,
        updated_at=now,
        capture_mode=capture_mode(story.payment.instrument) if story.payment.instrument else CaptureMode.MANUAL,
        fingerprint=instrument_fingerprint(story.payment.instrument) if story.payment.instrument else "",
        authentication=authentication.for_attempt(story, KINDS[step.gateway].capabilities.authentication, now),
    )
    await store.insert_attempt(attempt)
    before = [earlier for earlier in story.attempts if earlier.round == story.payment.round]
    if before and not (before[-1].gateway_account_id == step.account_id and authentication.is_soft_decline(before[-1])):
        data = {"from": before[-1].gateway, "to": attempt.gateway, "why": step.why}
        await record(EventType.PAYMENT_FAILED_OVER, story.payment.merchant_id, story.payment.id, data, now)
    return attempt


async def _forget(story: Story, payment: PaymentRow, now: datetime) -> PaymentRow:
    """What only authentication needs is not kept once the payment is done."""
    forgotten = authentication.forget(structs.replace(story, payment=payment), payment.status)
    if forgotten is None:
        return payment
    for attempt in forgotten.attempts:
        await store.update_attempt(attempt.id, {"authentication": attempt.authentication}, now)
    if forgotten.usage is None:
        return payment
    await store.update_payment(payment.id, {"usage": forgotten.usage}, now)
    return structs.replace(payment, usage=forgotten.usage)


_EVENT_OF = {
    PaymentStatus.AUTHORISED: EventType.PAYMENT_AUTHORISED,
    PaymentStatus.PARTIALLY_CAPTURED: EventType.PAYMENT_CAPTURED,
    PaymentStatus.CAPTURED: EventType.PAYMENT_CAPTURED,
    PaymentStatus.FAILED: EventType.PAYMENT_FAILED,
    PaymentStatus.CANCELED: EventType.PAYMENT_CANCELED,
    PaymentStatus.REQUIRES_ACTION: EventType.PAYMENT_REQUIRES_ACTION,
    PaymentStatus.NEEDS_REVIEW: EventType.PAYMENT_NEEDS_REVIEW,
}


async def _update_payment(story: Story, step: Step, now: datetime) -> PaymentRow:
    """Bring the payment's own columns up to what its operations say, and tell of a new status."""
    payment = story.payment
    status = lifecycle.status_of(story, step)
    captured, refunded = captured_minor(story), refunded_minor(story)
    if (status, captured, refunded) == (payment.status, payment.amount_captured_minor, payment.amount_refunded_minor):
        return payment
    values: dict[str, Any] = {
        "status": status,
        "amount_captured_minor": captured,
        "amount_refunded_minor": refunded,
    }
    if isinstance(step, Rest) and step.reason:
        values.update(failure_reason=step.reason, failure_message=step.message)
    await store.update_payment(payment.id, values, now)
    if status is not payment.status and status in _EVENT_OF:
        data = {
            "amount_minor": payment.amount_minor,
            "currency": payment.currency,
            "amount_captured_minor": captured,
        }
        await record(_EVENT_OF[status], payment.merchant_id, payment.id, data, now)
        if payment.usage.by_merchant and values.get("failure_reason") == authentication.SOFT_DECLINE:
            event = EventType.PAYMENT_AUTHENTICATION_REQUIRED
            await record(event, payment.merchant_id, payment.id, data | {"customer_id": payment.customer_id}, now)
    if status is not payment.status and payment.source:
        await outbox.enqueue(MOVED, payment.id, now)
    # what came after the payment was given up goes back: nothing is paid by it
    if captured != payment.amount_captured_minor and payment.source and not given_up(payment):
        await outbox.enqueue("payment.captured", payment.id, now)
    if refunded != payment.amount_refunded_minor and payment.source:
        await outbox.enqueue("payment.captured", payment.id, now)
    return structs.replace(payment, **values, updated_at=now)


async def _run(errand: Errand) -> News:
    """The gateway call itself, in the account's own threads, outside any transaction."""
    operation = errand.operation
    try:
        gateway = await connections.connect(errand.attempt.gateway_account_id)
    except Exception as error:  # credentials that cannot be opened or built with: nothing was sent
        log.exception("gateway.not_connected", account=errand.attempt.gateway_account_id, operation=operation.id)
        refused = Outcome(OutcomeKind.NOT_REACHED, detail=f"the account cannot be used: {type(error).__name__}")
        return News(operation.id, None if errand.ask else refused, SettledBy.REPLY, refused.detail)
    if errand.ask:
        outcome, by, said = await resolver.ask(gateway, operation, errand.call, clock_port.now())
        return News(operation.id, outcome, by, said)
    return News(operation.id, await gateway.perform(errand.call), SettledBy.REPLY)
