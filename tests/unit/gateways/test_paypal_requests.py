"""What PayPal is asked, operation by operation: the real SDK's bytes against its published contracts."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from paypal_served import (
    CARD,
    CONTRACTS,
    EUR,
    TOKEN,
    Asked,
    PayPalServer,
    call_of,
    fits,
    order,
    payment,
    paypal_server,
)

from currency.money import Money
from orchestrator.gateways.base import CaptureMode, OperationCall, OperationKind, Split
from orchestrator.gateways.credentials import (
    Agreement,
    IdealCredential,
    Initiator,
    Mandate,
    Method,
    NetworkTokenCredential,
    PayPalWalletCredential,
    SavedCredential,
    SepaDebitCredential,
    Shopper,
    StoredUse,
)
from orchestrator.gateways.paypal.sources import payment_source
from orchestrator.gateways.vault import VaultSettings
from routing.outcomes import OutcomeKind, RetryAction

ORDERS, PAYMENTS = "paypal-checkout_orders_v2.json", "paypal-payments_payment_v2.json"
AUTOMATIC = CaptureMode.AUTOMATIC
SELLER = "KZ5QVJH3V7TWS"
MERCHANT = StoredUse(Initiator.MERCHANT, Agreement.SUBSCRIPTION, "483297487231504")
NETWORK_TOKEN = NetworkTokenCredential("tok_1", "visa", "4242", 12, 2031, holder="Ada Lovelace", eci="05")
WALLET, IDEAL = PayPalWalletCredential("ada@example.com"), IdealCredential("Ada Lovelace")
KEPT_CARD = SavedCredential("8kk8451t", "cust_1", Method.CARD, "visa", "4242")
KEPT_WALLET = SavedCredential("3nqvjt3n", "cust_1", Method.PAYPAL)

needs_contracts = pytest.mark.skipif(not CONTRACTS.exists(), reason="the shared contracts are not here")


@pytest.fixture
def paypal() -> Iterator[PayPalServer]:
    with paypal_server() as server:
        yield server


def sent(paypal: PayPalServer, call: OperationCall) -> Asked:
    """The last request that the call comes to."""
    paypal.answer("GET", "/v2/checkout/orders/ORDER1", 200, order())
    gateway = paypal.gateway()
    gateway.perform(call)
    gateway.close()
    return paypal.asked()[-1]


def filled(body: Any) -> Any:
    """What the vault puts in place of the expressions."""
    values = {"tok_1.number": "4242424242424242", "tok_1.cvc": "737", "tok_1.network_token": "4895370012003478"}
    text = json.dumps(body)
    for expression, value in (values | {"tok_1.cryptogram": "A" * 28}).items():
        text = text.replace(expression, value)
    return json.loads(text)


CONFIRM = OperationKind.CONFIRM


@needs_contracts
@pytest.mark.parametrize(
    ("given", "path", "schema"),
    [
        ({"kind": OperationKind.CREATE}, "/v2/checkout/orders", "order_request"),
        ({"kind": OperationKind.CREATE, "capture": AUTOMATIC}, "/v2/checkout/orders", "order_request"),
        (
            {"kind": OperationKind.CREATE, "splits": (Split(SELLER, Money(1000, "EUR")),)},
            "/v2/checkout/orders",
            "order_request",
        ),
        ({"kind": CONFIRM}, "/v2/checkout/orders/ORDER1/authorize", "order_authorize_request"),
        ({"kind": CONFIRM, "capture": AUTOMATIC}, "/v2/checkout/orders/ORDER1/capture", "order_capture_request"),
        (
            {"kind": CONFIRM, "save": StoredUse(agreement=Agreement.SUBSCRIPTION), "gateway_customer": "cust_1"},
            "/v2/checkout/orders/ORDER1/authorize",
            "order_authorize_request",
        ),
        (
            {"kind": CONFIRM, "credential": NETWORK_TOKEN},
            "/v2/checkout/orders/ORDER1/authorize",
            "order_authorize_request",
        ),
        (
            {"kind": CONFIRM, "credential": replace(NETWORK_TOKEN, has_cryptogram=False), "stored_use": MERCHANT},
            "/v2/checkout/orders/ORDER1/authorize",
            "order_authorize_request",
        ),
        (
            {"kind": CONFIRM, "credential": KEPT_CARD, "stored_use": StoredUse()},
            "/v2/checkout/orders/ORDER1/authorize",
            "order_authorize_request",
        ),
        (
            {"kind": CONFIRM, "credential": KEPT_CARD, "stored_use": MERCHANT, "capture": AUTOMATIC},
            "/v2/checkout/orders/ORDER1/capture",
            "order_capture_request",
        ),
        (
            {"kind": CONFIRM, "credential": KEPT_WALLET, "stored_use": MERCHANT},
            "/v2/checkout/orders/ORDER1/authorize",
            "order_authorize_request",
        ),
        (
            {"kind": CONFIRM, "credential": WALLET, "save": StoredUse(), "shopper": Shopper(locale="de-DE")},
            "/v2/checkout/orders/ORDER1/confirm-payment-source",
            "confirm_order_request",
        ),
        (
            {"kind": CONFIRM, "credential": IDEAL, "capture": AUTOMATIC},
            "/v2/checkout/orders/ORDER1/confirm-payment-source",
            "confirm_order_request",
        ),
    ],
)
def test_orders_requests_fit_the_contract(paypal: PayPalServer, given: dict[str, Any], path: str, schema: str) -> None:
    asked = sent(paypal, call_of(**given))
    assert asked.path == path
    assert asked.headers["prefer"] == "return=representation"
    fits(ORDERS, schema, filled(asked.json))


@needs_contracts
@pytest.mark.parametrize(
    ("given", "path", "schema"),
    [
        ({"kind": OperationKind.CAPTURE}, "/v2/payments/authorizations/AUTH1/capture", "capture_request"),
        (
            {"kind": OperationKind.CAPTURE, "splits": (Split(SELLER, Money(1000, "EUR")),)},
            "/v2/payments/authorizations/AUTH1/capture",
            "capture_request",
        ),
        (
            {"kind": OperationKind.REFUND, "gateway_operation_id": "CAP1"},
            "/v2/payments/captures/CAP1/refund",
            "refund_request",
        ),
        (
            {
                "kind": OperationKind.REFUND,
                "gateway_operation_id": "CAP1",
                "splits": (Split(SELLER, Money(1000, "EUR")),),
            },
            "/v2/payments/captures/CAP1/refund",
            "refund_request",
        ),
    ],
)
def test_payments_requests_fit_the_contract(
    paypal: PayPalServer, given: dict[str, Any], path: str, schema: str
) -> None:
    asked = sent(paypal, call_of(**given))
    assert (asked.path, asked.headers["paypal-request-id"]) == (path, "op_1")
    fits(PAYMENTS, schema, asked.json)


@pytest.mark.parametrize("credential", [CARD, NETWORK_TOKEN, KEPT_CARD, KEPT_WALLET, WALLET])
def test_only_what_the_vault_holds_goes_through_the_vault(paypal: PayPalServer, credential: Any) -> None:
    asked = sent(paypal, call_of(CONFIRM, credential=credential))
    assert asked.through_vault is (credential in (CARD, NETWORK_TOKEN))


def test_several_captures_are_told_apart_by_the_operation_and_leave_the_rest_standing(paypal: PayPalServer) -> None:
    asked = sent(paypal, call_of(OperationKind.CAPTURE, amount=Money(500, "EUR"), final_capture=False))
    assert asked.json == {
        "amount": {"currency_code": "EUR", "value": "5.00"},
        "invoice_id": "op_1",
        "final_capture": False,
    }


def card_of(call: OperationCall) -> Any:
    return payment_source(call, VaultSettings())["card"]


def test_charge_by_the_merchant_refers_to_the_first_payment_and_carries_no_security_code() -> None:
    card = card_of(call_of(CONFIRM, stored_use=MERCHANT))
    stored = card.stored_credential
    assert (stored.payment_initiator, stored.payment_type, stored.usage) == ("MERCHANT", "RECURRING", "SUBSEQUENT")
    assert stored.previous_network_transaction_reference.id == "483297487231504"
    assert not hasattr(card, "security_code")
    assert not hasattr(card, "attributes")
    assert not hasattr(card, "experience_context")


@pytest.mark.parametrize("agreement", list(Agreement))
def test_charge_by_the_merchant_is_never_one_time(agreement: Agreement) -> None:
    use = StoredUse(Initiator.MERCHANT, agreement)
    assert card_of(call_of(CONFIRM, stored_use=use)).stored_credential.payment_type in ("RECURRING", "UNSCHEDULED")


def test_first_payment_that_saves_asks_to_keep_the_card_and_for_authentication() -> None:
    use = StoredUse(agreement=Agreement.UNSCHEDULED)
    card = card_of(call_of(CONFIRM, save=use, gateway_customer="cust_1"))
    assert card.attributes.vault.store_in_vault == "ON_SUCCESS"
    assert card.attributes.customer.id == "cust_1"
    assert card.attributes.verification.method == "SCA_WHEN_REQUIRED"
    stored = card.stored_credential
    assert (stored.payment_initiator, stored.payment_type, stored.usage) == ("CUSTOMER", "UNSCHEDULED", "FIRST")


def test_network_token_has_its_cryptogram_and_the_indicator_of_its_network() -> None:
    visa = card_of(call_of(CONFIRM, credential=NETWORK_TOKEN)).network_token
    assert (visa.number, visa.cryptogram, visa.expiry) == ("tok_1.network_token", "tok_1.cryptogram", "2031-12")
    assert visa.eci_flag == "FULLY_AUTHENTICATED_TRANSACTION"
    other = replace(NETWORK_TOKEN, brand="mastercard", eci="02")
    flag = card_of(call_of(CONFIRM, credential=other)).network_token.eci_flag
    assert flag == "MASTERCARD_FULLY_AUTHENTICATED_TRANSACTION"


def test_recipient_is_the_payee_and_what_it_does_not_get_is_our_fee(paypal: PayPalServer) -> None:
    asked = sent(paypal, call_of(OperationKind.CREATE, splits=(Split(SELLER, Money(1000, "EUR")),)))
    unit = asked.json["purchase_units"][0]
    assert unit["payee"] == {"merchant_id": SELLER}
    fees = unit["payment_instruction"]["platform_fees"]
    assert fees == [{"amount": {"currency_code": "EUR", "value": "2.30"}}]
    head, claims, signature = asked.headers["paypal-auth-assertion"].split(".")
    decoded = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, claims)]
    assert decoded == [{"alg": "none"}, {"iss": "id", "payer_id": SELLER}]
    assert signature == ""


SEPA = SepaDebitCredential("DE89", "Ada", "a@example.com", Mandate("m", accepted_at=None))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "code", "action"),
    [
        (call_of(CONFIRM, credential=SEPA), "method_not_supported", RetryAction.FAILOVER_NOW),
        (
            call_of(CONFIRM, credential=replace(KEPT_CARD, method=Method.SEPA_DEBIT)),
            "method_not_supported",
            RetryAction.FAILOVER_NOW,
        ),
        (call_of(CONFIRM, credential=IDEAL), "capture_mode_not_supported", RetryAction.FAILOVER_NOW),
        (
            call_of(CONFIRM, credential=IdealCredential(), capture=AUTOMATIC),
            "invalid_request",
            RetryAction.FIX_INTEGRATION,
        ),
        (call_of(CONFIRM, credential=WALLET, return_url=""), "invalid_request", RetryAction.FIX_INTEGRATION),
        (call_of(CONFIRM, credential=None), "invalid_request", RetryAction.FIX_INTEGRATION),
        (
            call_of(OperationKind.CREATE, splits=(Split("", EUR),)),
            "recipient_not_onboarded",
            RetryAction.FAILOVER_NOW,
        ),
        (
            call_of(OperationKind.CREATE, splits=(Split("A", Money(1, "EUR")), Split("B", Money(1, "EUR")))),
            "split_not_supported",
            RetryAction.FAILOVER_NOW,
        ),
        (
            call_of(OperationKind.CREATE, splits=(Split("A", Money(1231, "EUR")),)),
            "invalid_request",
            RetryAction.FIX_INTEGRATION,
        ),
        (
            call_of(OperationKind.CREATE, splits=(Split("A", Money(100, "USD")),)),
            "invalid_request",
            RetryAction.FIX_INTEGRATION,
        ),
        (call_of(OperationKind.CAPTURE, gateway_operation_id=""), "invalid_request", RetryAction.FIX_INTEGRATION),
        (call_of(CONFIRM, gateway_payment_id=""), "invalid_request", RetryAction.FIX_INTEGRATION),
    ],
)
def test_what_paypal_cannot_do_is_refused_before_anything_is_sent(
    paypal: PayPalServer, call: OperationCall, code: str, action: RetryAction
) -> None:
    gateway = paypal.gateway()
    outcome = gateway.perform(call)
    gateway.close()
    assert outcome.kind is OutcomeKind.DECLINED
    assert outcome.decline is not None
    assert (outcome.decline.gateway_code, outcome.decline.action_cit) == (code, action)
    assert paypal.taken == []


def test_same_call_is_the_same_bytes_each_time(paypal: PayPalServer) -> None:
    call = call_of(CONFIRM, credential=WALLET, save=StoredUse())
    first = sent(paypal, call)
    assert sent(paypal, call).body == first.body


def test_too_many_calls_are_not_reached_and_say_when_to_come_back(paypal: PayPalServer) -> None:
    path = "/v2/payments/authorizations/AUTH1/capture"
    paypal.answer("POST", path, 429, {"name": "RATE_LIMIT_REACHED"}, Retry_After="7")
    gateway = paypal.gateway()
    outcome = gateway.perform(call_of(OperationKind.CAPTURE))
    gateway.close()
    assert (outcome.kind, outcome.retry_after_s) == (OutcomeKind.NOT_REACHED, 7.0)


def test_token_that_paypal_no_longer_takes_is_replaced_once(paypal: PayPalServer) -> None:
    path = "/v2/payments/authorizations/AUTH1/capture"
    gateway = paypal.gateway()
    assert gateway.probe() == ""
    paypal.answer("POST", path, 401, {"name": "AUTHENTICATION_FAILURE"})
    paypal.answer("POST", path, 201, payment("CAP1", "COMPLETED"))
    gateway.look_up(call_of(OperationKind.VOID))  # the token is fetched by now
    assert gateway.perform(call_of(OperationKind.CAPTURE)).kind is OutcomeKind.APPROVED
    gateway.close()


@pytest.mark.parametrize("credential", [CARD, KEPT_CARD])
def test_new_token_is_used_for_every_kind_of_call(paypal: PayPalServer, credential: Any) -> None:
    path = "/v2/checkout/orders/ORDER1/authorize"
    approved = order("COMPLETED", authorizations=[payment("AUTH1", "CREATED")])
    gateway = paypal.gateway()
    paypal.answer("POST", path, 201, approved)
    gateway.perform(call_of(CONFIRM, credential=credential))
    paypal.answers[("POST", path)] = [(401, {"name": "AUTHENTICATION_FAILURE"}, {}), (201, approved, {})]
    paypal.answer("POST", "/v1/oauth2/token", 200, TOKEN | {"access_token": "A21-new-token"})
    assert gateway.perform(call_of(CONFIRM, credential=credential)).kind is OutcomeKind.APPROVED
    gateway.close()
    sent = [one.headers["authorization"] for one in paypal.asked()]
    assert sent[-2:] == ["Bearer A21-secret-token", "Bearer A21-new-token"]
