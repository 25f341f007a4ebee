"""The card networks' ceilings, on every way to a gateway: a card's tries are counted over all of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from payment_shop import Shop, euros, story_of

from currency.money import Money
from orchestrator import clock_port
from orchestrator.customers import method_store
from orchestrator.customers import service as customers
from orchestrator.customers.kept_methods import Consent
from orchestrator.gateways.credentials import Agreement, Initiator
from orchestrator.payments import service
from orchestrator.payments.instruments import Card, Saving
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment

MASTERCARD = "5555555555554444"
DECLINES_A_DAY = 10  # Mastercard's


async def pay(shop: Shop, card: Card, amount: Money | None = None, **more: Any) -> PaymentRow:
    return await service.create(NewPayment(shop.merchant_id, amount or euros(1999), instrument=card, **more))


async def declined(shop: Shop, *gateways: str, reason: str = "insufficient_funds") -> None:
    for gateway in gateways:
        await shop.tell("/scenarios", gateway=gateway, operation="confirm", behaviour="decline", reason=reason)


async def worn_out(shop: Shop, card: Card, times: int = DECLINES_A_DAY) -> None:
    for number in range(times):
        await declined(shop, "stripe")
        payment = await pay(shop, card, euros(1000 + number))
        assert payment.failure_reason == "insufficient_funds"


async def test_a_card_that_was_declined_too_often_is_not_tried_at_all(shop: Shop) -> None:
    card = await shop.card(MASTERCARD)
    await worn_out(shop, card)
    payment = await pay(shop, card)
    assert (payment.status, payment.failure_reason) == (PaymentStatus.FAILED, "network_limit")
    assert "Mastercard allows 10 declines in 24 hours" in (payment.failure_message or "")
    assert (await story_of(payment)).attempts == []
    assert await shop.charges(payment) == []


async def test_below_the_ceiling_and_after_its_time_the_card_is_tried(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = await shop.card(MASTERCARD)
    await worn_out(shop, card)
    real = clock_port.now
    monkeypatch.setattr(clock_port, "now", lambda: real() + timedelta(hours=25))
    assert (await pay(shop, card)).status is PaymentStatus.CAPTURED


async def test_an_approval_ends_the_counting(shop: Shop) -> None:
    card = await shop.card(MASTERCARD)
    await worn_out(shop, card, DECLINES_A_DAY - 1)
    assert (await pay(shop, card)).status is PaymentStatus.CAPTURED
    for _ in range(2):  # its code is used up, so the vault refuses it: tried it is
        again = await pay(shop, card)
        assert [attempt.gateway for attempt in (await story_of(again)).attempts] == ["stripe"]


async def test_another_card_and_another_merchant_are_not_held_back(shop: Shop) -> None:
    card = await shop.card(MASTERCARD)
    await worn_out(shop, card)
    assert (await pay(shop, await shop.card(MASTERCARD))).status is PaymentStatus.CAPTURED


async def test_a_failover_stops_at_the_ceiling(shop: Shop) -> None:
    card = await shop.card(MASTERCARD)
    await worn_out(shop, card, DECLINES_A_DAY - 1)
    await declined(shop, "stripe", "adyen", reason="do_not_honor")
    payment = await pay(shop, card)
    assert [attempt.gateway for attempt in (await story_of(payment)).attempts] == ["stripe"]
    assert payment.failure_reason == "network_limit"


async def test_a_stolen_card_is_never_tried_again_at_any_gateway(shop: Shop) -> None:
    card = await shop.card()
    await declined(shop, "stripe", reason="stolen_card")
    assert (await pay(shop, card)).failure_reason == "stolen_card"
    again = await pay(shop, card, euros(500))
    assert (again.failure_reason, (await story_of(again)).attempts) == ("network_limit", [])


async def test_on_the_hosted_page_another_card_may_follow(shop: Shop) -> None:
    card = await shop.card(MASTERCARD)
    await worn_out(shop, card)
    made = await service.create(NewPayment(shop.merchant_id, euros(1999)))
    held = await service.pay(made.public_token, card)
    assert (held.status, held.failure_reason) == (PaymentStatus.REQUIRES_PAYMENT_METHOD, "network_limit")
    paid = await service.pay(made.public_token, await shop.card())
    assert paid.status is PaymentStatus.CAPTURED


async def test_what_was_held_back_is_not_tried_by_itself_later(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator.payments import driver

    card = await shop.card(MASTERCARD)
    await worn_out(shop, card)
    made = await service.create(NewPayment(shop.merchant_id, euros(1999)))
    held = await service.pay(made.public_token, card)
    real = clock_port.now
    monkeypatch.setattr(clock_port, "now", lambda: real() + timedelta(days=2))
    driven = await driver.drive(held.id)
    assert driven.status is PaymentStatus.REQUIRES_PAYMENT_METHOD
    assert (await story_of(driven)).attempts == []


async def test_a_kept_card_is_held_back_with_the_customer_and_without(shop: Shop) -> None:
    person = await customers.create(shop.merchant_id, "Ada", "ada@shop.example", country="DE", locale="en", profile={})
    saving = Saving(Agreement.UNSCHEDULED, Consent("Keep it.", clock_port.now()))
    first = await pay(shop, await shop.card(MASTERCARD), customer_id=person.id, saving=saving)
    assert first.status is PaymentStatus.CAPTURED
    method = await method_store.method_of_payment(first.id)
    assert method is not None
    kept = NewPayment(shop.merchant_id, euros(700), payment_method_id=method.id)
    charge = replace(kept, initiator=Initiator.MERCHANT, agreement=Agreement.UNSCHEDULED)
    for _ in range(DECLINES_A_DAY):
        await declined(shop, "stripe")
        assert (await service.create(charge)).failure_reason == "insufficient_funds"
    for one in (charge, kept):
        held = await service.create(one)
        assert (held.status, held.failure_reason) == (PaymentStatus.FAILED, "network_limit")


async def test_of_two_tries_at_the_same_moment_only_one_is_the_last_that_is_allowed(shop: Shop) -> None:
    card = await shop.card(MASTERCARD)
    await worn_out(shop, card, DECLINES_A_DAY - 1)
    await declined(shop, "stripe", "stripe", "stripe")
    payments = await asyncio.gather(*(pay(shop, card, euros(2000 + number)) for number in range(3)))
    told = sorted(payment.failure_reason or "" for payment in payments)
    assert told == ["insufficient_funds", "network_limit", "network_limit"]
    assert [len((await story_of(payment)).attempts) for payment in payments].count(1) == 1


async def test_a_fresh_card_tried_many_times_at_once_goes_out_no_oftener_than_its_network_allows(shop: Shop) -> None:
    """Nothing was refused yet, so nothing but the tries under way tells that there are too many."""
    card = await shop.card(MASTERCARD)
    await declined(shop, *["stripe"] * 16)
    payments = await asyncio.gather(*(pay(shop, card, euros(2000 + number)) for number in range(16)))
    tried = [len((await story_of(payment)).attempts) for payment in payments]
    assert sum(tried) == DECLINES_A_DAY
    told = sorted(payment.failure_reason or "" for payment in payments)
    assert told == ["insufficient_funds"] * DECLINES_A_DAY + ["network_limit"] * 6


async def test_a_good_card_is_charged_as_often_as_it_likes_at_once(shop: Shop) -> None:
    card = await shop.card(MASTERCARD)
    assert (await pay(shop, card)).status is PaymentStatus.CAPTURED
    later = await asyncio.gather(*(pay(shop, card, euros(2000 + number)) for number in range(DECLINES_A_DAY + 2)))
    assert [len((await story_of(payment)).attempts) for payment in later] == [1] * (DECLINES_A_DAY + 2)
