"""The simulated Stripe: products, prices, and the hosted page that a shopper pays on."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe
from sim_driving import Receiver, Simulators, wait_until
from sim_stripe_shop import Shop, open_shop, press, said

CARD = {"method": "card", "expiry": "12 / 32", "cvc": "123", "name": "Ada", "email": "ada@example.com"}


@pytest.fixture
def shop(simulators: Simulators) -> Shop:
    return open_shop(simulators)


def opened(shop: Shop, **more: Any) -> Any:
    price = {"currency": "eur", "unit_amount": 1500, "product_data": {"name": "A book"}}
    params = {"mode": "payment", "line_items": [{"price_data": price, "quantity": 2}]}
    params["success_url"] = "http://127.0.0.1/done?session={CHECKOUT_SESSION_ID}"
    data = {"payment_intent_data": {"metadata": {"clearway_attempt": "att_9"}}}
    return shop.api.checkout.sessions.create({**params, **data, **more})


def test_a_price_belongs_to_a_product(shop: Shop) -> None:
    product = shop.api.products.create({"name": "A book"})
    price = shop.api.prices.create({"product": product.id, "currency": "eur", "unit_amount": 1500})
    assert [row.id for row in shop.api.prices.list({"product": product.id}).data] == [price.id]
    with pytest.raises(stripe.InvalidRequestError, match="cannot be deleted"):
        shop.api.products.delete(product.id)
    assert shop.api.products.update(product.id, {"active": False}).active is False
    assert shop.api.prices.update(price.id, {"active": False}).active is False


def test_a_product_without_prices_is_deleted(shop: Shop) -> None:
    product = shop.api.products.create({"name": "A book"})
    assert shop.api.products.delete(product.id).deleted is True
    with pytest.raises(stripe.InvalidRequestError):
        shop.api.products.retrieve(product.id)


def test_the_hosted_page_takes_a_card_and_sends_the_shopper_on(shop: Shop, receiver: Receiver) -> None:
    shop.listen(receiver)
    session = opened(shop, customer_email="ada@example.com")
    assert (session.status, session.payment_status, session.amount_total) == ("open", "unpaid", 3000)
    assert "Pay 30.00 EUR" in requests.get(session.url, timeout=20).text
    assert press(session.url, **CARD, number="4242 4242 4242 4242") == f"http://127.0.0.1/done?session={session.id}"
    done = shop.api.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent", "line_items"]})
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    assert (done.payment_intent.status, done.payment_intent.metadata.clearway_attempt) == ("succeeded", "att_9")
    assert [(row.description, row.amount_total) for row in done.line_items.data] == [("A book", 3000)]
    wait_until(lambda: "checkout.session.completed" in {said(body)[0] for _, body in receiver.taken})


def test_a_declined_card_leaves_the_page_open(shop: Shop) -> None:
    session = opened(shop)
    again = requests.post(session.url, data={**CARD, "number": "4000000000009995"}, timeout=20)
    assert (again.status_code, "insufficient funds" in again.text) == (402, True)
    assert press(session.url, **CARD, number="4242424242424242").endswith(session.id)
    [intent] = shop.api.payment_intents.list().data
    assert intent.status == "succeeded"


def test_the_hosted_page_goes_through_authentication(shop: Shop) -> None:
    session = opened(shop)
    challenge = press(session.url, **CARD, number="4000002760003184")
    back = press(challenge, password="password")
    assert requests.get(back, allow_redirects=False, timeout=20).headers["location"].endswith(session.id)
    assert shop.api.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_ideal_on_the_hosted_page(shop: Shop) -> None:
    session = opened(shop)
    press(press(session.url, method="ideal"), result="succeeded")
    assert shop.api.checkout.sessions.retrieve(session.id).status == "complete"


def test_a_direct_debit_completes_the_session_before_it_is_paid(shop: Shop, receiver: Receiver) -> None:
    shop.listen(receiver)
    session = opened(shop)
    debtor = {"method": "sepa_debit", "name": "Ada", "email": "ada@example.com"}
    press(session.url, **debtor, iban="DE89370400440532013000")
    held = shop.api.checkout.sessions.retrieve(session.id)
    assert (held.status, held.payment_status) == ("complete", "unpaid")
    shop.advance(5.1)
    assert shop.api.checkout.sessions.retrieve(session.id).payment_status == "paid"
    kind = "checkout.session.async_payment_succeeded"
    wait_until(lambda: kind in {said(body)[0] for _, body in receiver.taken})


def test_a_session_ends_after_a_day_or_when_it_is_told_to(shop: Shop) -> None:
    late, ended = opened(shop), opened(shop)
    assert shop.api.checkout.sessions.expire(ended.id).status == "expired"
    with pytest.raises(stripe.InvalidRequestError):
        shop.api.checkout.sessions.expire(ended.id)
    shop.advance(1.01)
    assert shop.api.checkout.sessions.retrieve(late.id).status == "expired"
    assert requests.get(late.url, timeout=20).status_code == 404


def test_a_session_must_last_at_least_half_an_hour(shop: Shop) -> None:
    now = opened(shop).created
    with pytest.raises(stripe.InvalidRequestError, match="at least 30 minutes"):
        opened(shop, expires_at=now + 60)
