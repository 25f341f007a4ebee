"""Whole payments through the product's services, with Meridian beside Stripe: failover both ways, nothing twice."""

from __future__ import annotations

import asyncio

import pytest

from currency.money import Money
from orchestrator.gateways import accounts
from orchestrator.ledger import service as ledger
from orchestrator.outbox import Later
from orchestrator.payments import driver, service, store
from orchestrator.payments.records import OperationState, PaymentRow, PaymentStatus, SettledBy, Story
from orchestrator.payments.service import NewPayment
from orchestrator.refunds import service as refunds
from orchestrator.refunds.service import RefundStatus
from orchestrator.webhooks import service as webhooks
from orchestrator.webhooks import store as webhook_store
from tests.fourth_gateway.conftest import OpenShop
from tests.fourth_gateway.meridian_simulator import Meridian
from tests.integration.payments.payment_shop import Shop, euros

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATIENCE_S = 90


async def pay(shop: Shop, number: str = "4242424242424242") -> PaymentRow:
    return await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card(number)))


async def path_of(payment: PaymentRow) -> list[tuple[str, str]]:
    story = await service.story(payment)
    return [(attempt.gateway, attempt.status.value) for attempt in story.attempts]


async def told(shop: Shop, meridian: Meridian, event_type: str) -> None:
    """Hand in Meridian's webhook as the network would, and do the worker's work on it."""
    await webhooks.receive(shop.accounts["meridian"], *meridian.signed(meridian.event(event_type)))
    for row in await webhook_store.latest([shop.accounts["meridian"]], 100):
        while isinstance(await webhooks.apply(row.id), Later):
            await asyncio.sleep(0.2)


async def balance_at(shop: Shop, gateway: str) -> int:
    rows = await ledger.balances(shop.merchant_id)
    ours = ("gateway_clearing", shop.accounts[gateway])
    return sum(row.balance_minor for row in rows if (row.kind, row.gateway_account_id) == ours)


async def test_a_payment_lives_at_meridian_from_the_card_to_the_refund(open_shop: OpenShop, meridian: Meridian) -> None:
    shop = await open_shop("meridian", "stripe")
    payment = await pay(shop)
    assert payment.status is PaymentStatus.CAPTURED
    assert await path_of(payment) == [("meridian", "captured")]
    assert await balance_at(shop, "meridian") == 1999

    view = await refunds.create(shop.merchant_id, payment.id, 500, "came back")
    [kept] = meridian.payments.values()
    [given] = kept["refunds"]
    assert view.status is RefundStatus.PENDING
    meridian.settle_refund(given["id"])
    await told(shop, meridian, "refund.succeeded")
    assert (await refunds.get(shop.merchant_id, view.refund.id)).status is RefundStatus.SUCCEEDED
    assert await balance_at(shop, "meridian") == 1499


async def test_a_payment_fails_over_from_meridian_to_stripe_and_another_back(
    open_shop: OpenShop, meridian: Meridian
) -> None:
    shop = await open_shop("meridian", "stripe")
    meridian.stop()
    there = await pay(shop)
    assert await path_of(there) == [("meridian", "not_reached"), ("stripe", "captured")]
    assert [charge["gateway"] for charge in await shop.kept(there)] == ["stripe"]
    assert meridian.payments == {}

    meridian.start()
    await accounts.switch(shop.merchant_id, shop.accounts["meridian"], enabled=False)
    back_shop = await open_shop("stripe", "meridian")
    await shop.tell("/outage", gateway="stripe", on=True)
    back = await pay(back_shop)
    assert await path_of(back) == [("stripe", "not_reached"), ("meridian", "captured")]
    assert await balance_at(back_shop, "meridian") == 1999
    assert [kept["status"] for kept in meridian.payments.values()] == ["captured"]


async def test_a_soft_decline_of_meridian_fails_over_and_a_stolen_card_does_not(
    open_shop: OpenShop, meridian: Meridian
) -> None:
    shop = await open_shop("meridian", "stripe")
    meridian.misbehave("rate_limit")
    paused = await pay(shop)
    assert await path_of(paused) == [("meridian", "not_reached"), ("stripe", "captured")]

    stolen = await pay(await open_shop("meridian", "stripe"), "4000000000009979")
    assert (stolen.status, stolen.failure_reason) == (PaymentStatus.FAILED, "stolen_card")
    assert await path_of(stolen) == [("meridian", "declined")]
    assert await shop.kept(stolen) == []


@pytest.mark.parametrize(("lagging", "by"), [(False, SettledBy.LOOK_UP), (True, SettledBy.RESEND)])
async def test_a_lost_reply_of_meridian_is_settled_there_and_never_charged_elsewhere(
    open_shop: OpenShop, meridian: Meridian, lagging: bool, by: SettledBy
) -> None:
    """By asking; while Meridian's list lags behind, by the identical request with the same key."""
    shop = await open_shop("meridian", "stripe")
    meridian.hidden_from_the_list = lagging
    meridian.misbehave("lose_reply")
    paying = asyncio.create_task(pay(shop))
    story = await _with_unknown(shop)
    await _until_due(story)
    await driver.drive(story.payment.id)  # what the worker does when the bell rings
    payment = await paying
    assert payment.status is PaymentStatus.CAPTURED
    assert await path_of(payment) == [("meridian", "captured")]
    assert by in {op.settled_by for op in (await service.story(payment)).operations}
    assert len(meridian.payments) == 1
    assert await shop.kept(payment) == []


async def test_a_forged_webhook_of_meridian_changes_nothing(open_shop: OpenShop, meridian: Meridian) -> None:
    shop = await open_shop("meridian")
    await pay(shop)
    headers, body = meridian.signed(meridian.event("payment.captured"), secrets=("guessed",))
    with pytest.raises(webhooks.Rejected):
        await webhooks.receive(shop.accounts["meridian"], headers, body)
    assert await webhook_store.latest([shop.accounts["meridian"]], 10) == []


async def test_meridian_is_not_tried_with_a_currency_that_it_does_not_carry(
    open_shop: OpenShop, meridian: Meridian
) -> None:
    shop = await open_shop("meridian", "stripe")
    payment = await service.create(NewPayment(shop.merchant_id, Money(1999, "SEK"), instrument=await shop.card()))
    assert await path_of(payment) == [("stripe", "captured")]
    assert meridian.requests == []


async def _with_unknown(shop: Shop) -> Story:
    """The story of the shop's payment once an operation of it is unknown."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for payment in await store.payments_of(shop.merchant_id, limit=1):
                story = await service.story(payment)
                if any(op.state is OperationState.UNKNOWN for op in story.operations):
                    return story
            await asyncio.sleep(0.05)


async def _until_due(story: Story) -> None:
    """Until the resolver may ask: what is unknown is left alone for a moment."""
    from orchestrator import clock_port

    due_at = max(op.expires_at for op in story.operations if op.state is OperationState.UNKNOWN)
    while clock_port.now() < due_at:
        await asyncio.sleep(0.05)
