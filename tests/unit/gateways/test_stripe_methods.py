"""Customers at Stripe and the credentials that are kept for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from stripe_served import CARD, Served, listed, refused, serving

from orchestrator.gateways.credentials import (
    Agreement,
    Browser,
    IdealCredential,
    Initiator,
    Method,
    NetworkTokenCredential,
    PayPalWalletCredential,
    SavedCredential,
    Shopper,
    StoredUse,
)
from orchestrator.gateways.facets import (
    Answer,
    CompleteSave,
    CustomerOrder,
    SaveOrder,
)
from routing.outcomes import OutcomeKind

SHOPPER = Shopper(
    email="ada@example.com",
    name="Ada Lovelace",
    ip="203.0.113.7",
    browser=Browser("text/html", "Firefox", "de-DE", 24, 900, 1600, -60),
)


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as one:
        yield one


def reason_of(answer: Answer[Any]) -> str:
    assert answer.kind is OutcomeKind.DECLINED, answer
    assert answer.decline is not None
    return answer.decline.reason


def save_order(**given: Any) -> SaveOrder:
    fields: dict[str, Any] = {"credential": CARD, "gateway_customer": "cus_1", "shopper": SHOPPER}
    fields |= {"use": StoredUse(agreement=Agreement.SUBSCRIPTION), "return_url": "https://shop.example/back"}
    return SaveOrder("key_1", "pm_ours", **(fields | given))


def setup(status: str = "succeeded", **changes: Any) -> dict[str, Any]:
    card = {"brand": "visa", "last4": "4242", "exp_month": 3, "exp_year": 2030}
    method = {"id": "pm_1", "type": "card", "customer": "cus_1", "card": card}
    shown = {"id": "seti_1", "object": "setup_intent", "status": status, "customer": "cus_1"}
    return {**shown, "payment_method": method, "latest_attempt": None, **changes}


def test_customer_is_created_with_our_id_and_updated_under_stripes(served: Served) -> None:
    served.will_say({"id": "cus_1", "object": "customer"})
    methods = served.stripe.facets.methods
    assert methods is not None
    assert methods.save_customer(CustomerOrder("key_1", "c_1", SHOPPER)).value == "cus_1"
    assert (served.last.path, served.last.headers["idempotency-key"]) == ("/v1/customers", "key_1")
    assert served.last.form == {
        "metadata[clearway_customer]": "c_1",
        "name": "Ada Lovelace",
        "email": "ada@example.com",
    }
    methods.save_customer(CustomerOrder("key_2", "c_1", Shopper(email="new@example.com"), "cus_1"))
    assert served.last.path == "/v1/customers/cus_1"


def test_card_is_kept_by_a_setup_intent_through_the_vault(served: Served) -> None:
    served.will_say(setup())
    assert served.stripe.facets.methods is not None
    answer = served.stripe.facets.methods.save(save_order())
    form = served.last.form
    assert (served.last.path, "proxy-authorization" in served.last.headers) == ("/v1/setup_intents", True)
    assert (form["usage"], form["confirm"], form["customer"]) == ("off_session", "true", "cus_1")
    assert form["payment_method_data[card][number]"] == "tok_1.number"
    assert form["metadata[clearway_method]"] == "pm_ours"
    assert answer.value is not None
    assert (answer.value.gateway_token, answer.value.brand, answer.value.expiry_year) == ("pm_1", "visa", 2030)
    assert answer.value.setup_id == "seti_1"


def test_card_for_one_click_is_kept_for_when_the_customer_is_there(served: Served) -> None:
    served.will_say(setup())
    assert served.stripe.facets.methods is not None
    served.stripe.facets.methods.save(save_order(use=StoredUse(Initiator.CUSTOMER, Agreement.CARD_ON_FILE)))
    assert served.last.form["usage"] == "on_session"


def test_saving_that_wants_authentication_is_completed_by_reading_it(served: Served) -> None:
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://hooks.stripe.com/3ds"}}
    served.will_say(setup("requires_action", next_action=action), setup())
    methods = served.stripe.facets.methods
    assert methods is not None
    first = methods.save(save_order())
    assert (first.kind, first.next_action is not None) == (OutcomeKind.ACTION_REQUIRED, True)
    assert first.value is not None
    assert (first.value.gateway_token, first.value.setup_id) == ("", "seti_1")
    second = methods.complete_save(CompleteSave("key_2", "seti_1", "cus_1", {}))
    assert (served.last.method, served.last.path) == ("GET", "/v1/setup_intents/seti_1")
    assert second.value is not None
    assert second.value.gateway_token == "pm_1"


def test_card_that_is_refused_when_saved_says_why(served: Served) -> None:
    error = {"code": "card_declined", "decline_code": "lost_card", "message": "No."}
    served.will_say(setup("requires_payment_method", last_setup_error=error))
    assert served.stripe.facets.methods is not None
    answer = served.stripe.facets.methods.complete_save(CompleteSave("key_2", "seti_1", "cus_1", {}))
    assert reason_of(answer) == "lost_card"


@pytest.mark.parametrize(
    "credential",
    [SavedCredential("pm_9", "cus_1"), NetworkTokenCredential("tok_1", "visa", "1111", 3, 2030)],
)
def test_credential_that_stripe_does_not_keep_is_refused_before_any_call(served: Served, credential: Any) -> None:
    assert served.stripe.facets.methods is not None
    answer = served.stripe.facets.methods.save(save_order(credential=credential))
    assert (reason_of(answer), served.asked) == ("card_type_not_supported", [])


def test_wallet_is_kept_only_with_the_place_of_consent(served: Served) -> None:
    served.will_say(setup())
    methods = served.stripe.facets.methods
    assert methods is not None
    refused_ = methods.save(save_order(credential=PayPalWalletCredential(), shopper=Shopper()))
    assert (reason_of(refused_), served.asked) == ("invalid_request", [])
    methods.save(save_order(credential=PayPalWalletCredential()))
    assert served.last.form["mandate_data[customer_acceptance][online][ip_address]"] == "203.0.113.7"


def test_ideal_that_is_kept_is_a_sepa_mandate(served: Served) -> None:
    attempt = {"id": "setatt_1", "payment_method_details": {"ideal": {"generated_sepa_debit": "pm_sepa"}}}
    served.will_say(setup(latest_attempt=attempt))
    assert served.stripe.facets.methods is not None
    answer = served.stripe.facets.methods.save(save_order(credential=IdealCredential()))
    assert answer.value is not None
    assert (answer.value.gateway_token, answer.value.method) == ("pm_sepa", Method.SEPA_DEBIT)


def test_all_pages_of_what_is_kept_are_read(served: Served) -> None:
    url = "/v1/customers/cus_1/payment_methods"
    first = {"id": "pm_1", "object": "payment_method", "type": "card", "customer": "cus_1", "card": {"last4": "4242"}}
    other = {"id": "pm_2", "object": "payment_method", "type": "sepa_debit", "customer": "cus_1", "sepa_debit": {}}
    served.will_say(listed([first], has_more=True, url=url), listed([other], url=url))
    assert served.stripe.facets.methods is not None
    answer = served.stripe.facets.methods.saved("cus_1")
    assert answer.value is not None
    assert [method.gateway_token for method in answer.value] == ["pm_1", "pm_2"]
    assert answer.value[1].method is Method.SEPA_DEBIT


def test_list_that_breaks_off_is_no_list(served: Served) -> None:
    url = "/v1/customers/cus_1/payment_methods"
    row = {"id": "pm_1", "object": "payment_method", "type": "card", "customer": "cus_1", "card": {}}
    served.will_say(listed([row], has_more=True, url=url), (500, {}))
    assert served.stripe.facets.methods is not None
    answer = served.stripe.facets.methods.saved("cus_1")
    assert (answer.kind, answer.value) == (OutcomeKind.UNKNOWN, None)


def test_detaching_what_belongs_to_nobody_is_done(served: Served) -> None:
    served.will_say((400, refused("", "is not attached to a customer")), {"id": "pm_1", "customer": None})
    assert served.stripe.facets.methods is not None
    assert served.stripe.facets.methods.detach("pm_1", "cus_1", "key_1").kind is OutcomeKind.APPROVED
    assert [(one.method, one.path) for one in served.asked] == [
        ("POST", "/v1/payment_methods/pm_1/detach"),
        ("GET", "/v1/payment_methods/pm_1"),
    ]


def test_detaching_that_is_refused_for_another_reason_is_not_done(served: Served) -> None:
    served.will_say((400, refused("parameter_missing")), {"id": "pm_1", "customer": "cus_1"})
    assert served.stripe.facets.methods is not None
    assert served.stripe.facets.methods.detach("pm_1", "cus_1", "key_1").kind is OutcomeKind.DECLINED
