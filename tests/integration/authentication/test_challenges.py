"""Required is challenged and approved, at every gateway; a soft decline is asked again there, once."""

from __future__ import annotations

import pytest
from authentication_shop import (
    EXEMPT,
    ON_REQUEST,
    REQUIRED,
    attempts_of,
    card_of,
    only,
    pass_challenge,
    pay,
    rules,
    shown,
)
from payment_shop import CHALLENGED, VISA, Shop, euros

from orchestrator.payments import service
from orchestrator.payments.records import PaymentStatus
from orchestrator.payments.service import NewPayment
from routing.authentication import Exemption, Wanted

GATEWAYS = ["stripe", "adyen", "paypal"]
PAID = (PaymentStatus.CAPTURED, PaymentStatus.AUTHORISED)  # Adyen tells of captures by webhook
SOFT_DECLINE = {"operation": "confirm", "behaviour": "decline", "reason": "authentication_required"}


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_required_is_challenged_and_then_approved(shop: Shop, gateway: str) -> None:
    await only(shop, gateway)
    payment = await pay(shop, await card_of(shop, ON_REQUEST), authentication=REQUIRED)
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    payment = await pass_challenge(payment)
    assert payment.status in PAID
    assert len(await shop.kept(payment)) == 1
    [came_of] = await shown(payment)
    assert (came_of.wanted, came_of.result, came_of.liability_shifted) == (Wanted.REQUIRED, "authenticated", True)


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_preferred_leaves_a_card_alone_whose_bank_does_not_ask(shop: Shop, gateway: str) -> None:
    await only(shop, gateway)
    payment = await pay(shop, await card_of(shop, ON_REQUEST))
    assert payment.status in PAID
    assert (await shown(payment))[0].wanted is Wanted.PREFERRED


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_soft_decline_is_asked_again_at_the_same_account_with_a_challenge(shop: Shop, gateway: str) -> None:
    await shop.tell("/scenarios", gateway=gateway, **SOFT_DECLINE)
    await only(shop, gateway)
    payment = await pay(shop, await card_of(shop, ON_REQUEST))
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    first, second = await attempts_of(payment)
    assert first.gateway_account_id == second.gateway_account_id
    assert "challenge" in second.why
    payment = await pass_challenge(payment)
    assert payment.status in PAID
    assert len(await shop.kept(payment)) == 1
    assert [one.wanted for one in await shown(payment)] == [Wanted.PREFERRED, Wanted.CHALLENGE]


async def test_a_second_soft_decline_ends_it(shop: Shop) -> None:
    await shop.tell("/scenarios", gateway="stripe", times=3, **SOFT_DECLINE)
    payment = await pay(shop, await card_of(shop, VISA))
    assert (payment.status, payment.failure_reason) == (PaymentStatus.FAILED, "authentication_required")
    assert [attempt.gateway for attempt in await attempts_of(payment)] == ["stripe", "stripe"]


async def test_what_follows_a_step_up_counts_in_its_place(shop: Shop) -> None:
    """The challenge is passed, the gateway then fails: the next one is asked, though the first try was refused."""
    await shop.tell("/scenarios", gateway="adyen", **SOFT_DECLINE)
    late = {"operation": "complete", "behaviour": "decline", "reason": "issuer_unavailable"}
    await shop.tell("/scenarios", gateway="adyen", **late)
    await rules(shop, {"rules": [], "default": {"accounts": ["adyen", "stripe"]}})
    payment = await pass_challenge(await pay(shop, await card_of(shop, ON_REQUEST)))
    assert [attempt.gateway for attempt in await attempts_of(payment)] == ["adyen", "adyen", "stripe"]
    assert payment.status is PaymentStatus.CAPTURED
    assert len(await shop.kept(payment)) == 1


async def test_an_exemption_that_the_issuer_refuses_becomes_a_challenge(shop: Shop) -> None:
    await only(shop, "adyen")
    payment = await pay(shop, await card_of(shop, CHALLENGED), authentication=EXEMPT)
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    payment = await pass_challenge(payment)
    assert payment.status in PAID
    refused, seen = await shown(payment)
    assert (refused.exemption, refused.exemption_requested) == (Exemption.LOW_VALUE, "low_value")
    assert (refused.exemption_granted, refused.result) == (False, "")
    assert (seen.exemption, seen.result, seen.liability_shifted) == (None, "authenticated", True)


async def test_an_exemption_that_is_granted_shifts_no_liability(shop: Shop) -> None:
    await only(shop, "adyen")
    payment = await pay(shop, await card_of(shop, VISA), authentication=EXEMPT)
    assert payment.status in PAID
    [granted] = await shown(payment)
    assert (granted.exemption_granted, granted.result, granted.liability_shifted) == (True, "exempted", False)


async def test_an_amount_above_the_limit_is_not_exempted(shop: Shop) -> None:
    await only(shop, "adyen")
    payment = await pay(shop, await card_of(shop, VISA), 30_01, authentication=EXEMPT)
    [asked] = await shown(payment)
    assert (asked.wanted, asked.exemption, asked.exemption_requested) == (Wanted.PREFERRED, None, None)
    assert "above" in asked.reason


async def test_a_rule_that_requires_authentication_beats_an_exemption(shop: Shop) -> None:
    await rules(shop, {"rules": [], "default": {"require_3ds": True, "accounts": ["stripe"]}})
    payment = await pay(shop, await card_of(shop, ON_REQUEST), authentication=EXEMPT)
    assert payment.status is PaymentStatus.REQUIRES_ACTION


async def test_whom_the_defence_suspects_is_challenged(shop: Shop) -> None:
    payment = await service.create(NewPayment(shop.merchant_id, euros(2500)))
    card = await card_of(shop, ON_REQUEST)
    payment = await service.pay(payment.public_token, card, suspected=True)
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    assert (await shown(payment))[0].wanted is Wanted.CHALLENGE
