"""Gateways' answers in our words: what is an approval, what is a decline, and what is not known."""

from __future__ import annotations

from typing import Any

import pytest

from currency.money import Money
from orchestrator.gateways.adyen import mapping as adyen_mapping
from orchestrator.gateways.base import OperationCall, OperationKind
from orchestrator.gateways.credentials import CardCredential
from orchestrator.gateways.kinds import GatewayEndpoints
from orchestrator.gateways.paypal import mapping as paypal_mapping
from orchestrator.gateways.registry import build_gateway
from orchestrator.gateways.stripe import mapping as stripe_mapping
from orchestrator.gateways.transport import Reply
from orchestrator.gateways.vault import VaultSettings
from routing.outcomes import Outcome, OutcomeKind, RetryAction

EUR = Money(1230, "EUR")
GATEWAYS = ("adyen", "paypal", "stripe")


def call(kind: OperationKind = OperationKind.CONFIRM, amount: Money = EUR, brand: str = "visa") -> OperationCall:
    card = CardCredential("tok_1", brand, "4242", 3, 2030)
    return OperationCall(
        kind, "op_1", "pay_1", "att_1", amount, gateway_payment_id="P1", gateway_operation_id="O1", credential=card
    )


def read(gateway: str, status: int, body: dict[str, Any] | None, of: OperationCall | None = None) -> Outcome:
    readers = {"stripe": stripe_mapping, "adyen": adyen_mapping, "paypal": paypal_mapping}
    outcome: Outcome = readers[gateway].read_reply(of or call(), Reply(status, {}, body))
    return outcome


def intent(**changes: Any) -> dict[str, Any]:
    shown = {"id": "P1", "amount": 1230, "amount_capturable": 1230, "amount_received": 0, "currency": "eur"}
    return shown | {"status": "requires_capture", "latest_charge": "ch_1", "metadata": {}} | changes


def order(status: str, value: str = "12.30", **changes: Any) -> dict[str, Any]:
    authorization = {"id": "A1", "status": status, "amount": {"currency_code": "EUR", "value": value}} | changes
    return {"id": "P1", "status": "COMPLETED", "purchase_units": [{"payments": {"authorizations": [authorization]}}]}


def stripe_error(code: str, **more: Any) -> dict[str, Any]:
    return {"error": {"type": "card_error", "code": code, "message": "No."} | more}


def reason_of(outcome: Outcome) -> str:
    assert outcome.kind is OutcomeKind.DECLINED, outcome
    assert outcome.decline is not None
    return outcome.decline.reason


@pytest.mark.parametrize(
    ("gateway", "body"),
    [
        ("stripe", intent(amount_capturable=1229)),
        ("stripe", intent(currency="usd")),
        ("adyen", {"resultCode": "Authorised", "pspReference": "P", "amount": {"value": 1000, "currency": "EUR"}}),
        ("adyen", {"resultCode": "PartiallyAuthorised", "pspReference": "P"}),
        ("paypal", order("CREATED", value="12.29")),
    ],
)
def test_approval_of_another_amount_or_currency_is_not_an_approval(gateway: str, body: dict[str, Any]) -> None:
    assert read(gateway, 200, body).kind is OutcomeKind.UNKNOWN


def test_paypal_order_that_is_completed_with_a_denied_authorization_is_a_decline() -> None:
    outcome = read("paypal", 201, order("DENIED", processor_response={"response_code": "5120"}))
    assert reason_of(outcome) == "insufficient_funds"


def test_same_advice_code_means_different_things_at_visa_and_mastercard() -> None:
    body = order("DENIED", processor_response={"response_code": "5120", "payment_advice_code": "02"})
    assert reason_of(read("paypal", 201, body, call(brand="visa"))) == "stop_payment_order"
    assert reason_of(read("paypal", 201, body, call(brand="mastercard"))) == "insufficient_funds"


def test_decline_code_goes_before_the_error_code_and_an_unknown_one_is_not_retried() -> None:
    assert reason_of(read("stripe", 402, stripe_error("card_declined", decline_code="lost_card"))) == "lost_card"
    assert reason_of(read("stripe", 402, stripe_error("card_declined"))) == "generic_decline"
    assert reason_of(read("stripe", 402, stripe_error("card_declined", decline_code="new_one"))) == "unmapped"


@pytest.mark.parametrize(
    ("gateway", "body", "advice"),
    [
        ("stripe", stripe_error("card_declined", decline_code="do_not_honor", advice_code="do_not_try_again"), "visa"),
        (
            "adyen",
            {"resultCode": "Refused", "refusalReasonCode": "2", "additionalData": {"merchantAdviceCode": "03"}},
            "mastercard",
        ),
    ],
)
def test_advice_stops_what_the_code_alone_would_allow(gateway: str, body: dict[str, Any], advice: str) -> None:
    outcome = read(gateway, 402 if gateway == "stripe" else 200, body, call(brand=advice))
    assert outcome.decline is not None
    assert outcome.decline.action_cit is RetryAction.HARD_NEVER


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_a_matter_of_configuration(gateway: str, status: int) -> None:
    outcome = read(gateway, status, {})
    assert reason_of(outcome) == "merchant_config"
    assert outcome.decline is not None
    assert outcome.decline.action_cit is RetryAction.FAILOVER_NOW


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_rate_limit_is_not_reached_and_conflict_is_unknown(gateway: str) -> None:
    limited = read(gateway, 429, {})
    assert limited.kind is OutcomeKind.NOT_REACHED
    assert limited.decline is not None
    assert limited.decline.reason == "rate_limited"
    assert read(gateway, 409, {"error": {"type": "idempotency_error"}}).kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize(
    ("gateway", "status", "body"),
    [
        ("stripe", 429, stripe_error("lock_timeout")),
        ("stripe", 400, {"error": {"type": "idempotency_error", "message": "other parameters"}}),
        ("adyen", 422, {"errorCode": "704", "message": "request already processed or in progress"}),
        ("paypal", 422, {"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": "ORDER_ALREADY_AUTHORIZED"}]}),
        ("paypal", 422, {"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": "DUPLICATE_INVOICE_ID"}]}),
    ],
)
def test_answers_that_hint_at_an_earlier_request_are_unknown(gateway: str, status: int, body: dict[str, Any]) -> None:
    assert read(gateway, status, body).kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize("code", ["Pending", "Received"])
def test_adyen_payment_that_is_not_decided_is_pending(code: str) -> None:
    assert read("adyen", 200, {"resultCode": code, "pspReference": "P"}).kind is OutcomeKind.PENDING


def test_adyen_native_challenge_that_we_cannot_show_is_not_left_hanging() -> None:
    body = {"resultCode": "IdentifyShopper", "pspReference": "P", "action": {"type": "threeDS2"}}
    assert reason_of(read("adyen", 200, body)) == "authentication_required"


def test_paypal_payer_action_is_a_redirect() -> None:
    links = [{"rel": "payer-action", "href": "https://www.paypal.com/checkoutnow?token=P1"}]
    body = {"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": "PAYER_ACTION_REQUIRED"}], "links": links}
    outcome = read("paypal", 422, body)
    assert outcome.kind is OutcomeKind.ACTION_REQUIRED
    assert outcome.next_action is not None
    assert outcome.next_action.url.startswith("https://www.paypal.com/")


def test_stripe_void_of_what_is_voided_already_is_done() -> None:
    error = stripe_error("payment_intent_unexpected_state", payment_intent=intent(status="canceled"))
    assert read("stripe", 400, error, call(OperationKind.VOID)).kind is OutcomeKind.APPROVED


def test_stripe_void_of_what_is_captured_is_refused() -> None:
    error = stripe_error("payment_intent_unexpected_state", payment_intent=intent(status="succeeded"))
    assert reason_of(read("stripe", 400, error, call(OperationKind.VOID))) == "invalid_state"


def test_stripe_capture_of_another_amount_is_not_an_approval() -> None:
    body = intent(status="succeeded", amount_received=1000)
    assert read("stripe", 200, body, call(OperationKind.CAPTURE)).kind is OutcomeKind.UNKNOWN


def test_stripe_intent_without_an_attempt_proves_nothing() -> None:
    assert stripe_mapping.read_intent(call(), intent(status="requires_payment_method")) is None
    failed = intent(status="requires_payment_method", last_payment_error={"code": "expired_card"})
    outcome = stripe_mapping.read_intent(call(), failed)
    assert outcome is not None
    assert reason_of(outcome) == "expired_card"


@pytest.mark.parametrize(
    ("gateway", "credentials", "amount"),
    [
        ("stripe", {"secret_key": "sk_test_1"}, Money(1001, "KWD")),
        ("paypal", {"client_id": "i", "client_secret": "s"}, Money(1050, "HUF")),
    ],
)
def test_amount_that_the_gateway_cannot_state_is_declined_without_a_call(
    gateway: str, credentials: dict[str, str], amount: Money
) -> None:
    adapter = build_gateway(gateway, credentials, GatewayEndpoints(base_url="http://127.0.0.1:9"), VaultSettings())
    outcome = adapter.perform(call(OperationKind.CREATE, amount))
    assert reason_of(outcome) == "currency_not_supported"
    assert outcome.exchange == {}
    adapter.close()
