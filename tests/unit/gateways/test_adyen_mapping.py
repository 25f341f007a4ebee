"""Adyen's answers in our words: what else an approval tells, what the network said, and how long to wait."""

from __future__ import annotations

from typing import Any

import pytest
from adyen_served import Body, call

from orchestrator.gateways.adyen.mapping import read_reply, read_stored
from orchestrator.gateways.base import OperationKind
from orchestrator.gateways.credentials import CardCredential, Method
from orchestrator.gateways.transport import Reply
from routing.outcomes import Authentication, Outcome, OutcomeKind, RetryAction


def answered(body: Body, status: int = 200, headers: dict[str, str] | None = None, **given: Any) -> Outcome:
    return read_reply(call(**given), Reply(status, headers or {}, body))


def authorised(**additional: str) -> Body:
    amount = {"value": 1230, "currency": "EUR"}
    return {"resultCode": "Authorised", "pspReference": "PSP1", "amount": amount, "additionalData": additional}


def refused(code: str = "2", **additional: str) -> Body:
    return {"resultCode": "Refused", "refusalReasonCode": code, "pspReference": "PSP1", "additionalData": additional}


def test_approval_tells_the_kept_credential_and_the_networks_reference() -> None:
    told = {
        "tokenization.storedPaymentMethodId": "STORED1",
        "tokenization.shopperReference": "cus_0001",
        "networkTxReference": "VISA-TX",
    }
    outcome = answered(authorised(**told))
    assert (outcome.gateway_token, outcome.gateway_customer) == ("STORED1", "cus_0001")
    assert outcome.network_transaction_id == "VISA-TX"


def test_older_name_of_the_token_is_understood() -> None:
    outcome = answered(authorised(**{"recurring.recurringDetailReference": "OLD1"}), gateway_customer="cus_0001")
    assert (outcome.gateway_token, outcome.gateway_customer) == ("OLD1", "cus_0001")


def test_payment_that_keeps_nothing_names_no_customer() -> None:
    outcome = answered(authorised(), gateway_customer="cus_0001")
    assert (outcome.gateway_token, outcome.gateway_customer, outcome.authentication) == ("", "", None)


@pytest.mark.parametrize(
    ("told", "result"),
    [
        ({"threeDAuthenticated": "true", "eci": "05"}, "authenticated"),
        ({"threeDAuthenticated": "true", "eci": "06"}, "attempted"),
        ({"threeDAuthenticated": "true", "threeDAuthenticatedResponse": "A", "eci": "N/A"}, "attempted"),
        ({"threeDAuthenticated": "false", "scaExemptionRequested": "transactionRiskAnalysis"}, "exempted"),
    ],
)
def test_what_strong_authentication_came_to(told: dict[str, str], result: str) -> None:
    authentication = answered(authorised(**told)).authentication
    assert authentication is not None
    assert authentication.result == result


def test_proof_of_authentication_is_kept_for_the_next_gateway() -> None:
    told = {
        "threeDAuthenticated": "true",
        "eci": "02",
        "cavv": "AAAB",
        "dsTransID": "ds-1",
        "threeDSVersion": "2.2.0",
        "liabilityShift": "true",
    }
    assert answered(authorised(**told)).authentication == Authentication(
        "authenticated", "2.2.0", "02", "AAAB", "ds-1", liability_shifted=True
    )


def test_what_adyen_calls_not_available_is_nothing() -> None:
    told = {"eci": "N/A", "cavv": "N/A", "liabilityShift": "false", "threeDAuthenticated": "false"}
    assert answered(authorised(**told)).authentication == Authentication(liability_shifted=False)


def test_refused_authentication_has_failed() -> None:
    authentication = answered(refused("11", threeDOffered="true")).authentication
    assert authentication is not None
    assert authentication.result == "failed"


def test_network_code_makes_a_vague_refusal_exact_and_stricter() -> None:
    outcome = answered(refused(refusalReasonRaw="43 : Stolen card"))
    assert outcome.decline is not None
    assert outcome.decline.reason == "stolen_card"
    assert outcome.decline.action_cit is RetryAction.FRAUD_NEVER


def test_network_code_never_loosens_what_adyen_says() -> None:
    outcome = answered(refused("20", refusalReasonRaw="05 : Do not honor"))
    assert outcome.decline is not None
    assert outcome.decline.reason == "fraud_gateway"


@pytest.mark.parametrize("raw", ["", "DECLINED Expiry Incorrect", "N/A", "0"])
def test_raw_reason_without_a_code_changes_nothing(raw: str) -> None:
    outcome = answered(refused(refusalReasonRaw=raw))
    assert outcome.decline is not None
    assert outcome.decline.reason == "generic_decline"


def test_soft_decline_of_mastercard_asks_for_authentication() -> None:
    outcome = answered(refused("38"), credential=CardCredential("tok_1", "mastercard", "4444", 3, 2030))
    assert outcome.decline is not None
    assert outcome.decline.reason == "authentication_required"


def test_redirect_leads_to_the_bank_with_what_must_be_posted() -> None:
    action = {"type": "redirect", "url": "https://bank.example/", "method": "POST", "data": {"MD": "x"}}
    outcome = answered({"resultCode": "RedirectShopper", "action": action})
    assert outcome.kind is OutcomeKind.ACTION_REQUIRED
    assert outcome.next_action is not None
    assert (outcome.next_action.url, outcome.next_action.data["MD"]) == ("https://bank.example/", "x")


def test_direct_debit_is_received_and_decided_later() -> None:
    outcome = answered({"resultCode": "Received", "pspReference": "PSP1"})
    assert (outcome.kind, outcome.gateway_payment_id) == (OutcomeKind.PENDING, "PSP1")


def test_too_many_calls_says_how_long_to_wait() -> None:
    outcome = answered({"errorCode": "907", "message": "Too many requests"}, 429, {"Retry-After": "7"})
    assert (outcome.kind, outcome.retry_after_s) == (OutcomeKind.NOT_REACHED, 7.0)


def test_error_of_the_newer_services_is_read_too() -> None:
    body = {
        "type": "https://docs.adyen.com/errors/forbidden",
        "errorCode": "00_403",
        "detail": "No role",
        "status": 403,
    }
    outcome = answered(body, 403)
    assert outcome.decline is not None
    assert (outcome.decline.reason, outcome.decline.gateway_message) == ("merchant_config", "No role")


def test_modification_is_received_and_told_by_webhook() -> None:
    body = {"status": "received", "pspReference": "PSP2", "paymentPspReference": "PSP1"}
    outcome = answered(body, 201, kind=OperationKind.CAPTURE)
    assert (outcome.kind, outcome.gateway_operation_id) == (OutcomeKind.PENDING, "PSP2")


def test_stored_method_has_a_whole_year_and_a_brand_of_ours() -> None:
    stored = {"id": "S1", "type": "scheme", "brand": "mc", "lastFour": "4444", "expiryMonth": "03", "expiryYear": "30"}
    read = read_stored(stored, "cus_0001")
    assert (read.brand, read.last4, read.expiry_month, read.expiry_year) == ("mastercard", "4444", 3, 2030)
    assert read.gateway_customer == "cus_0001"


def test_stored_bank_account_shows_its_end_only() -> None:
    read = read_stored({"id": "S2", "type": "sepadirectdebit", "iban": "DE87123456781234567890"}, "cus_0001")
    assert (read.method, read.last4) == (Method.SEPA_DEBIT, "7890")


@pytest.mark.parametrize("status", [403, 422, 429, 500])
def test_the_reference_of_a_refusal_is_not_taken_for_the_payments(status: int) -> None:
    body = {"status": status, "errorCode": "167", "message": "no", "pspReference": "OF-THE-REFUSAL"}
    outcome = answered(body, status, kind=OperationKind.CAPTURE, gateway_payment_id="OF-THE-PAYMENT")
    assert outcome.gateway_payment_id in ("", "OF-THE-PAYMENT")
