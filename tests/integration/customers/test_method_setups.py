"""Kept without a payment, at each gateway: seen through where the answer is lost, elsewhere where one is down."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from kept_shop import charge, consent, customer, debit, only
from payment_shop import CHALLENGED, STOLEN, Shop
from shopper_pages_async import PAYS, visit

from orchestrator.customers import kept_methods, method_store
from orchestrator.customers.kept_methods import Consent, MethodStatus
from orchestrator.customers.method_store import MethodRow
from orchestrator.errors import Conflict, InvalidField, NotFound
from orchestrator.gateways import connections
from orchestrator.gateways.credentials import Agreement
from orchestrator.outbox import Later, Outbox
from orchestrator.payments import method_setups
from orchestrator.payments.instruments import Instrument, PayPalWallet
from orchestrator.payments.method_setups import NewMethod, setup_of
from orchestrator.payments.records import PaymentStatus

pytestmark = pytest.mark.asyncio(loop_scope="session")
GATEWAYS = ("stripe", "adyen", "paypal")
HOME = "http://127.0.0.1:9/back"
DONE = (PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED)


async def keep(shop: Shop, instrument: Instrument, gateway: str | None = None, **more: Any) -> MethodRow:
    person = more.pop("customer_id", None) or (await customer(shop)).id
    new = NewMethod(
        shop.merchant_id,
        person,
        instrument,
        more.pop("agreement", Agreement.UNSCHEDULED),
        more.pop("consent", consent()),
        shop.accounts[gateway] if gateway else None,
        return_url=HOME,
        **more,
    )
    return await method_setups.begin(new)


async def there(shop: Shop, gateway: str, customer_name: str) -> list[str]:
    """What the gateway keeps for the customer."""
    connection = await connections.connect(shop.accounts[gateway])
    methods = connection.gateway.facets.methods
    assert methods is not None
    answer = await connection.ask(lambda _: methods.saved(customer_name))
    return [one.gateway_token for one in answer.value or ()]


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_card_is_kept_and_charged_by_customer_and_merchant(shop: Shop, gateway: str) -> None:
    method = await keep(shop, await shop.card(), gateway)
    assert (method.status, method.last4, method.setup) == (MethodStatus.ACTIVE, "4242", None)
    for by_merchant in (False, True):
        payment = await charge(shop, method, by_merchant=by_merchant)
        assert payment.status in DONE, payment
        assert [one["gateway"] for one in await shop.kept(payment)] == [gateway]


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_card_that_the_bank_declines_is_not_kept(shop: Shop, gateway: str) -> None:
    method = await keep(shop, await shop.card(STOLEN), gateway)
    assert method.status == MethodStatus.FAILED
    assert method.failure_reason
    assert await method_store.tokens_of(method.id) == []


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_customer_whom_the_bank_wants_to_see_comes_back_and_the_card_is_kept(shop: Shop, gateway: str) -> None:
    method = await keep(shop, await shop.card(CHALLENGED), gateway)
    assert method.status == MethodStatus.REQUIRES_ACTION
    action = setup_of(method).next_action
    assert action is not None
    brought = await visit(action["url"], HOME)
    method = await method_setups.complete(shop.merchant_id, method.id, brought)
    assert method.status == MethodStatus.ACTIVE, method
    again = await method_setups.complete(shop.merchant_id, method.id, brought)
    assert again.status == MethodStatus.ACTIVE
    assert len(await method_store.tokens_of(method.id)) == 1


async def test_wallet_is_kept_after_its_page(shop: Shop) -> None:
    from kept_shop import SHOPPER

    method = await keep(shop, PayPalWallet(), "paypal", shopper=SHOPPER)
    assert method.status == MethodStatus.REQUIRES_ACTION
    action = setup_of(method).next_action
    assert action is not None
    method = await method_setups.complete(
        shop.merchant_id, method.id, await visit(action["url"], HOME, press=PAYS["paypal"])
    )
    assert (method.status, method.method) == (MethodStatus.ACTIVE, "paypal")


async def test_bank_account_is_kept_by_its_mandate(shop: Shop) -> None:
    method = await keep(shop, debit(), "stripe")
    assert (method.status, method.method, method.last4) == (MethodStatus.ACTIVE, "sepa_debit", "3000")
    assert (await charge(shop, method, by_merchant=True)).status is PaymentStatus.PROCESSING


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_lost_answer_is_settled_and_the_card_is_kept_once(shop: Shop, gateway: str) -> None:
    operation = "confirm" if gateway == "adyen" else "save"
    await shop.tell("/scenarios", gateway=gateway, operation=operation, behaviour="lose_reply")
    method = await keep(shop, await shop.card(), gateway)
    assert method.status == MethodStatus.PROCESSING
    while isinstance(await method_setups.settle(method.id), Later):
        await asyncio.sleep(0)
    method = await kept_methods.get(shop.merchant_id, method.id)
    (token,) = await method_store.tokens_of(method.id)
    assert method.status == MethodStatus.ACTIVE
    assert await there(shop, gateway, token.gateway_customer) == [token.gateway_token]


async def test_two_who_settle_at_once_keep_it_once(shop: Shop) -> None:
    await shop.tell("/scenarios", gateway="stripe", operation="save", behaviour="lose_reply")
    method = await keep(shop, await shop.card(), "stripe")
    await asyncio.gather(*(method_setups.settle(method.id) for _ in range(4)))
    assert (await kept_methods.get(shop.merchant_id, method.id)).status == MethodStatus.ACTIVE
    assert len(await method_store.tokens_of(method.id)) == 1


async def test_gateway_that_is_down_is_failed_over(shop: Shop) -> None:
    await shop.tell("/outage", gateway="stripe", on=True)
    method = await keep(shop, await shop.card())
    await shop.tell("/outage", gateway="stripe", on=False)
    assert method.status == MethodStatus.ACTIVE
    assert [token.gateway_account_id for token in await method_store.tokens_of(method.id)] == [shop.accounts["adyen"]]


async def test_process_that_dies_before_it_asks_leaves_a_bell(shop: Shop) -> None:
    method = await keep(shop, await shop.card(CHALLENGED), "stripe")
    bell = await Outbox.exists().where(Outbox.topic == kept_methods.SETTLE, Outbox.subject == method.id)
    assert bell
    assert await method_setups.settle(method.id) is None  # it waits for the customer, not for us


async def test_method_that_is_detached_while_it_is_being_kept_is_forgotten(shop: Shop) -> None:
    method = await keep(shop, await shop.card(CHALLENGED), "stripe")
    action = setup_of(method).next_action
    assert action is not None
    brought = await visit(action["url"], HOME)
    await kept_methods.detach(shop.merchant_id, method.id)
    with pytest.raises(Conflict):
        await method_setups.complete(shop.merchant_id, method.id, brought)
    assert await kept_methods.forget_tokens(method.id) is None
    assert (await kept_methods.get(shop.merchant_id, method.id)).status == MethodStatus.DETACHED


async def test_nothing_is_kept_without_consent_or_agreement(shop: Shop) -> None:
    card = await shop.card()
    with pytest.raises(InvalidField, match=r"consent\.text"):
        await keep(shop, card, consent=Consent(" ", consent().accepted_at))
    with pytest.raises(InvalidField, match="agreement"):
        await keep(shop, card, agreement=Agreement.NONE)


async def test_account_that_cannot_keep_it_says_why(shop: Shop) -> None:
    with pytest.raises(InvalidField, match="gateway_account_id"):
        await keep(shop, debit(), "paypal")
    await only(shop)
    with pytest.raises(InvalidField, match="no gateway account"):
        await keep(shop, await shop.card())


async def test_another_merchants_customer_is_not_found(shop: Shop) -> None:
    with pytest.raises(NotFound):
        await keep(shop, await shop.card(), customer_id="cus_nobody")
