"""A card that is only to be kept is tried at its issuer too: the networks' ceilings hold for it, and it counts."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from kept_shop import consent, customer
from payment_shop import Shop, euros, story_of

from orchestrator import clock_port
from orchestrator.customers.kept_methods import MethodStatus
from orchestrator.customers.method_store import MethodRow
from orchestrator.gateways.credentials import Agreement
from orchestrator.payments import card_tries, method_setups, service
from orchestrator.payments.instruments import Card
from orchestrator.payments.method_setups import NewMethod
from orchestrator.payments.records import PaymentRow
from orchestrator.payments.service import NewPayment

pytestmark = pytest.mark.asyncio(loop_scope="session")
MASTERCARD = "5555555555554444"
DECLINES_A_DAY = 10  # Mastercard's


async def keep(shop: Shop, card: Card, gateway: str = "adyen") -> MethodRow:
    person = (await customer(shop)).id
    agreement = Agreement.UNSCHEDULED
    new = NewMethod(shop.merchant_id, person, card, agreement, consent(), shop.accounts[gateway])
    return await method_setups.begin(new)


async def pay(shop: Shop, card: Card) -> PaymentRow:
    return await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=card))


async def refusing(shop: Shop, gateway: str, times: int, reason: str = "insufficient_funds") -> None:
    await shop.tell("/scenarios", gateway=gateway, operation="confirm", behaviour="decline", reason=reason, times=times)


async def test_a_card_that_reached_its_ceiling_is_not_sent_to_be_kept(shop: Shop) -> None:
    card = await shop.card(MASTERCARD)
    await refusing(shop, "stripe", DECLINES_A_DAY)
    for _ in range(DECLINES_A_DAY):
        assert (await pay(shop, card)).failure_reason == "insufficient_funds"
    method = await keep(shop, card)
    assert (method.status, method.failure_reason) == (MethodStatus.FAILED, "network_limit")
    assert method.setup is None


async def test_a_card_that_is_stolen_when_it_is_to_be_kept_is_never_charged(shop: Shop) -> None:
    card = await shop.card(MASTERCARD)
    await shop.tell("/scenarios", gateway="stripe", operation="save", behaviour="decline", reason="stolen_card")
    assert (await keep(shop, card, "stripe")).failure_reason == "stolen_card"
    payment = await pay(shop, card)
    assert (payment.failure_reason, (await story_of(payment)).attempts) == ("network_limit", [])


async def test_a_gateway_that_could_not_be_reached_counts_for_nothing(shop: Shop) -> None:
    card = await shop.card()
    await shop.tell("/scenarios", gateway="adyen", operation="confirm", behaviour="http_429")
    assert (await keep(shop, card)).failure_reason == "gateway_unavailable"
    assert (await pay(shop, card)).failure_reason is None


async def test_of_many_that_would_keep_a_fresh_card_at_once_no_more_go_out_than_the_network_allows(shop: Shop) -> None:
    card = await shop.card(MASTERCARD)
    await refusing(shop, "adyen", 16)
    methods = await asyncio.gather(*(keep(shop, card) for _ in range(14)))
    told = Counter(method.failure_reason for method in methods)
    assert told == {"insufficient_funds": DECLINES_A_DAY, "network_limit": 4}


async def test_runs_of_tries_are_forgotten(shop: Shop) -> None:
    from orchestrator.db import fetch

    await pay(shop, await shop.card())
    assert await fetch("SELECT 1 FROM card_start")
    await card_tries.purge(clock_port.now() + timedelta(hours=1))
    assert await fetch("SELECT 1 FROM card_start") == []
