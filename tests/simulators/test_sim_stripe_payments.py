"""The simulated Stripe: how payments are captured, authenticated, refused, and paid by other means than a card."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe
from sim_driving import Receiver, Simulators, wait_until
from sim_stripe_shop import ACCEPTANCE, Shop, open_shop, page_of, press, said

DEBTOR = {"name": "Ada Lovelace", "email": "ada@example.com"}
MANDATE = {"customer_acceptance": ACCEPTANCE}


@pytest.fixture
def shop(simulators: Simulators) -> Shop:
    return open_shop(simulators)


def debit(shop: Shop, iban: str, **more: Any) -> Any:
    data = {"type": "sepa_debit", "sepa_debit": {"iban": iban}, "billing_details": DEBTOR}
    params = {"amount": 5000, "currency": "eur", "confirm": True, "payment_method_data": data, "mandate_data": MANDATE}
    return shop.api.payment_intents.create({**params, "return_url": "http://127.0.0.1/back", **more})


def declined(shop: Shop, method: str, **more: Any) -> Any:
    with pytest.raises(stripe.CardError) as refused:
        shop.pay(method, **more)
    return refused.value.error


# captures


def test_several_captures_need_multicapture_and_end_with_the_final_one(shop: Shop) -> None:
    options = {"card": {"request_multicapture": "if_available"}}
    intent = shop.pay(capture_method="manual", payment_method_options=options)
    details = shop.charge(intent).payment_method_details.card
    assert details.multicapture.status == "available"
    first = shop.api.payment_intents.capture(intent.id, {"amount_to_capture": 700, "final_capture": False})
    assert (first.status, first.amount_received, first.amount_capturable) == ("requires_capture", 700, 1300)
    last = shop.api.payment_intents.capture(intent.id, {"amount_to_capture": 800})
    assert (last.status, last.amount_received, last.amount_capturable) == ("succeeded", 1500, 0)
    assert shop.simulators.charges_of(shop.account)[0]["captured_minor"] == 1500


def test_a_capture_is_final_where_multicapture_was_not_asked_for(shop: Shop) -> None:
    intent = shop.pay(capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError, match="multicapture"):
        shop.api.payment_intents.capture(intent.id, {"amount_to_capture": 700, "final_capture": False})


def test_an_authorisation_expires_on_the_day_that_the_charge_says(shop: Shop, receiver: Receiver) -> None:
    shop.listen(receiver)
    intent = shop.pay(capture_method="manual")
    until = shop.charge(intent).payment_method_details.card.capture_before
    assert until == intent.created + 7 * 86400
    shop.advance(7.01)
    expired = shop.api.payment_intents.retrieve(intent.id)
    assert (expired.status, expired.cancellation_reason) == ("canceled", "automatic")
    with pytest.raises(stripe.InvalidRequestError):
        shop.api.payment_intents.capture(intent.id)
    wait_until(lambda: {"charge.expired", "payment_intent.canceled"} <= {said(body)[0] for _, body in receiver.taken})


def test_a_visa_authorised_without_the_customer_expires_sooner(shop: Shop) -> None:
    customer = shop.api.customers.create()
    shop.pay(customer=customer.id, setup_future_usage="off_session")
    [saved] = shop.api.payment_methods.list({"customer": customer.id}).data
    later = shop.pay(saved.id, customer=customer.id, off_session=True, capture_method="manual")
    until = shop.charge(later).payment_method_details.card.capture_before
    assert until == later.created + 4 * 86400 + 18 * 3600


def test_an_intent_with_a_method_waits_for_confirmation(shop: Shop) -> None:
    intent = shop.api.payment_intents.create({"amount": 900, "currency": "eur", "payment_method": "pm_card_visa"})
    assert intent.status == "requires_confirmation"
    done = shop.api.payment_intents.confirm(intent.id, {"return_url": "http://127.0.0.1/back"})
    assert (done.status, done.amount_received) == ("succeeded", 900)


def test_the_amount_may_change_until_it_is_paid(shop: Shop) -> None:
    intent = shop.api.payment_intents.create({"amount": 900, "currency": "eur"})
    assert shop.api.payment_intents.update(intent.id, {"amount": 950, "metadata": {"a": "b"}}).amount == 950
    paid = shop.pay()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.api.payment_intents.update(paid.id, {"amount": 950})
    assert refused.value.code == "payment_intent_unexpected_state"


@pytest.mark.parametrize(("currency", "amount"), [("eur", 49), ("gbp", 29), ("jpy", 49), ("czk", 1499)])
def test_less_than_the_least_amount_is_refused(shop: Shop, currency: str, amount: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.pay(currency=currency, amount=amount)
    assert refused.value.code == "amount_too_small"


def test_a_currency_that_stripe_does_not_charge_is_refused(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Invalid currency: kpw"):
        shop.pay(currency="kpw")


def test_an_unknown_parameter_is_refused(shop: Shop) -> None:
    answer = shop.raw("POST", "/v1/payment_intents", 400, amount="900", currency="eur", colour="red")
    assert (answer["error"]["code"], answer["error"]["param"]) == ("parameter_unknown", "colour")


def test_a_return_address_is_needed_where_a_method_could_send_the_shopper_away(shop: Shop) -> None:
    params = {"amount": 900, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True}
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        shop.api.payment_intents.create(params)
    never = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    assert shop.api.payment_intents.create({**params, **never}).status == "succeeded"


# cards


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
        ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded"),
        ("pm_card_radarBlock", "card_declined", "fraudulent"),
    ],
)
def test_a_test_method_is_declined_in_stripes_words(shop: Shop, method: str, code: str, decline_code: str) -> None:
    error = declined(shop, method)
    assert (error.code, error.decline_code) == (code, decline_code)


def test_a_blocked_payment_never_reached_the_network(shop: Shop) -> None:
    outcome = shop.api.charges.retrieve(declined(shop, "pm_card_radarBlock").charge).outcome
    assert (outcome.type, outcome.reason) == ("blocked", "highest_risk_level")
    assert outcome.network_status == "not_sent_to_network"


@pytest.mark.parametrize("code", ["call_issuer", "do_not_try_again", "new_account_information_available"])
def test_any_decline_code_can_be_ordered(shop: Shop, code: str) -> None:
    shop.simulators.post(
        "/scenarios",
        gateway="stripe",
        operation="create",
        behaviour="decline",
        code=code,
        when={"account": shop.account},
    )
    assert declined(shop, "pm_card_visa").decline_code == code


def test_an_error_code_that_is_no_decline_can_be_ordered(shop: Shop) -> None:
    order = {"gateway": "stripe", "operation": "create", "behaviour": "decline", "code": "capability_not_active"}
    shop.simulators.post("/scenarios", **order, when={"account": shop.account})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.pay()
    assert refused.value.code == "capability_not_active"


def test_a_card_that_passes_the_challenge_may_still_be_declined(shop: Shop) -> None:
    intent = shop.pay("pm_card_threeDSecureRequiredChargeDeclined")
    assert press(page_of(intent), password="password").endswith("redirect_status=failed")
    after = shop.api.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (after.status, after.last_payment_error.code) == ("requires_payment_method", "card_declined")
    assert after.latest_charge.payment_method_details.card.three_d_secure.result == "authenticated"


def test_3d_secure_asked_of_a_card_that_is_not_enrolled_is_only_attempted(shop: Shop) -> None:
    intent = shop.pay(payment_method_options={"card": {"request_three_d_secure": "any"}})
    proof = shop.charge(intent).payment_method_details.card.three_d_secure
    assert (proof.result, proof.electronic_commerce_indicator) == ("attempt_acknowledged", "06")


def test_3d_secure_of_another_provider_is_taken_over(shop: Shop) -> None:
    proof = {"cryptogram": "AAABAWFlmQAAAABjRWWZEEFgFz8=", "transaction_id": "ds-1", "version": "2.2.0"}
    options = {"card": {"three_d_secure": {**proof, "electronic_commerce_indicator": "05"}}}
    intent = shop.pay("pm_card_authenticationRequired", payment_method_options=options)
    shown = shop.charge(intent).payment_method_details.card.three_d_secure
    assert (intent.status, shown.transaction_id, shown.electronic_commerce_indicator) == ("succeeded", "ds-1", "05")


def test_a_payment_that_must_not_need_the_shopper_fails_where_it_does(shop: Shop) -> None:
    error = declined(shop, "pm_card_authenticationRequired", error_on_requires_action=True)
    assert (error.code, error.decline_code) == ("authentication_required", "authentication_not_handled")


def test_a_charge_carries_the_network_transaction_id(shop: Shop) -> None:
    shown = shop.charge(shop.pay()).payment_method_details.card.network_transaction_id
    assert shown == shop.simulators.charges_of(shop.account)[0]["network_transaction_id"] != ""


def test_a_network_token_needs_a_cryptogram_that_was_made_for_it(shop: Shop) -> None:
    form = {"amount": "900", "currency": "eur", "confirm": "true", "allowed_payment_method_types[0]": "card"}
    token = "payment_method_data[card][network_token]"
    form |= {"payment_method_data[type]": "card", f"{token}[number]": "4242424242424242"}
    form |= {f"{token}[exp_month]": "12", f"{token}[exp_year]": "2032"}
    form["payment_method_options[card][network_token][cryptogram]"] = "bm90IG9uZSBvZiBpdHMgb3du"
    assert shop.raw("POST", "/v1/payment_intents", 402, **form)["error"]["decline_code"] == "invalid_account"
    mit = "payment_method_options[card][mit_exemption][network_transaction_id]"
    del form["payment_method_options[card][network_token][cryptogram]"]
    paid = shop.raw("POST", "/v1/payment_intents", **form, **{mit: "123456789012345", "off_session": "true"})
    charge = shop.api.charges.retrieve(paid["latest_charge"])
    assert charge.payment_method_details.card.network_token.used is True


# other methods


@pytest.mark.parametrize("kind", ["ideal", "paypal"])
def test_a_redirect_is_paid_once_the_shopper_agrees(shop: Shop, kind: str) -> None:
    intent = shop.api.payment_intents.create(
        {
            "amount": 900,
            "currency": "eur",
            "confirm": True,
            "payment_method_data": {"type": kind},
            "return_url": "http://127.0.0.1/back",
        }
    )
    assert "Authorize test payment" in requests.get(page_of(intent), timeout=20).text
    assert press(page_of(intent), result="succeeded").endswith("redirect_status=succeeded")
    paid = shop.api.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (paid.status, paid.latest_charge.payment_method_details.type) == ("succeeded", kind)
    assert shop.simulators.charges_of(shop.account)[0]["method"] == kind


def test_a_redirect_that_the_shopper_refuses_wants_another_method(shop: Shop) -> None:
    data = {"payment_method_data": {"type": "ideal"}, "return_url": "http://127.0.0.1/back"}
    intent = shop.api.payment_intents.create({"amount": 900, "currency": "eur", "confirm": True, **data})
    assert press(page_of(intent), result="failed").endswith("redirect_status=failed")
    after = shop.api.payment_intents.retrieve(intent.id)
    assert after.status == "requires_payment_method"
    assert after.last_payment_error.code == "payment_intent_authentication_failure"


def test_paypal_may_be_authorised_and_captured(shop: Shop) -> None:
    data = {"payment_method_data": {"type": "paypal"}, "return_url": "http://127.0.0.1/back"}
    manual = {"amount": 900, "currency": "eur", "confirm": True, "capture_method": "manual"}
    intent = shop.api.payment_intents.create({**manual, **data})
    press(page_of(intent), result="succeeded")
    assert shop.api.payment_intents.capture(intent.id).status == "succeeded"


def test_a_list_of_methods_is_no_parameter_any_more_since_endive(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.pay(payment_method_types=["card"])
    assert refused.value.code == "payment_method_types_no_longer_supported"


def test_a_method_that_does_not_take_the_currency_is_not_among_the_allowed(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.pay(allowed_payment_method_types=["ideal"], currency="usd")
    assert refused.value.param == "allowed_payment_method_types"


def test_an_older_version_still_takes_the_list_and_refuses_a_currency(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.api.payment_intents.create(
            {"amount": 2000, "currency": "usd", "payment_method_types": ["ideal"]},
            {"stripe_version": "2026-08-26.dahlia"},
        )
    assert refused.value.code == "payment_intent_invalid_parameter"


@pytest.mark.parametrize(
    ("iban", "days", "status"),
    [
        ("DE89370400440532013000", 5.1, "succeeded"),
        ("DE08370400440532013003", 7.1, "succeeded"),
        ("DE62370400440532013001", 5.1, "requires_payment_method"),
        ("DE65370400440002222227", 5.1, "requires_payment_method"),
    ],
)
def test_a_direct_debit_is_processing_for_days(shop: Shop, iban: str, days: float, status: str) -> None:
    intent = debit(shop, iban)
    assert (intent.status, shop.charge(intent).status) == ("processing", "pending")
    shop.advance(4.9)
    assert shop.api.payment_intents.retrieve(intent.id).status == "processing"
    shop.advance(days - 4.9)
    after = shop.api.payment_intents.retrieve(intent.id)
    assert after.status == status
    assert shop.simulators.charges_of(shop.account)[0]["captured_minor"] == (5000 if status == "succeeded" else 0)


def test_a_failed_debit_says_why(shop: Shop) -> None:
    intent = debit(shop, "DE65370400440002222227")
    shop.advance(5.1)
    after = shop.api.payment_intents.retrieve(intent.id)
    assert after.last_payment_error.code == "insufficient_funds"
    assert shop.charge(intent).failure_code == "insufficient_funds"


def test_a_paid_debit_may_be_returned_and_that_is_final(shop: Shop) -> None:
    intent = debit(shop, "DE35370400440532013002")
    shop.advance(5.1)
    [dispute] = shop.api.disputes.list({"payment_intent": intent.id}).data
    assert (dispute.status, dispute.amount) == ("lost", 5000)
    assert shop.book()["disputed_minor"] == 5000


def test_a_debit_needs_a_mandate_which_can_be_read(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="mandate_data"):
        debit(shop, "DE89370400440532013000", mandate_data={})
    charge = shop.charge(debit(shop, "DE89370400440532013000"))
    mandate = shop.api.mandates.retrieve(charge.payment_method_details.sepa_debit.mandate)
    assert (mandate.status, mandate.payment_method_details.type) == ("active", "sepa_debit")


def test_a_wrong_iban_is_refused(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        debit(shop, "DE89370400440532013001")
    assert refused.value.code == "invalid_bank_account_iban"


# refunds


def test_a_refund_may_fail_later_and_the_money_comes_back(shop: Shop, receiver: Receiver) -> None:
    shop.listen(receiver)
    intent = shop.pay("pm_card_refundFail")
    refund = shop.api.refunds.create({"payment_intent": intent.id})
    assert (refund.status, shop.book()["refunded_minor"]) == ("succeeded", 2000)
    shop.advance(0.1)
    failed = shop.api.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert (shop.book()["refunded_minor"], shop.charge(intent).amount_refunded) == (0, 0)
    wait_until(lambda: "refund.failed" in {said(body)[0] for _, body in receiver.taken})


def test_a_pending_refund_may_be_canceled_for_half_an_hour(shop: Shop) -> None:
    card = {"number": "4000000000007726", "exp_month": 12, "exp_year": 2032}
    intent = shop.pay("", payment_method_data={"type": "card", "card": card})
    refund = shop.api.refunds.create({"payment_intent": intent.id, "amount": 500})
    assert refund.status == "pending"
    assert shop.api.refunds.cancel(refund.id).status == "canceled"
    assert shop.book()["refunded_minor"] == 0
    other = shop.api.refunds.create({"payment_intent": intent.id, "amount": 500})
    shop.advance(0.1)
    assert shop.api.refunds.retrieve(other.id).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError):
        shop.api.refunds.cancel(other.id)


def test_refunds_are_listed_page_by_page(shop: Shop) -> None:
    intent = shop.pay()
    made = [shop.api.refunds.create({"payment_intent": intent.id, "amount": 100}).id for _ in range(3)]
    first = shop.api.refunds.list({"payment_intent": intent.id, "limit": 2})
    rest = shop.api.refunds.list({"payment_intent": intent.id, "limit": 2, "starting_after": first.data[-1].id})
    assert [refund.id for refund in (*first.data, *rest.data)] == made[::-1]
    assert (first.has_more, rest.has_more) == (True, False)


# the wire


def test_expand_reaches_into_objects_and_lists(shop: Shop) -> None:
    intent = shop.pay()
    one = shop.api.payment_intents.retrieve(intent.id, {"expand": ["latest_charge.balance_transaction"]})
    assert one.latest_charge.balance_transaction.net == 2000 - one.latest_charge.balance_transaction.fee
    [row] = shop.api.payment_intents.list({"expand": ["data.payment_method"]}).data
    assert row.payment_method.card.last4 == "4242"
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        shop.api.payment_intents.retrieve(intent.id, {"expand": ["colour"]})


def test_a_replayed_answer_names_the_first_request(shop: Shop) -> None:
    url, key = shop.simulators.urls["stripe"] + "/v1/customers", {"Idempotency-Key": "k-1"}
    headers = {"authorization": f"Bearer {shop.key}", **key}
    first, again = (requests.post(url, data={"name": "Ada"}, headers=headers, timeout=20) for _ in range(2))
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request"] == first.headers["request-id"] != again.headers["request-id"]


def test_too_many_requests_name_the_limit(shop: Shop) -> None:
    order = {"gateway": "stripe", "operation": "customer", "behaviour": "http_429", "retry_after": 3}
    shop.simulators.post("/scenarios", **order, when={"account": shop.account})
    with pytest.raises(stripe.RateLimitError) as refused:
        shop.api.customers.create()
    headers: Any = refused.value.headers
    body: Any = refused.value.json_body
    assert (body["error"]["code"], headers["retry-after"]) == ("rate_limit", "3")
    assert headers["stripe-rate-limited-reason"] == "global-rate"
