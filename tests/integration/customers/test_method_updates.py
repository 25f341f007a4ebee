"""What gateways tell of kept cards: replaced, removed; and cards that are about to end are told of once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kept_shop import customer, method_of, only, pay_and_save
from payment_shop import Shop

from orchestrator.customers import expiries, kept_methods, method_store, mirroring, updates
from orchestrator.customers.expiries import first_month_not_to_warn_of
from orchestrator.customers.kept_methods import MethodStatus, TokenState
from orchestrator.customers.method_store import MethodRow, TokenRow
from orchestrator.customers.tables import PaymentMethod
from orchestrator.gateways import connections
from orchestrator.gateways.base import WebhookMessage
from orchestrator.notifications import store as events
from orchestrator.outbox import Later
from routing.outcomes import OutcomeKind

pytestmark = pytest.mark.asyncio(loop_scope="session")
GATEWAYS = ("stripe", "adyen", "paypal")


async def kept_at(shop: Shop, gateway: str, **how: Any) -> tuple[MethodRow, TokenRow]:
    await only(shop, gateway)
    payment = await pay_and_save(shop, await shop.card(), (await customer(shop)).id, **how)
    await only(shop, *GATEWAYS)
    method = await method_of(payment)
    return method, (await method_store.tokens_of(method.id))[0]


def told(kind: str, token: TokenRow) -> WebhookMessage:
    return WebhookMessage("evt_1", kind, kind, gateway_operation_id=token.gateway_token)


async def told_of(shop: Shop, method: MethodRow, name: str) -> int:
    rows = await events.events_of(shop.merchant_id, limit=200, object_id=method.id)
    return sum(row.type == name for row in rows)


async def forgotten_at_the_gateway(token: TokenRow) -> None:
    connection = await connections.connect(token.gateway_account_id)
    methods = connection.gateway.facets.methods
    assert methods is not None
    answer = await connection.ask(
        lambda _: methods.detach(token.gateway_token, token.gateway_customer, f"{token.id}_by_hand")
    )
    assert answer.kind is OutcomeKind.APPROVED


@pytest.mark.parametrize("gateway", ["stripe", "adyen"])
async def test_card_that_was_replaced_is_shown_as_the_gateway_has_it(shop: Shop, gateway: str) -> None:
    method, token = await kept_at(shop, gateway)
    was = {PaymentMethod.last4: "1881", PaymentMethod.expiry_year: 2027}
    await PaymentMethod.update(was).where(PaymentMethod.id == method.id)
    for _ in range(2):
        assert isinstance(await updates.hear(shop.accounts[gateway], told("method.updated", token)), str)
    now = await kept_methods.get(shop.merchant_id, method.id)
    assert (now.last4, now.expiry_year) == ("4242", 2030)
    assert await told_of(shop, method, "payment_method.updated") == 1


async def test_message_waits_while_the_gateway_cannot_be_asked(shop: Shop) -> None:
    _, token = await kept_at(shop, "stripe")
    await shop.tell("/outage", gateway="stripe", on=True)
    answer = await updates.hear(shop.accounts["stripe"], told("method.updated", token))
    await shop.tell("/outage", gateway="stripe", on=False)
    assert isinstance(answer, Later)


@pytest.mark.parametrize("gateway", ["stripe", "adyen"])
async def test_card_that_was_removed_at_its_only_gateway_is_detached(shop: Shop, gateway: str) -> None:
    method, token = await kept_at(shop, gateway)
    await forgotten_at_the_gateway(token)
    for _ in range(2):
        await updates.hear(shop.accounts[gateway], told("method.detached", token))
    assert (await kept_methods.get(shop.merchant_id, method.id)).status == MethodStatus.DETACHED
    assert await told_of(shop, method, "payment_method.detached") == 1


async def test_message_that_the_gateway_does_not_bear_out_removes_nothing(shop: Shop) -> None:
    method, token = await kept_at(shop, "stripe")
    await updates.hear(shop.accounts["stripe"], told("method.detached", token))
    assert (await kept_methods.get(shop.merchant_id, method.id)).status == MethodStatus.ACTIVE


async def test_card_that_another_gateway_still_keeps_stays(shop: Shop) -> None:
    method, token = await kept_at(shop, "stripe", other_gateways=True)
    copy = await mirroring.mirror(shop.merchant_id, method.id, shop.accounts["adyen"])
    assert await mirroring.mirror_token(copy.id) is None
    await forgotten_at_the_gateway(token)
    await updates.hear(shop.accounts["stripe"], told("method.detached", token))
    assert (await kept_methods.get(shop.merchant_id, method.id)).status == MethodStatus.ACTIVE
    states = [one.state for one in await method_store.tokens_of(method.id)]
    assert states == [TokenState.FORGOTTEN, TokenState.KEPT]


async def test_another_account_says_nothing_of_the_card(shop: Shop) -> None:
    method, token = await kept_at(shop, "stripe")
    note = await updates.hear(shop.accounts["adyen"], told("method.detached", token))
    assert note == "no payment method of ours is meant"
    assert (await kept_methods.get(shop.merchant_id, method.id)).status == MethodStatus.ACTIVE


async def test_end_of_a_card_is_told_of_once_and_again_for_another_end(shop: Shop) -> None:
    method, _ = await kept_at(shop, "stripe")
    early, near = datetime(2030, 11, 30, tzinfo=UTC), datetime(2030, 12, 15, tzinfo=UTC)
    await expiries.warn(early)
    assert await told_of(shop, method, "payment_method.expiring") == 0
    await expiries.warn(near)
    await expiries.warn(near + timedelta(days=40))
    assert await told_of(shop, method, "payment_method.expiring") == 1
    await PaymentMethod.update({PaymentMethod.expiry_year: 2031}).where(PaymentMethod.id == method.id)
    await expiries.warn(datetime(2032, 1, 1, tzinfo=UTC))
    assert await told_of(shop, method, "payment_method.expiring") == 2


async def test_card_is_warned_of_thirty_days_before_its_month_is_over() -> None:
    assert first_month_not_to_warn_of(datetime(2030, 12, 1, tzinfo=UTC)) == (2030, 12)
    assert first_month_not_to_warn_of(datetime(2030, 12, 2, tzinfo=UTC)) == (2031, 1)
