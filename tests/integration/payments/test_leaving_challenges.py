"""A shopper who has to act and does not: canceled, left for another card, or timed out, and never charged later."""

from __future__ import annotations

from datetime import timedelta

import pytest
from payment_shop import CHALLENGED, Shop, euros, story_of

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.errors import Conflict
from orchestrator.gateways import accounts
from orchestrator.payments import driver, service
from orchestrator.payments.instruments import PayPalWallet
from orchestrator.payments.records import AttemptStatus, Cause, PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.payments.tables import Operation
from orchestrator.payments.tidying import CHALLENGE_LASTS_S

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def only(shop: Shop, *gateways: str) -> None:
    for name, account_id in shop.accounts.items():
        await accounts.switch(shop.merchant_id, account_id, enabled=name in gateways)


async def challenged(shop: Shop, gateway: str = "stripe") -> PaymentRow:
    """A hosted payment whose shopper has to act."""
    await only(shop, gateway)
    hosted = await service.create(NewPayment(shop.merchant_id, euros(1999)))
    wallet = gateway == "paypal"
    payment = await service.pay(hosted.public_token, PayPalWallet() if wallet else await shop.card(CHALLENGED))
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    return payment


async def page_of(payment: PaymentRow) -> str:
    """Where the shopper was sent to."""
    action = (await story_of(payment)).attempts[0].next_action
    assert action is not None
    return str(action["url"])


async def pass_the_challenge(shop: Shop, page: str) -> None:
    """The shopper does what the bank asks, however late; whether it still counts the gateway decides."""
    await shop.world.post(page, data={"password": "password"})


@pytest.mark.parametrize("gateway", ["stripe", "paypal"])
async def test_a_canceled_challenge_cannot_succeed_later(shop: Shop, gateway: str) -> None:
    payment = await challenged(shop, gateway)
    page = await page_of(payment)
    canceled = await service.cancel(shop.merchant_id, payment.id)
    assert canceled.status is PaymentStatus.CANCELED
    (attempt,) = (await story_of(payment)).attempts
    assert attempt.status is AttemptStatus.ABANDONED
    if gateway == "stripe":
        await pass_the_challenge(shop, page)
    again = await service.complete(payment.id, {})
    assert (again.status, await shop.kept(payment)) == (PaymentStatus.CANCELED, [])
    assert not [charge for charge in await shop.charges(payment) if not charge["voided"]]


async def test_another_card_is_taken_once_the_gateway_has_confirmed_that_the_challenge_is_canceled(shop: Shop) -> None:
    payment = await challenged(shop)
    page = await page_of(payment)
    paid = await service.pay(payment.public_token, await shop.card())
    await pass_the_challenge(shop, page)
    assert paid.status is PaymentStatus.CAPTURED
    story = await story_of(payment)
    assert [a.status for a in story.attempts] == [AttemptStatus.ABANDONED, AttemptStatus.CAPTURED]
    assert [op.cause for op in story.operations if op.kind.value == "void"] == [Cause.LEFT]
    assert len(await shop.kept(payment)) == 1


async def test_another_card_waits_while_the_gateway_does_not_confirm(shop: Shop) -> None:
    payment = await challenged(shop)
    await shop.tell("/scenarios", gateway="stripe", operation="void", behaviour="http_429")
    with pytest.raises(Conflict, match="not confirmed"):
        await service.pay(payment.public_token, await shop.card())
    assert len((await story_of(payment)).attempts) == 1
    assert (await service.pay(payment.public_token, await shop.card())).status is PaymentStatus.CAPTURED


async def test_a_challenge_that_nobody_passes_ends_after_its_time(shop: Shop) -> None:
    payment = await challenged(shop)
    await let_time_pass(payment)
    found = await service.get(shop.merchant_id, payment.id)
    assert (found.status, found.failure_reason) == (PaymentStatus.REQUIRES_PAYMENT_METHOD, "challenge_abandoned")
    assert (await service.pay(payment.public_token, await shop.card())).status is PaymentStatus.CAPTURED


async def test_a_payment_by_api_whose_challenge_nobody_passes_fails(shop: Shop) -> None:
    await only(shop, "stripe")
    new = NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card(CHALLENGED))
    payment = await service.create(new)
    await let_time_pass(payment)
    assert (await service.get(shop.merchant_id, payment.id)).status is PaymentStatus.FAILED


async def let_time_pass(payment: PaymentRow) -> None:
    asked = clock_port.now() - timedelta(seconds=CHALLENGE_LASTS_S + 1)
    async with transaction():
        await Operation.update({Operation.settled_at: asked}).where(
            Operation.payment_id == payment.id, Operation.outcome == "action_required"
        )
    await driver.drive(payment.id)
