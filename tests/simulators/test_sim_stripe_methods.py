"""The simulated Stripe: customers, payment methods kept for them, and charges with and without the customer."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe
from sim_driving import Receiver, Simulators, wait_until
from sim_stripe_shop import ACCEPTANCE, Shop, open_shop, page_of, press, said

BACK = "http://127.0.0.1/back"


@pytest.fixture
def shop(simulators: Simulators) -> Shop:
    return open_shop(simulators)


def setup(shop: Shop, method: str, **more: Any) -> Any:
    params = {"payment_method": method, "confirm": True, "return_url": BACK}
    return shop.api.setup_intents.create({**params, **more})


def saved(shop: Shop, method: str = "pm_card_visa") -> tuple[str, str]:
    """A customer and a method set up for use without him."""
    customer = shop.api.customers.create().id
    intent = setup(shop, method, customer=customer)
    if intent.status == "requires_action":
        press(page_of(intent), password="password")
    return customer, shop.api.setup_intents.retrieve(intent.id).payment_method


def test_a_customer_is_made_changed_found_and_deleted(shop: Shop) -> None:
    made = shop.api.customers.create({"email": "ada@example.com", "metadata": {"clearway_customer": "cus_1"}})
    shop.api.customers.update(made.id, {"name": "Ada", "metadata": {"clearway_customer": "", "seen": "1"}})
    again = shop.api.customers.retrieve(made.id)
    assert (again.name, again.metadata.to_dict()) == ("Ada", {"seen": "1"})
    assert [row.id for row in shop.api.customers.list({"email": "ada@example.com"}).data] == [made.id]
    assert shop.api.customers.delete(made.id).deleted is True
    assert shop.api.customers.retrieve(made.id).deleted is True
    assert shop.api.customers.list({"email": "ada@example.com"}).data == []


def test_a_method_without_a_customer_is_good_for_one_payment(shop: Shop) -> None:
    method = shop.api.payment_methods.create(
        {"type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2032, "cvc": "123"}}
    )
    assert method.card.checks.cvc_check == "pass"
    shop.pay(method.id)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        shop.pay(method.id)


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ({"number": "4242424242424241", "exp_month": 12, "exp_year": 2032}, "incorrect_number"),
        ({"number": "4242424242424242", "exp_month": 13, "exp_year": 2032}, "invalid_expiry_month"),
        ({"number": "4242424242424242", "exp_month": 12, "exp_year": 2019}, "invalid_expiry_year"),
        ({"number": "4242424242424242", "exp_month": 12, "exp_year": 2032, "cvc": "1"}, "invalid_cvc"),
    ],
)
def test_wrong_card_data_makes_no_method(shop: Shop, card: Any, code: str) -> None:
    with pytest.raises(stripe.CardError) as refused:
        shop.api.payment_methods.create({"type": "card", "card": card})
    assert refused.value.code == code


def test_a_payment_that_saves_attaches_the_method_and_it_is_charged_again(shop: Shop) -> None:
    customer = shop.api.customers.create().id
    shop.pay(customer=customer, setup_future_usage="off_session")
    [method] = shop.api.payment_methods.list({"customer": customer, "type": "card"}).data
    again = shop.pay(method.id, customer=customer, off_session=True)
    assert again.status == "succeeded"
    assert shop.simulators.charges_of(shop.account)[-1]["stored_token"] == method.id


def test_a_saved_method_of_another_customer_is_refused(shop: Shop) -> None:
    _, method = saved(shop)
    with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
        shop.pay(method, customer=shop.api.customers.create().id)


def test_a_detached_method_is_gone_for_good(shop: Shop, receiver: Receiver) -> None:
    shop.listen(receiver)
    customer, method = saved(shop)
    shop.api.payment_methods.detach(method)
    assert shop.api.payment_methods.list({"customer": customer}).data == []
    with pytest.raises(stripe.InvalidRequestError):
        shop.pay(method, customer=customer)
    wait_until(lambda: "payment_method.detached" in {said(body)[0] for _, body in receiver.taken})


def test_a_card_that_the_issuer_refuses_is_not_attached(shop: Shop) -> None:
    customer = shop.api.customers.create().id
    with pytest.raises(stripe.CardError):
        shop.api.payment_methods.attach("pm_card_visa_chargeDeclined", {"customer": customer})
    attached = shop.api.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    with pytest.raises(stripe.CardError):
        shop.pay(attached.id, customer=customer)


def test_a_setup_asks_for_authentication_and_then_the_card_is_charged_without_it(shop: Shop) -> None:
    customer = shop.api.customers.create().id
    intent = setup(shop, "pm_card_authenticationRequiredOnSetup", customer=customer)
    back = press(page_of(intent), password="password")
    assert back.startswith(f"{BACK}?setup_intent={intent.id}&")
    done = shop.api.setup_intents.retrieve(intent.id, {"expand": ["latest_attempt"]})
    assert done.status == "succeeded"
    assert done.latest_attempt.payment_method_details.card.three_d_secure.result == "authenticated"
    assert shop.pay(done.payment_method, customer=customer, off_session=True).status == "succeeded"


def test_a_setup_that_is_not_authenticated_says_so(shop: Shop) -> None:
    intent = setup(shop, "pm_card_authenticationRequired")
    assert press(page_of(intent), password="wrong").endswith("redirect_status=failed")
    after = shop.api.setup_intents.retrieve(intent.id)
    assert after.status == "requires_payment_method"
    assert after.last_setup_error.code == "setup_intent_authentication_failure"


def test_a_declined_setup_is_a_card_error(shop: Shop) -> None:
    with pytest.raises(stripe.CardError) as refused:
        setup(shop, "pm_card_visa_chargeDeclinedInsufficientFunds")
    error: Any = refused.value.error
    assert (error.decline_code, error.setup_intent.status) == ("insufficient_funds", "requires_payment_method")


def test_a_setup_may_be_canceled_once(shop: Shop) -> None:
    intent = shop.api.setup_intents.create()
    assert shop.api.setup_intents.cancel(intent.id, {"cancellation_reason": "abandoned"}).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError):
        shop.api.setup_intents.cancel(intent.id)


def test_a_card_that_always_wants_its_holder_fails_without_him(shop: Shop) -> None:
    customer, method = saved(shop, "pm_card_authenticationRequired")
    with pytest.raises(stripe.CardError) as refused:
        shop.pay(method, customer=customer, off_session=True)
    error: Any = refused.value.error
    assert (error.code, error.decline_code) == ("authentication_required", "authentication_required")
    assert shop.pay(method, customer=customer).status == "requires_action"


def test_a_debit_is_set_up_once_and_then_charged_by_its_mandate(shop: Shop) -> None:
    customer = shop.api.customers.create().id
    intent = setup(shop, "pm_success_de", customer=customer, mandate_data={"customer_acceptance": ACCEPTANCE})
    assert shop.api.mandates.retrieve(intent.mandate).payment_method == intent.payment_method
    assert shop.pay(intent.payment_method, customer=customer, off_session=True).status == "processing"


def test_ideal_leaves_a_debit_for_the_next_payment(shop: Shop) -> None:
    customer = shop.api.customers.create().id
    params = {"amount": 900, "currency": "eur", "confirm": True, "return_url": BACK, "customer": customer}
    usage = {"setup_future_usage": "off_session", "payment_method_data": {"type": "ideal"}}
    intent = shop.api.payment_intents.create({**params, **usage})
    press(page_of(intent), result="succeeded")
    made = shop.charge(shop.api.payment_intents.retrieve(intent.id)).payment_method_details.ideal
    [kept] = shop.api.payment_methods.list({"customer": customer, "type": "sepa_debit"}).data
    assert kept.id == made.generated_sepa_debit
    assert shop.pay(kept.id, customer=customer, off_session=True).status == "processing"


def test_the_network_renews_a_saved_card_and_tells(shop: Shop, receiver: Receiver) -> None:
    shop.listen(receiver)
    _, method = saved(shop)
    url = f"{shop.simulators.urls['stripe']}/simulator/payment_methods/{method}/automatically_updated"
    assert requests.post(url, json={"exp_month": 3, "exp_year": 2039}, timeout=20).status_code == 200
    card = shop.api.payment_methods.retrieve(method).card
    assert (card.exp_month, card.exp_year) == (3, 2039)
    wait_until(lambda: "payment_method.automatically_updated" in {said(body)[0] for _, body in receiver.taken})


def test_a_saved_card_that_has_expired_is_declined(shop: Shop) -> None:
    customer = shop.api.customers.create().id
    now = shop.api.payment_intents.create({"amount": 900, "currency": "eur"}).created
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 1970 + now // 31_556_952 + 1}
    method = shop.api.payment_methods.create({"type": "card", "card": card})
    shop.api.payment_methods.attach(method.id, {"customer": customer})
    shop.advance(3 * 365)
    with pytest.raises(stripe.CardError) as refused:
        shop.pay(method.id, customer=customer, off_session=True)
    assert refused.value.code == "expired_card"
