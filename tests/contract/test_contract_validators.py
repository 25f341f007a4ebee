"""The validators let the vendors' own examples pass, and see what is misspelt, missing or of another type."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_contract import CONTRACTS, contract
from stripe_shapes import decoded_form, method_for, object_problems, request_problems
from wire_contracts import problems_of
from wire_tap import Passed

pytestmark = pytest.mark.skipif(not CONTRACTS.exists(), reason="the shared contracts are not here")

CHECKOUT = ("adyen-CheckoutService-v72.json", "/v72")
PAYMENT: dict[str, Any] = {
    "merchantAccount": "Shop",
    "amount": {"value": 1230, "currency": "EUR"},
    "reference": "att_1",
    "returnUrl": "https://shop.example/return",
    "paymentMethod": {"type": "scheme", "number": "4242424242424242", "expiryMonth": "03", "expiryYear": "2035"},
}


def resource(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CONTRACTS / "stripe-fixtures3.json").read_text())["resources"][name]
    return found


def adyen_problems(payment: dict[str, Any]) -> list[str]:
    return contract(*CHECKOUT).schema_problems("PaymentRequest", payment, "request")


@pytest.mark.parametrize("name", ["refund", "customer", "dispute", "payout", "price", "product", "webhook_endpoint"])
def test_stripes_own_example_passes(name: str) -> None:
    assert list(object_problems(resource(name), "")) == []


@pytest.mark.parametrize("name", ["refund", "customer", "dispute", "payout"])
def test_stripe_object_with_a_strange_key_or_a_missing_one_is_seen(name: str) -> None:
    example = resource(name)
    assert any("/inventd" in problem for problem in object_problems(example | {"inventd": 1}, ""))
    lacking = {key: value for key, value in example.items() if key != "created"}
    assert any("/created" in problem for problem in object_problems(lacking, ""))


def test_stripe_object_with_a_value_of_another_type_is_seen() -> None:
    assert any("/amount" in problem for problem in object_problems(resource("refund") | {"amount": "12.30"}, ""))


@pytest.mark.parametrize(
    ("form", "flawed"),
    [
        ("amount=1230&metadata[a]=b", False),
        ("amount=12.30", True),
        ("amuont=1230", True),
        ("refund_application_fee=yes", True),
    ],
)
def test_stripe_form_is_held_to_the_sdks_parameters(form: str, flawed: bool) -> None:
    method = method_for("POST", "/v1/refunds")
    assert method is not None
    assert bool(request_problems(method, decoded_form(form))) is flawed


def test_adyen_payment_passes() -> None:
    assert adyen_problems(PAYMENT) == []


@pytest.mark.parametrize(
    "change",
    [{"merchantAcount": "Shop"}, {"amount": {"value": "1230", "currency": "EUR"}}, {"channel": "Telephone"}],
)
def test_adyen_payment_that_is_wrong_is_seen(change: dict[str, Any]) -> None:
    assert adyen_problems(PAYMENT | change)


def test_adyen_card_with_a_misspelt_key_is_seen_in_the_union_of_methods() -> None:
    method = PAYMENT["paymentMethod"] | {"expirymonth": "03"}
    assert adyen_problems(PAYMENT | {"paymentMethod": method})


def test_status_and_path_that_no_contract_has_are_seen() -> None:
    made_up = Passed("adyen", "POST", "/v72/payments/lookup", "", {}, b"{}", 200, {}, b"{}")
    assert problems_of(made_up)
    teapot = Passed("adyen", "POST", "/v72/payments", "", {}, json.dumps(PAYMENT).encode(), 418, {}, b"{}")
    assert any("418" in problem for problem in problems_of(teapot))


def test_reply_lacking_what_the_sdk_requires_of_a_token_is_seen() -> None:
    reply = Passed("paypal", "POST", "/v1/oauth2/token", "", {}, b"", 200, {}, b'{"token_type": "Bearer"}')
    assert any("access_token" in problem for problem in problems_of(reply))
