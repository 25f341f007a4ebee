"""The verbs of payments: create, pay, complete, capture, cancel. What they decide is committed before it is sent."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from currency.money import Money
from orchestrator import clock_port
from orchestrator.access.store import bind_idempotency
from orchestrator.db import transaction
from orchestrator.errors import Conflict, InvalidField, NotFound
from orchestrator.events import EventType
from orchestrator.gateways.base import OperationKind
from orchestrator.ids import new_id
from orchestrator.ledger.service import AccountKind
from orchestrator.notifications.service import record
from orchestrator.payments import driver, lifecycle, routes, store
from orchestrator.payments.records import (
    AttemptStatus,
    Card,
    OperationState,
    PaymentRow,
    PaymentStatus,
    Story,
)
from orchestrator.settings import get_settings

POLL_S = 0.15


@dataclass(frozen=True, slots=True)
class NewPayment:
    """What a payment is made of. Without `card` the shopper brings one on the hosted page."""

    merchant_id: str
    amount: Money
    capture_method: str = "automatic"
    card: Card | None = None
    country: str | None = None
    customer_id: str | None = None
    reference: str | None = None
    description: str = ""
    locale: str = "en"
    return_url: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    source: str | None = None
    credit_kind: AccountKind = AccountKind.SALES


async def create(new: NewPayment, idempotency_id: str | None = None) -> PaymentRow:
    """Create a payment and, where it has a card, pay it. Returns it when it rests or at the deadline for answers."""
    if new.amount.minor <= 0:
        raise InvalidField("amount.amount", "must be a positive number of minor units")
    now = clock_port.now()
    plan = None
    if new.card is not None:
        plan = await routes.plan_for(new.merchant_id, new.amount, new.card, new.country, new.metadata, now)
    payment = PaymentRow(
        id=new_id("pay"),
        merchant_id=new.merchant_id,
        amount_minor=new.amount.minor,
        currency=new.amount.currency,
        status=PaymentStatus.PROCESSING if new.card else PaymentStatus.REQUIRES_PAYMENT_METHOD,
        capture_method=new.capture_method,
        amount_captured_minor=0,
        amount_refunded_minor=0,
        country=new.country,
        customer_id=new.customer_id,
        card=new.card,
        plan=plan.to_json() if plan else None,
        round=1,
        hosted=new.card is None,
        cancel_requested=False,
        failure_reason=None,
        failure_message=None,
        reference=new.reference,
        description=new.description,
        locale=new.locale,
        return_url=new.return_url,
        metadata=new.metadata,
        source=new.source,
        credit_kind=new.credit_kind.value,
        public_token=secrets.token_urlsafe(24),
        created_at=now,
        updated_at=now,
    )
    errand = None
    async with transaction():
        await store.insert_payment(payment)
        if idempotency_id:
            await bind_idempotency(idempotency_id, payment.id)
        data = {"amount_minor": payment.amount_minor, "currency": payment.currency}
        await record(EventType.PAYMENT_CREATED, payment.merchant_id, payment.id, data, now)
        if payment.card is not None:
            errand = await driver.proceed(Story(payment, [], []), now)
    if payment.card is None:
        return payment
    return await answer(payment.id, errand)


async def pay(public_token: str, card: Card, country: str | None = None) -> PaymentRow:
    """The shopper's card on the hosted page: a first try, or another after a decline.

    Raises NotFound; Conflict while an earlier try is under way or done, so that two tabs cannot pay twice.
    """
    found = await by_token(public_token)
    now = clock_port.now()
    plan = await routes.plan_for(found.merchant_id, found.amount, card, country or found.country, found.metadata, now)
    async with transaction():
        payment = await store.lock_payment(found.id)
        assert payment is not None
        if payment.status is not PaymentStatus.REQUIRES_PAYMENT_METHOD:
            raise Conflict(f"The payment is {payment.status.value}: it takes no other card now.")
        story = await store.story_of(payment)
        if any(op.open for op in story.operations) or lifecycle.winner_of(story):
            raise Conflict("An earlier try is still being settled. Wait for its result.")
        first = not story.attempts
        values: dict[str, Any] = {
            "card": card,
            "plan": plan.to_json(),
            "round": payment.round if first else payment.round + 1,
            "country": country or payment.country,
            "status": PaymentStatus.PROCESSING,
            "failure_reason": None,
            "failure_message": None,
        }
        await store.update_payment(payment.id, values, now)
        paying = structs.replace(payment, **values)
        errand = await driver.proceed(structs.replace(story, payment=paying), now)
    return await answer(payment.id, errand)


async def complete(payment_id: str, action_result: dict[str, str]) -> PaymentRow:
    """The shopper is back from the bank's or the gateway's page, with what it gave (query parameters, form fields)."""
    async with transaction():
        story = await _locked(payment_id)
        waiting = [a for a in story.attempts if a.status is AttemptStatus.ACTION_REQUIRED]
        errand = None
        if waiting and not any(op.open for op in story.operations_of(waiting[-1].id)):
            errand = await driver.send(
                story,
                waiting[-1],
                OperationKind.COMPLETE,
                story.payment.amount,
                clock_port.now(),
                action_result=action_result,
            )
    return await answer(payment_id, errand)


async def capture(
    merchant_id: str, payment_id: str, amount_minor: int | None, idempotency_id: str | None = None
) -> PaymentRow:
    """Take an authorised payment's money, all of it or part; the rest of the authorisation is released.

    Raises NotFound, Conflict (not authorised, or captured already), InvalidField (more than authorised).
    """
    async with transaction():
        story = await _locked(payment_id, merchant_id)
        winner = lifecycle.winner_of(story)
        given_up = lifecycle.given_up(story.payment)
        if winner is None or winner.status is not AttemptStatus.AUTHORISED or given_up:
            raise Conflict(f"The payment is {story.payment.status.value}: there is nothing to capture.")
        captures = story.operations_of(winner.id, OperationKind.CAPTURE)
        in_flight = (OperationState.SENT, OperationState.UNKNOWN)
        calling = [op for op in story.operations_of(winner.id) if op.state in in_flight]
        if calling or any(op.open or op.approved for op in captures):
            raise Conflict("A capture of this payment is under way already.")
        amount = Money(story.payment.amount_minor if amount_minor is None else amount_minor, story.payment.currency)
        if not 0 < amount.minor <= story.payment.amount_minor:
            raise InvalidField("amount", f"must be between 1 and the authorised {story.payment.amount_minor}")
        if idempotency_id:
            await bind_idempotency(idempotency_id, payment_id)
        errand = await driver.send(story, winner, OperationKind.CAPTURE, amount, clock_port.now())
    return await answer(payment_id, errand)


async def cancel(merchant_id: str, payment_id: str, idempotency_id: str | None = None) -> PaymentRow:
    """Give the payment up: what is authorised is voided, what comes late is voided by itself.

    Raises NotFound; Conflict once money was captured (refund it instead).
    """
    async with transaction():
        story = await _locked(payment_id, merchant_id)
        captures = [op for op in story.operations if op.kind is OperationKind.CAPTURE and (op.open or op.approved)]
        if captures:
            raise Conflict("The payment is captured, or its capture is under way: refund it instead of canceling.")
        now = clock_port.now()
        if idempotency_id:
            await bind_idempotency(idempotency_id, payment_id)
        await store.update_payment(payment_id, {"cancel_requested": True}, now)
        canceling = structs.replace(story.payment, cancel_requested=True)
        errand = await driver.proceed(structs.replace(story, payment=canceling), now)
    return await answer(payment_id, errand, until_canceled=True)


async def get(merchant_id: str, payment_id: str) -> PaymentRow:
    """Raises NotFound, also for another merchant's payment."""
    payment = await store.payment(payment_id)
    if payment is None or payment.merchant_id != merchant_id:
        raise NotFound("payment", payment_id)
    return payment


async def by_token(public_token: str) -> PaymentRow:
    """The payment of a hosted page. Raises NotFound."""
    payment = await store.payment_by_token(public_token)
    if payment is None:
        raise NotFound("payment", public_token)
    return payment


async def story(payment: PaymentRow, *, exchanges: bool = False) -> Story:
    """The payment with its attempts and operations; what was sent and received where it is asked for."""
    return await store.story_of(payment, exchanges=exchanges)


async def _locked(payment_id: str, merchant_id: str | None = None) -> Story:
    payment = await store.lock_payment(payment_id)
    if payment is None or merchant_id not in (None, payment.merchant_id):
        raise NotFound("payment", payment_id)
    return await store.story_of(payment)


_driving: set[asyncio.Task[PaymentRow]] = set()


async def finish_driving(patience_s: float) -> None:
    """Before the process ends, let calls to gateways that are out come home. What does not is settled by a worker."""
    if _driving:
        await asyncio.wait(set(_driving), timeout=patience_s)


async def answer(payment_id: str, errand: driver.Errand | None, *, until_canceled: bool = False) -> PaymentRow:
    """Drive, and answer when the outcome is known or at the deadline, whichever is first.

    The driving goes on when the answer is given or the caller hangs up: a call to a gateway is never broken off.
    """
    deadline_s = get_settings().limits.payment_deadline_s
    task = asyncio.create_task(driver.drive(payment_id, errand))
    _driving.add(task)
    task.add_done_callback(_driving.discard)
    began = asyncio.get_running_loop().time()
    try:
        payment = await asyncio.wait_for(asyncio.shield(task), deadline_s)
    except TimeoutError:
        found = await store.payment(payment_id)
        assert found is not None
        return found
    # an unknown is being settled elsewhere: its result is worth waiting for while the shopper would wait anyway
    while asyncio.get_running_loop().time() - began < deadline_s and await _is_moving(payment, until_canceled):
        await asyncio.sleep(POLL_S)
        found = await store.payment(payment_id)
        assert found is not None
        payment = found
    if payment.status is PaymentStatus.AUTHORISED:  # its capture may have settled between our two looks
        return await store.payment(payment_id) or payment
    return payment


async def _is_moving(payment: PaymentRow, until_canceled: bool) -> bool:
    if payment.status is not PaymentStatus.AUTHORISED:
        return payment.status is PaymentStatus.PROCESSING
    if until_canceled:
        return True
    if payment.capture_method == "manual":
        return False
    # whoever settled the unknown is about to capture; a capture that is pending is not worth waiting for
    return any(op.state is OperationState.SENT for op in (await store.story_of(payment)).operations)
