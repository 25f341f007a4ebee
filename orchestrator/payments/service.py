"""The verbs of payments: create, pay, complete, capture, cancel. What they decide is committed before it is sent."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec import structs

from currency.money import Money
from orchestrator import clock_port
from orchestrator.access import audit
from orchestrator.access.store import bind_idempotency
from orchestrator.db import transaction
from orchestrator.errors import Conflict, InvalidField, NotFound
from orchestrator.events import EventType
from orchestrator.gateways.base import OperationKind
from orchestrator.gateways.connections import steps_by_gateway
from orchestrator.gateways.credentials import Agreement, Initiator, Shopper
from orchestrator.ids import new_id
from orchestrator.installation import service as installation
from orchestrator.ledger.service import AccountKind
from orchestrator.notifications.service import record
from orchestrator.payments import (
    answering,
    authentication_policy,
    capturing,
    card_tries,
    driver,
    expiry,
    kept,
    lifecycle,
    route_settings,
    routes,
    store,
    tidying,
)
from orchestrator.payments.authentication_records import PaymentAuthentication
from orchestrator.payments.instruments import Instrument, Saving
from orchestrator.payments.records import (
    AttemptRow,
    AttemptStatus,
    Cause,
    OnUnknown,
    PaymentRow,
    PaymentStatus,
    Story,
)
from orchestrator.payments.steps import Resolve
from orchestrator.recipients import service as recipients
from orchestrator.recipients.shares import Wish, fix

_NOT_RECHARGEABLE = (
    "needs a card of the vault, or a kept payment method that the customer allowed unscheduled charges of: "
    "leave it out, or pay with one of those"
)


@dataclass(frozen=True, slots=True)
class NewPayment:
    """What a payment is made of. Without `instrument` the shopper brings one on the hosted page.

    `payment_method_id` names a kept method in place of an instrument; a merchant-initiated payment needs one, and
    `agreement` may name which of its uses this is. `saving` keeps the instrument when the payment is approved.
    """

    merchant_id: str
    amount: Money
    capture_method: str = "automatic"
    instrument: Instrument | None = None
    payment_method_id: str | None = None
    initiator: Initiator = Initiator.CUSTOMER
    agreement: Agreement = Agreement.NONE
    saving: Saving | None = None
    shopper: Shopper = field(default_factory=Shopper)
    country: str | None = None
    customer_id: str | None = None
    reference: str | None = None
    description: str = ""
    locale: str = "en"
    return_url: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    source: str | None = None
    credit_kind: AccountKind = AccountKind.SALES
    on_unknown: OnUnknown = OnUnknown.WAIT
    reauthorise: bool = False  # an authorisation that runs out is asked for again, where the instrument can be
    splits: tuple[Wish, ...] = ()
    risk_score: int | None = None  # 0 to 100, of whoever scores for the merchant: rules may look at it
    authentication: PaymentAuthentication | None = None  # what is asked of 3-D Secure; else as the merchant's policy
    suspected: bool = False  # the defence against card testing wants to see the cardholder


async def create(
    new: NewPayment,
    idempotency_id: str | None = None,
    *,
    also: Callable[[PaymentRow], Awaitable[None]] | None = None,
) -> PaymentRow:
    """Create a payment and, where it has a card, pay it. Returns it when it rests or at the deadline for answers.

    `also` is done in the transaction that makes the payment: both are there, or neither.
    """
    if new.amount.minor <= 0:
        raise InvalidField("amount.amount", "must be a positive number of minor units")
    now = clock_port.now()
    splits = fix(new.amount.minor, new.splits) if new.splits else None
    await recipients.require(new.merchant_id, [wish.recipient_id for wish in new.splits])
    terms, payment_id = await kept.terms_of(new), new_id("pay")
    instrument, usage, plan, authentication = terms.instrument, terms.usage, None, new.authentication
    if new.reauthorise and instrument is not None and not tidying.is_rechargeable(instrument, usage):
        raise InvalidField("reauthorise", _NOT_RECHARGEABLE)
    if instrument is not None:
        await installation.require_thawed()
        plan = await routes.plan_for(
            new.merchant_id,
            new.amount,
            instrument,
            new.country,
            new.metadata,
            now,
            usage=usage,
            splits=splits,
            payment_id=payment_id,
            risk_score=new.risk_score,
        )
        usage = await kept.with_customers(terms.customer_id, usage, plan)
        authentication = await authentication_policy.decided(
            new.merchant_id, new.amount, instrument, usage, plan, authentication, suspected=new.suspected
        )
    beginning = await card_tries.begin(new.merchant_id, instrument, now)
    payment = PaymentRow(
        id=payment_id,
        merchant_id=new.merchant_id,
        amount_minor=new.amount.minor,
        currency=new.amount.currency,
        status=PaymentStatus.PROCESSING if instrument else PaymentStatus.REQUIRES_PAYMENT_METHOD,
        capture_method=new.capture_method,
        amount_captured_minor=0,
        amount_refunded_minor=0,
        country=new.country,
        customer_id=terms.customer_id,
        instrument=instrument,
        usage=usage,
        plan=plan.to_json() if plan else None,
        round=1,
        hosted=instrument is None,
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
        on_unknown=new.on_unknown,
        reauthorise=new.reauthorise,
        splits=splits,
        authentication=authentication,
        risk_score=new.risk_score,
    )
    errand = None
    async with transaction():
        await store.insert_payment(payment)
        if idempotency_id:
            await bind_idempotency(idempotency_id, payment.id)
        data = {"amount_minor": payment.amount_minor, "currency": payment.currency}
        await record(EventType.PAYMENT_CREATED, payment.merchant_id, payment.id, data, now)
        if also is not None:
            await also(payment)
        if payment.instrument is not None:
            errand = await driver.proceed(Story(payment, [], []), now, beginning)
    if payment.instrument is None:
        return payment
    return await answering.answer(payment.id, errand)


async def pay(
    public_token: str,
    instrument: Instrument,
    country: str | None = None,
    shopper: Shopper | None = None,
    *,
    suspected: bool = False,
) -> PaymentRow:
    """What the shopper pays with on the hosted page: a first try, or another after a decline.

    `shopper` is who sits there now. `suspected`: the defence against card testing wants to see the cardholder.
    Raises NotFound; Conflict while an earlier try is under way or done, so that two tabs cannot pay twice.
    """
    await installation.require_thawed()
    found = await leave(public_token)
    now = clock_port.now()
    usage = structs.replace(found.usage, shopper=shopper) if shopper else found.usage
    kept.require_takeable(found.amount, found.capture_method, instrument, usage)
    plan = await routes.plan_for(
        found.merchant_id,
        found.amount,
        instrument,
        country or found.country,
        found.metadata,
        now,
        usage=usage,
        splits=found.splits,
        payment_id=found.id,
        risk_score=found.risk_score,
        channel=routes.PAGE,
    )
    beginning = await card_tries.begin(found.merchant_id, instrument, now)
    usage = await kept.with_customers(found.customer_id, usage, plan)
    authentication = await authentication_policy.decided(
        found.merchant_id, found.amount, instrument, usage, plan, found.authentication, suspected=suspected
    )
    async with transaction():
        payment = await store.lock_payment(found.id)
        assert payment is not None
        if payment.status is not PaymentStatus.REQUIRES_PAYMENT_METHOD:
            raise Conflict(f"The payment is {payment.status.value}: it takes no other card now.")
        story = await store.story_of(payment)
        if any(op.open for op in story.operations) or tidying.winner_of(story):
            raise Conflict("An earlier try is still being settled. Wait for its result.")
        first = not story.attempts
        values: dict[str, Any] = {
            "instrument": instrument,
            "usage": usage,
            "plan": plan.to_json(),
            "authentication": authentication,
            "round": payment.round if first else payment.round + 1,
            "country": country or payment.country,
            "status": PaymentStatus.PROCESSING,
            "failure_reason": None,
            "failure_message": None,
        }
        await store.update_payment(payment.id, values, now)
        paying = structs.replace(payment, **values)
        errand = await driver.proceed(structs.replace(story, payment=paying), now, beginning)
    return await answering.answer(payment.id, errand)


async def leave(public_token: str) -> PaymentRow:
    """The shopper had to act (3-D Secure, a wallet's page) and wants to pay otherwise: that try is canceled first.

    A payment that waits for no action is returned as it is. Raises NotFound; Conflict while the gateway has not
    confirmed: then the first way may still succeed, and a second one could charge twice.
    """
    found = await by_token(public_token)
    if found.status is not PaymentStatus.REQUIRES_ACTION:
        return found
    async with transaction():
        story = await _locked(found.id)
        waiting = [a for a in story.attempts if a.status is AttemptStatus.ACTION_REQUIRED]
        if not waiting or any(op.open for op in story.operations_of(waiting[-1].id)):
            raise Conflict("An earlier try is still being settled. Wait for its result.")
        amount, now = story.payment.amount, clock_port.now()
        errand = await driver.send(story, waiting[-1], OperationKind.VOID, amount, now, cause=Cause.LEFT)
    left = await answering.answer(found.id, errand)
    if left.status is PaymentStatus.REQUIRES_ACTION:
        raise Conflict("The gateway has not confirmed that the earlier try is canceled. Finish it, or try again later.")
    return left


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
    return await answering.answer(payment_id, errand)


async def capture(
    merchant_id: str,
    payment_id: str,
    amount_minor: int | None,
    idempotency_id: str | None = None,
    *,
    final: bool = True,
) -> PaymentRow:
    """Take an authorised payment's money: all that is left of it, or part.

    After a `final` capture the rest is released; without, more captures may follow where the gateway has them.
    Raises NotFound, Conflict (not authorised, or a capture is on its way), CapturedOnce, AuthorisationExpired,
    InvalidField (more than is left, or `final` where the gateway captures once), GatewayRefused.
    """
    async with transaction():
        story = await _locked(payment_id, merchant_id)
        now = clock_port.now()
        winner, left = capturing.capturable(story, now)
        amount = Money(left if amount_minor is None else amount_minor, story.payment.currency)
        if not 0 < amount.minor <= left:
            raise InvalidField("amount", f"must be between 1 and the {left} that are left to capture")
        final = final or amount.minor == left
        capturing.require_several(winner, final)
        if idempotency_id:
            await bind_idempotency(idempotency_id, payment_id)
        errand = await driver.send(story, winner, OperationKind.CAPTURE, amount, now, final=final)
        said = {"amount_minor": amount.minor, "currency": amount.currency, "final": final}
        await audit.record(merchant_id, audit.Action.PAYMENT_CAPTURED, payment_id, now, after=said)
    payment = await answering.answer(payment_id, errand)
    await _require_accepted(errand)
    return payment


async def cancel(merchant_id: str, payment_id: str, idempotency_id: str | None = None) -> PaymentRow:
    """Give the payment up: what is authorised is voided, what comes late is given back by itself.

    Of a payment that is captured in part the rest of the authorisation is let go, and what was captured stays.
    Where that was done before, or the gateway does it by itself, nothing is sent. Raises NotFound; Conflict once all
    was captured (refund it instead); GatewayRefused where it keeps the rest.
    """
    async with transaction():
        story = await _locked(payment_id, merchant_id)
        now = clock_port.now()
        held = capturing.releasable(story, now)
        if idempotency_id:
            await bind_idempotency(idempotency_id, payment_id)
        if held is not None:
            errand = await _release(story, *held, now)
        else:
            await store.update_payment(payment_id, {"cancel_requested": True}, now)
            canceling = structs.replace(story.payment, cancel_requested=True)
            errand = await driver.proceed(structs.replace(story, payment=canceling), now)
        await audit.record(merchant_id, audit.Action.PAYMENT_CANCELED, payment_id, now)
    payment = await answering.answer(payment_id, errand, until_canceled=held is None)
    if held is not None:
        await _require_accepted(errand)
    return payment


async def _release(story: Story, attempt: AttemptRow, rest_minor: int, now: datetime) -> driver.Errand | None:
    if not rest_minor:
        return None
    if not capturing.lets_the_rest_go(attempt):
        await expiry.let_go(story, attempt, rest_minor, now)
        return None
    rest = Money(rest_minor, story.payment.currency)
    return await driver.send(story, attempt, OperationKind.VOID, rest, now, cause=Cause.RELEASED)


async def _require_accepted(errand: driver.Errand | None) -> None:
    if errand is not None:
        capturing.require_accepted(await store.operation(errand.operation.id), errand.attempt.gateway)


async def get(merchant_id: str, payment_id: str) -> PaymentRow:
    """Raises NotFound, also for another merchant's payment."""
    payment = await store.payment(payment_id)
    if payment is None or payment.merchant_id != merchant_id:
        raise NotFound("payment", payment_id)
    return payment


async def looked_at(merchant_id: str, payment_id: str) -> tuple[PaymentRow, Story]:
    """The payment as it stands; where somebody is due to ask the gateway about it, that is begun now.

    Not awaited: who reads again sees the result. Asking is limited by the times that are due. Raises NotFound.
    """
    payment = await get(merchant_id, payment_id)
    told = await store.story_of(payment)
    policy = await route_settings.failover_policy(merchant_id)
    if isinstance(lifecycle.next_step(told, policy, steps_by_gateway(), clock_port.now()), Resolve):
        answering.in_the_background(driver.drive(payment_id))
    return payment, told


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
    story = await store.lock_story(payment_id)
    if story is None or merchant_id not in (None, story.payment.merchant_id):
        raise NotFound("payment", payment_id)
    return story
