"""Nobody is challenged who is not there: a soft decline of such a charge is told, for the customer to come back."""

from __future__ import annotations

import pytest
from authentication_shop import ON_REQUEST, Shop, attempts_of, rules, shown
from kept_shop import charge, customer, only, pay_and_save
from payment_shop import CHALLENGED, VISA

from orchestrator.customers import method_store
from orchestrator.events import EventType
from orchestrator.notifications import store as event_store
from orchestrator.payments.records import PaymentStatus
from routing.authentication import Exemption, Wanted

SOFT_DECLINE = {"operation": "confirm", "behaviour": "decline", "reason": "authentication_required"}


@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
async def test_a_charge_by_the_merchant_is_never_stepped_up(shop: Shop, gateway: str) -> None:
    await only(shop, gateway)
    first = await pay_and_save(shop, await shop.card(VISA), (await customer(shop)).id)
    method = await method_store.method_of_payment(first.id)
    assert method is not None
    await rules(shop, {"rules": [], "default": {"require_3ds": True}})
    await shop.tell("/scenarios", gateway=gateway, **SOFT_DECLINE)
    payment = await charge(shop, method, by_merchant=True)
    assert (payment.status, payment.failure_reason) == (PaymentStatus.FAILED, "authentication_required")
    assert len(await attempts_of(payment)) == 1
    assert [one.wanted for one in await shown(payment)] == [Wanted.EXEMPT]
    told = await event_store.events_of(shop.merchant_id, limit=20, object_id=payment.id)
    assert EventType.PAYMENT_AUTHENTICATION_REQUIRED in [event.type for event in told]
    assert payment.authentication is not None
    assert (payment.authentication.wanted, payment.authentication.exemption) == (
        Wanted.EXEMPT,
        Exemption.MERCHANT_INITIATED,
    )


async def test_a_returning_customer_is_stepped_up_with_the_kept_card(shop: Shop) -> None:
    await only(shop, "stripe")
    first = await pay_and_save(shop, await shop.card(ON_REQUEST), (await customer(shop)).id)
    method = await method_store.method_of_payment(first.id)
    assert method is not None
    await shop.tell("/scenarios", gateway="stripe", **SOFT_DECLINE)
    payment = await charge(shop, method)
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    assert [one.wanted for one in await shown(payment)] == [Wanted.EXEMPT, Wanted.CHALLENGE]


async def test_the_first_payment_of_an_agreement_is_authenticated_where_the_law_wants_it(shop: Shop) -> None:
    await only(shop, "stripe")
    payment = await pay_and_save(shop, await shop.card(CHALLENGED), (await customer(shop)).id)
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    [asked] = await shown(payment)
    assert asked.wanted is Wanted.REQUIRED
