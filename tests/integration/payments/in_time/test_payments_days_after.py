"""What takes days, by the clock of the simulators: authorisations that run out, debits that are paid and returned."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta

import pytest
from kept_shop import debit, home, only, pay
from late_shop import balance, told
from passing_time import Time
from payment_shop import SIMULATOR_ACCOUNT, Shop, euros, story_of
from raw_webhooks import PATIENCE_S, Raw, Receiver, deliver
from shopper_pages_async import PAYS, visit

from orchestrator import clock_port
from orchestrator.outbox import Outbox
from orchestrator.payments import driver, service
from orchestrator.payments.errors import AuthorisationExpired
from orchestrator.payments.instruments import Ideal
from orchestrator.payments.records import AttemptStatus, Cause, PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment

pytestmark = pytest.mark.asyncio(loop_scope="session")

TELLS_OF_THE_END = {
    "stripe": "payment_intent.canceled",
    "adyen": "EXPIRE",
    "paypal": "PAYMENT.AUTHORIZATION.VOIDED",
}


async def authorised(shop: Shop, gateway: str, **more: bool) -> PaymentRow:
    await only(shop, gateway)
    new = NewPayment(shop.merchant_id, euros(1000), instrument=await shop.card(), capture_method="manual", **more)
    payment = await service.create(new)
    assert payment.status is PaymentStatus.AUTHORISED
    return payment


async def heard(receiver: Receiver, gateway: str, event: str, about: str) -> Raw:
    """The gateway's message about this id of its own; waits until it is there."""
    for _ in range(int(PATIENCE_S / 0.05)):
        for raw in receiver.requests:
            if raw.gateway == gateway and about.encode() in raw.body and _event(raw) == event:
                return raw
        await asyncio.sleep(0.05)
    raise AssertionError(f"{event} was not told; heard {[_event(raw) for raw in receiver.requests]}")


def _event(raw: Raw) -> str:
    return str(json.loads(raw.body)["event_type"]) if raw.gateway == "paypal" else raw.event


async def gateway_ids(payment: PaymentRow) -> tuple[str, str]:
    attempt = (await story_of(payment)).attempts[-1]
    return attempt.gateway_payment_id, attempt.gateway_authorisation_id


async def lasts(payment: PaymentRow) -> timedelta:
    (attempt,) = (await story_of(payment)).attempts
    assert attempt.capture_before is not None
    return attempt.capture_before - clock_port.now()


@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
async def test_the_gateways_own_message_of_an_end_ends_the_payment_once(
    shop: Shop, time: Time, receiver: Receiver, gateway: str
) -> None:
    payment = await authorised(shop, gateway)
    payment_id, authorisation_id = await gateway_ids(payment)
    await time.passes(seconds=(await _gateways_time(shop, payment)).total_seconds())
    about = authorisation_id if gateway == "paypal" else payment_id
    raw = await heard(receiver, gateway, TELLS_OF_THE_END[gateway], about)
    await deliver(shop, raw)
    await deliver(shop, raw)
    found = await service.get(shop.merchant_id, payment.id)
    assert (found.status, found.failure_reason) == (PaymentStatus.CANCELED, "authorisation_expired")
    story = await story_of(payment)
    assert [op.cause for op in story.operations if op.kind.value == "void"] == [Cause.LAPSED]
    assert [a.status for a in story.attempts] == [AttemptStatus.VOIDED]
    assert (await told(payment)).count("payment.canceled") == 1
    assert await balance(shop, "gateway_clearing") == 0


async def _gateways_time(shop: Shop, payment: PaymentRow) -> timedelta:
    """Until the simulator itself ends the authorisation, by its own timer."""
    now = clock_port.now()
    payment_id, authorisation_id = await gateway_ids(payment)
    for timer in (await shop.world.get("/timers")).json():
        facts = json.dumps(timer["facts"])
        if "expire" in timer["handler"] and (payment_id in facts or (authorisation_id and authorisation_id in facts)):
            return datetime.fromisoformat(timer["due"]) - now
    raise AssertionError("the gateway has no end of it in mind")


@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
async def test_without_any_message_the_clock_ends_it_after_its_time(shop: Shop, time: Time, gateway: str) -> None:
    payment = await authorised(shop, gateway)
    await time.passes(seconds=(await lasts(payment)).total_seconds())
    with pytest.raises(AuthorisationExpired):
        await service.capture(shop.merchant_id, payment.id, None)
    await time.passes(hours=1)
    due = await Outbox.select().where(Outbox.topic == driver.TOPIC, Outbox.subject == payment.id).first()
    assert due is not None
    assert due["due_at"] <= clock_port.now()
    found = await driver.drive(payment.id)
    void = next(op for op in (await story_of(payment)).operations if op.kind.value == "void")
    assert void.cause is Cause.EXPIRED
    if gateway != "adyen":  # which tells by webhook whether it canceled
        assert (found.status, found.failure_reason) == (PaymentStatus.CANCELED, "authorisation_expired")


async def test_what_ran_out_is_authorised_again_and_captured_once(shop: Shop, time: Time) -> None:
    payment = await authorised(shop, "stripe", reauthorise=True)
    await time.passes(seconds=(await lasts(payment)).total_seconds() + 3600)
    again = await driver.drive(payment.id)
    assert again.status is PaymentStatus.AUTHORISED
    captured = await service.capture(shop.merchant_id, payment.id, None)
    assert (captured.status, len(await shop.kept(payment))) == (PaymentStatus.CAPTURED, 1)
    assert await balance(shop, "gateway_clearing") == 1000


# ways to pay that take the money at once


@pytest.mark.parametrize("gateway", ["stripe", "adyen"])
async def test_an_ideal_payment_is_captured_by_its_approval_and_booked_once(
    shop: Shop, time: Time, receiver: Receiver, gateway: str
) -> None:
    await only(shop, gateway)
    payment = await pay(shop, Ideal("Ada Example"))
    action = (await story_of(payment)).attempts[-1].next_action
    assert action is not None
    brought = await visit(str(action["url"]), home(), press=PAYS[gateway])
    event = {"stripe": "payment_intent.succeeded", "adyen": "AUTHORISATION"}[gateway]
    (attempt,) = (await story_of(payment)).attempts
    waiting = heard(receiver, gateway, event, attempt.id)
    completed, raw = await asyncio.gather(service.complete(payment.id, brought), waiting)
    await deliver(shop, raw)
    assert completed.status is PaymentStatus.CAPTURED
    found = await service.get(shop.merchant_id, payment.id)
    assert (found.amount_captured_minor, await balance(shop, "gateway_clearing")) == (1999, 1999)
    assert not [op for op in (await story_of(payment)).operations if op.kind.value == "capture"]


async def test_an_ideal_payment_whose_shopper_and_webhook_never_came_is_found_when_its_time_is_over(
    shop: Shop, time: Time
) -> None:
    """It cannot be canceled any more; without asking, the money would be at the gateway and nobody would know."""
    await only(shop, "stripe")
    payment = await pay(shop, Ideal("Ada Example"))
    action = (await story_of(payment)).attempts[-1].next_action
    assert action is not None
    await visit(str(action["url"]), home(), press=PAYS["stripe"])  # paid, and the window is closed
    await time.passes(hours=3)
    found = await driver.drive(payment.id)
    assert (found.status, found.amount_captured_minor) == (PaymentStatus.CAPTURED, 1999)
    assert await balance(shop, "gateway_clearing") == 1999


@pytest.mark.parametrize("gateway", ["stripe", "adyen"])
async def test_a_debit_is_pending_for_days_then_paid_then_returned_and_the_money_reversed_once(
    shop: Shop, time: Time, receiver: Receiver, gateway: str
) -> None:
    await only(shop, gateway)
    payment = await pay(shop, debit())
    assert payment.status is PaymentStatus.PROCESSING
    (attempt,) = (await story_of(payment)).attempts
    await time.passes(days=1)
    waiting = await driver.drive(payment.id)
    assert (waiting.status, waiting.amount_captured_minor) == (PaymentStatus.PROCESSING, 0)
    await time.passes(seconds=(await _settles_in(shop, payment)).total_seconds())
    event = {"stripe": "payment_intent.succeeded", "adyen": "AUTHORISATION"}[gateway]
    raw = await heard(receiver, gateway, event, attempt.gateway_payment_id)
    await deliver(shop, raw)
    await deliver(shop, raw)
    paid = await service.get(shop.merchant_id, payment.id)
    assert (paid.status, paid.amount_captured_minor) == (PaymentStatus.CAPTURED, 1999)
    assert await balance(shop, "gateway_clearing") == 1999

    opened = {"gateway": gateway, "account": SIMULATOR_ACCOUNT[gateway], "reference": attempt.id}
    returned = await shop.tell("/disputes", **opened)
    event = {"stripe": "charge.dispute.created", "adyen": "CHARGEBACK"}[gateway]
    for again in range(2):
        raw = await heard(receiver, gateway, event, str(returned["id"]))
        assert await deliver(shop, raw) == (0 if again else 1)
    assert await balance(shop, "gateway_clearing") == 0
    assert await balance(shop, "sales") == -1999
    assert await balance(shop, "chargebacks") + await balance(shop, "disputes") == 1999


async def _settles_in(shop: Shop, payment: PaymentRow) -> timedelta:
    payment_id, _ = await gateway_ids(payment)
    for timer in (await shop.world.get("/timers")).json():
        if "settle" in timer["handler"] and payment_id in json.dumps(timer["facts"]):
            return datetime.fromisoformat(timer["due"]) - clock_port.now()
    raise AssertionError("the bank never answers")
