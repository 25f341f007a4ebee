"""An authentication is presented to the next gateway where it is taken and told in full; else asked for again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from authentication_shop import (
    DECLINED_AFTER,
    ON_REQUEST,
    REQUIRED,
    attempts_of,
    card_of,
    pass_challenge,
    pay,
    rules,
    shown,
)
from payment_shop import Shop, story_of

from orchestrator import db
from orchestrator.gateways import accounts
from orchestrator.gateways.registry import KINDS
from orchestrator.payments import authentication
from orchestrator.payments.calls import call_for
from orchestrator.payments.records import PaymentStatus
from orchestrator.settings import get_settings

FAILS_LATE = {"operation": "complete", "behaviour": "decline", "reason": "issuer_unavailable"}


@pytest.fixture(autouse=True)
def _settings_of_each_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


async def stored(table: str, payment_id: str) -> str:
    """All that is kept of the payment in a table, as text."""
    column = "id" if table == "payment" else "payment_id"
    rows = await db.fetch(f"SELECT row_to_json({table}.*)::text AS it FROM {table} WHERE {column} = $1", payment_id)
    return "\n".join(str(row["it"]) for row in rows)


async def test_adyens_authentication_is_presented_to_stripe_which_asks_nobody(shop: Shop) -> None:
    await shop.tell("/scenarios", gateway="adyen", **FAILS_LATE)
    await rules(shop, {"rules": [], "default": {"accounts": ["adyen", "stripe"]}})
    payment = await pay(shop, await card_of(shop, ON_REQUEST), authentication=REQUIRED)
    payment = await pass_challenge(payment)
    first, second = await attempts_of(payment)
    assert (first.gateway, second.gateway) == ("adyen", "stripe")
    assert payment.status is PaymentStatus.CAPTURED
    assert [charge["gateway"] for charge in await shop.kept(payment)] == ["stripe"]
    ours, theirs = await shown(payment)
    assert theirs.presented_from == first.id
    assert (theirs.result, theirs.liability_shifted) == ("authenticated", True)
    assert ours.ds_transaction_id
    assert (theirs.ds_transaction_id, theirs.eci, theirs.version) == (ours.ds_transaction_id, ours.eci, ours.version)


async def test_the_cryptogram_is_sealed_while_it_may_be_needed_and_gone_afterwards(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARWAY_LIMITS__PAYMENT_DEADLINE_S", "1")
    get_settings.cache_clear()
    await shop.tell("/scenarios", gateway="adyen", **FAILS_LATE)
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="lose_request")
    await rules(shop, {"rules": [], "default": {"accounts": ["adyen", "stripe"]}})
    payment = await pay(shop, await card_of(shop, ON_REQUEST), authentication=REQUIRED)
    from orchestrator.payments import answering, driver

    payment = await pass_challenge(payment)
    assert payment.status is PaymentStatus.PROCESSING
    story = await story_of(payment)
    while payment.status is PaymentStatus.PROCESSING:  # Stripe's answer was lost: the same words must be sent again
        confirm = story.operations_of(story.attempts[-1].id)[-1]
        proof = call_for(story, story.attempts[-1], confirm).authentication.external
        assert proof is not None
        assert proof.cavv
        for table in ("attempt", "operation", "payment"):
            assert proof.cavv not in await stored(table, payment.id)
        await answering.finish_driving(2)
        payment = await driver.drive(payment.id)
        story = await story_of(payment)
    assert payment.status is PaymentStatus.CAPTURED
    assert not any(attempt.authentication and attempt.authentication.sealed_cavv for attempt in story.attempts)


async def test_stripe_tells_no_cryptogram_so_the_next_gateway_asks_again(shop: Shop) -> None:
    await accounts.switch(shop.merchant_id, shop.accounts["paypal"], enabled=False)
    payment = await pay(shop, await card_of(shop, DECLINED_AFTER))
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    payment = await pass_challenge(payment)
    assert [attempt.gateway for attempt in await attempts_of(payment)] == ["stripe", "adyen"]
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    payment = await pass_challenge(payment)
    assert payment.status is PaymentStatus.AUTHORISED
    _, again = await shown(payment)
    assert again.presented_from is None
    assert "asked again" in again.reason


async def test_paypal_takes_no_proof_so_it_asks_again(shop: Shop) -> None:
    await shop.tell("/scenarios", gateway="adyen", **FAILS_LATE)
    await rules(shop, {"rules": [], "default": {"accounts": ["adyen", "paypal"]}})
    payment = await pass_challenge(await pay(shop, await card_of(shop, ON_REQUEST), authentication=REQUIRED))
    assert [attempt.gateway for attempt in await attempts_of(payment)] == ["adyen", "paypal"]
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    payment = await pass_challenge(payment)
    assert payment.status is PaymentStatus.CAPTURED
    assert len(await shop.kept(payment)) == 1


async def test_a_shopper_who_took_their_time_at_the_bank_still_fails_over(shop: Shop) -> None:
    await shop.tell("/scenarios", gateway="adyen", **FAILS_LATE)
    await rules(shop, {"rules": [], "default": {"accounts": ["adyen", "stripe"]}})
    payment = await pay(shop, await card_of(shop, ON_REQUEST), authentication=REQUIRED)
    await db.fetch(
        "UPDATE attempt SET created_at = created_at - interval '5 minutes' WHERE payment_id = $1", payment.id
    )
    payment = await pass_challenge(payment)
    assert payment.status is PaymentStatus.CAPTURED


async def test_an_old_authentication_is_not_presented(shop: Shop) -> None:
    await shop.tell("/scenarios", gateway="adyen", **FAILS_LATE)
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="http_429", times=None)
    await rules(shop, {"rules": [], "default": {"accounts": ["adyen", "stripe"]}})
    payment = await pass_challenge(await pay(shop, await card_of(shop, ON_REQUEST), authentication=REQUIRED))
    story = await story_of(payment)
    told = story.attempts[0].authentication
    assert told is not None
    assert told.at is not None
    means = KINDS["stripe"].capabilities.authentication
    later = told.at + authentication.REUSED_WITHIN + timedelta(seconds=1)
    wanted = authentication.for_attempt(story, means, later)
    assert wanted is not None
    assert not wanted.presented
    assert "asked again" in wanted.reason
