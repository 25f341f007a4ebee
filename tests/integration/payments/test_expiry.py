"""An authorisation does not live for ever: a warning, an end that the gateway confirms, and perhaps another one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from payment_shop import Shop, euros, story_of
from raw_webhooks import Receiver, deliver

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.errors import InvalidField
from orchestrator.gateways import accounts, connections
from orchestrator.gateways.base import OperationCall, OperationKind
from orchestrator.notifications import store as events
from orchestrator.outbox import Outbox
from orchestrator.payments import driver, service
from orchestrator.payments.errors import AuthorisationExpired
from orchestrator.payments.instruments import Ideal
from orchestrator.payments.records import AttemptStatus, PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.payments.tables import Attempt

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def authorised(shop: Shop, gateway: str = "stripe", **more: bool) -> PaymentRow:
    for name, account_id in shop.accounts.items():
        await accounts.switch(shop.merchant_id, account_id, enabled=name == gateway)
    new = NewPayment(shop.merchant_id, euros(1000), instrument=await shop.card(), capture_method="manual", **more)
    payment = await service.create(new)
    assert payment.status is PaymentStatus.AUTHORISED
    return payment


async def end_in(payment: PaymentRow, time_left: timedelta) -> None:
    """As if the gateway had said so, and the payment is looked at."""
    async with transaction():
        values = {Attempt.capture_before: clock_port.now() + time_left}
        await Attempt.update(values).where(Attempt.payment_id == payment.id, Attempt.status == "authorised")
    await driver.drive(payment.id)


async def told(payment: PaymentRow) -> list[str]:
    rows = await events.events_of(payment.merchant_id, limit=100, object_id=payment.id)
    return [row.type for row in rows]


@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
async def test_the_end_of_an_authorisation_is_known_and_the_clock_will_look(shop: Shop, gateway: str) -> None:
    payment = await authorised(shop, gateway)
    (attempt,) = (await story_of(payment)).attempts
    assert attempt.capture_before is not None
    assert attempt.capture_before > clock_port.now() + timedelta(days=2)
    row = await Outbox.select().where(Outbox.topic == driver.TOPIC, Outbox.subject == payment.id).first()
    assert row is not None
    assert row["due_at"] <= attempt.capture_before - timedelta(hours=23)


async def test_the_merchant_is_warned_once_a_day_before(shop: Shop) -> None:
    payment = await authorised(shop)
    await end_in(payment, timedelta(hours=25))
    assert "payment.authorisation_expiring" not in await told(payment)
    await end_in(payment, timedelta(hours=23))
    await driver.drive(payment.id)
    assert (await told(payment)).count("payment.authorisation_expiring") == 1


async def test_what_has_ended_cannot_be_captured(shop: Shop) -> None:
    payment = await authorised(shop)
    await end_in(payment, timedelta(minutes=-1))
    with pytest.raises(AuthorisationExpired, match="ended at"):
        await service.capture(shop.merchant_id, payment.id, None)


@pytest.mark.parametrize("gateway", ["stripe", "paypal"])
async def test_a_payment_whose_authorisation_ran_out_is_canceled_with_the_reason(shop: Shop, gateway: str) -> None:
    payment = await authorised(shop, gateway)
    await end_in(payment, timedelta(hours=-2))
    found = await service.get(shop.merchant_id, payment.id)
    assert (found.status, found.failure_reason) == (PaymentStatus.CANCELED, "authorisation_expired")
    assert [charge["voided"] for charge in await shop.charges(payment)] == [True]


async def test_a_gateway_that_lets_an_authorisation_go_is_believed_when_it_was_asked(shop: Shop) -> None:
    receiver = Receiver()
    server = await receiver.start()
    await receiver.listen_to(shop, "stripe")
    payment = await authorised(shop)
    await let_go_at_the_gateway(shop, payment)
    raw = await receiver.told(payment, "payment_intent.canceled")
    await deliver(shop, raw)
    await deliver(shop, raw)
    found = await service.get(shop.merchant_id, payment.id)
    assert (found.status, found.failure_reason) == (PaymentStatus.CANCELED, "authorisation_expired")
    assert [op.cause.value for op in (await story_of(payment)).operations if op.kind.value == "void"] == ["lapsed"]
    server.close()


async def let_go_at_the_gateway(shop: Shop, payment: PaymentRow) -> None:
    """Somebody cancels it on the gateway's own pages."""
    (attempt,) = (await story_of(payment)).attempts
    gateway = (await connections.connect(attempt.gateway_account_id)).gateway
    call = OperationCall(
        OperationKind.VOID,
        "by-hand",
        payment.id,
        attempt.id,
        euros(1000),
        gateway_payment_id=attempt.gateway_payment_id,
    )
    assert gateway.perform(call).kind.value == "approved"


async def test_a_payment_that_agreed_to_it_is_authorised_again_once_the_old_hold_is_gone(shop: Shop) -> None:
    payment = await authorised(shop, reauthorise=True)
    await end_in(payment, timedelta(hours=-2))
    story = await story_of(payment)
    assert [a.status for a in story.attempts] == [AttemptStatus.VOIDED, AttemptStatus.AUTHORISED]
    assert (await service.get(shop.merchant_id, payment.id)).status is PaymentStatus.AUTHORISED
    charges = await shop.charges(payment)
    assert sorted(charge["voided"] for charge in charges) == [False, True]
    captured = await service.capture(shop.merchant_id, payment.id, None)
    assert (captured.status, len(await shop.kept(payment))) == (PaymentStatus.CAPTURED, 1)


async def test_what_cannot_be_charged_again_is_refused_at_creation(shop: Shop) -> None:
    new = NewPayment(shop.merchant_id, euros(1000), instrument=Ideal(holder="Ada"), reauthorise=True)
    with pytest.raises(InvalidField, match="reauthorise"):
        await service.create(new)
