"""What is kept of PayPal's requests and replies, over a whole transcript: enough for support, nothing to steal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from paypal_served import CARD, EUR, PayPalServer, call_of, order, payment, paypal_server

from orchestrator.gateways.base import CaptureMode, OperationKind
from orchestrator.gateways.credentials import (
    IdealCredential,
    NetworkTokenCredential,
    PayPalWalletCredential,
    SavedCredential,
    Shopper,
    StoredUse,
)
from orchestrator.gateways.facets import CheckoutOrder, CompleteSave, EvidenceFile, EvidenceOrder, SaveOrder

ORDER = "/v2/checkout/orders/ORDER1"
PERSON = {
    "email_address": "ada@example.com",
    "account_id": "QYR5Z8XDVJNXQ",
    "name": {"given_name": "Ada", "surname": "Lovelace"},
    "address": {"address_line_1": "12 St James's Square", "postal_code": "SW1Y 4JH"},
    "phone_number": {"national_number": "4402079460000"},
    "birth_date": "1815-12-10",
}
SECRETS = (
    "tok_1",
    "A21-secret-token",
    "client-secret-value",
    "8kk8451t",
    "ada@example.com",
    "Lovelace",
    "QYR5Z8XDVJNXQ",
    "St James",
    "4402079460000",
    "1815-12-10",
    "PAYERID1",
    "%PDF",
)


@pytest.fixture
def paypal() -> Iterator[PayPalServer]:
    with paypal_server() as server:
        yield server


def replies(paypal: PayPalServer) -> None:
    """A PayPal that tells all that it knows of its payer."""
    vault = {"vault": {"id": "8kk8451t", "customer": {"id": "cust_1"}}}
    source = {
        "card": {"name": "Ada Lovelace", "last_digits": "4242", "expiry": "2030-03", "attributes": vault},
        "paypal": PERSON | {"attributes": vault},
        "ideal": {"name": "Ada Lovelace", "iban_last_chars": "4300"},
    }
    made = order(
        "COMPLETED",
        authorizations=[payment("AUTH1", "CREATED")],
        payment_source=source,
        payer=PERSON | {"payer_id": "PAYERID1"},
    )
    paypal.answer("GET", ORDER, 200, order("CREATED", payment_source=source))
    for path in ("authorize", "capture", "confirm-payment-source"):
        paypal.answer("POST", f"{ORDER}/{path}", 201, made)
    links = [{"rel": "self", "href": f"{paypal.url}/v3/vault/payment-tokens/8kk8451t"}]
    token = {"id": "8kk8451t", "customer": {"id": "cust_1"}, "payment_source": source, "links": links}
    paypal.answer("POST", "/v3/vault/setup-tokens", 201, token | {"id": "SETUP1", "status": "APPROVED", "links": []})
    paypal.answer("POST", "/v3/vault/payment-tokens", 201, token)
    paypal.answer("DELETE", "/v3/vault/payment-tokens/8kk8451t", 403, {"name": "NOT_AUTHORIZED"})
    paypal.answer("GET", "/v3/vault/payment-tokens", 500, {"payment_tokens": [token]})
    shown = {
        "dispute_id": "PP-D-1",
        "status": "WAITING_FOR_SELLER_RESPONSE",
        "dispute_amount": {"currency_code": "EUR", "value": "12.30"},
        "disputed_transactions": [{"buyer": {"email": "ada@example.com", "name": "Ada Lovelace"}}],
        "messages": [{"posted_by": "BUYER", "content": "I am Ada Lovelace."}],
        "evidences": [{"source": "SUBMITTED_BY_BUYER", "notes": "Ada Lovelace has nothing."}],
    }
    paypal.answer("GET", "/v1/customer/disputes/PP-D-1", 200, shown)
    paypal.answer("POST", "/v1/customer/disputes/PP-D-1/provide-evidence", 200, {"links": []})
    paypal.answer("POST", "/v1/customer/disputes/PP-D-1/accept-claim", 422, {"name": "UNPROCESSABLE_ENTITY"})
    paypal.answer("GET", "/v3/vault/setup-tokens/SETUP1", 200, token | {"id": "SETUP1", "status": "APPROVED"})
    paypal.answer("POST", "/v2/checkout/orders", 201, made)
    withdrawal = {"transaction_id": "T1", "paypal_account_id": "QYR5Z8XDVJNXQ", "transaction_note": "Ada Lovelace"}
    paypal.answer("GET", "/v1/reporting/transactions", 400, {"transaction_details": [{"transaction_info": withdrawal}]})
    webhook = {"id": "WH1", "url": "https://pay.example/w", "event_types": []}
    paypal.answer("GET", "/v1/notifications/webhooks", 200, {"webhooks": []})
    paypal.answer("POST", "/v1/notifications/webhooks", 201, webhook)


def transcript(paypal: PayPalServer) -> list[dict[str, object]]:
    replies(paypal)
    gateway = paypal.gateway(client_secret="client-secret-value")
    network_token = NetworkTokenCredential("tok_1", "visa", "4242", 12, 2031, holder="Ada Lovelace")
    shopper = Shopper(email="ada@example.com", name="Ada Lovelace")
    credentials: tuple[Any, ...] = (
        CARD,
        network_token,
        SavedCredential("8kk8451t", "cust_1"),
        PayPalWalletCredential("ada@example.com"),
        IdealCredential("Ada Lovelace"),
    )
    kept = []
    for credential in credentials:
        confirm = call_of(OperationKind.CONFIRM, credential=credential, shopper=shopper, save=StoredUse())
        kept += [gateway.perform(replace(confirm, capture=mode)).exchange for mode in CaptureMode]
    methods, disputes = gateway.facets.methods, gateway.facets.disputes
    assert methods is not None
    assert disputes is not None
    kept.append(methods.save(SaveOrder("key", "pm_1", CARD, "cust_1", StoredUse())).exchange)
    kept.append(methods.detach("8kk8451t", "cust_1", "key").exchange)
    kept.append(methods.saved("cust_1").exchange)
    kept.append(disputes.fetch("PP-D-1").exchange)
    document = EvidenceFile("receipt", "receipt.pdf", "application/pdf", b"%PDF-1.4 Ada Lovelace")
    kept.append(disputes.submit_evidence(EvidenceOrder("key", "PP-D-1", "Delivered.", (document,))).exchange)
    kept.append(disputes.accept("PP-D-1", "key").exchange)
    kept.append(methods.complete_save(CompleteSave("key", "SETUP1", "cust_1", {})).exchange)
    checkout, settlements, endpoints = gateway.facets.checkout, gateway.facets.settlements, gateway.facets.endpoints
    assert checkout is not None
    assert settlements is not None
    assert endpoints is not None
    page = CheckoutOrder("key", "pay_1", "att_1", EUR, "Tea", "https://r", "https://c", shopper=shopper)
    kept += [checkout.open(page).exchange, checkout.fetch("ORDER1").exchange]
    began = datetime(2026, 1, 1, tzinfo=UTC)
    kept.append(settlements.payouts(began, began + timedelta(days=1)).exchange)
    kept.append(endpoints.register("https://pay.example/w", "key").exchange)
    gateway.close()
    assert all(kept[-9:])  # the facets were all asked
    return kept


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_token_or_person_is_kept(paypal: PayPalServer, secret: str) -> None:
    assert secret not in json.dumps(transcript(paypal))


def test_ids_amounts_and_states_are_kept_for_support(paypal: PayPalServer) -> None:
    text = json.dumps(transcript(paypal))
    for shown in ("AUTH1", "ORDER1", "12.30", "COMPLETED", "SETUP1", "PP-D-1", "cust_1", "4242"):
        assert shown in text


@pytest.mark.parametrize("field", ["name", "number", "security_code", "expiry"])
def test_value_that_paypal_complains_of_is_not_kept(paypal: PayPalServer, field: str) -> None:
    """Through the vault PayPal has the card itself, and quotes what is wrong with it."""
    quoted = {"field": f"/payment_source/card/{field}", "value": "4111 1111 1111 1112", "issue": "INVALID_PARAMETER"}
    paypal.answer("POST", f"{ORDER}/authorize", 422, {"name": "UNPROCESSABLE_ENTITY", "details": [quoted]})
    gateway = paypal.gateway()
    outcome = gateway.perform(call_of(OperationKind.CONFIRM))
    gateway.close()
    assert "1112" not in json.dumps(outcome.exchange)
    assert field in json.dumps(outcome.exchange)


def test_what_paypal_says_of_a_refusal_names_nobody(paypal: PayPalServer) -> None:
    said = {"issue": "PAYEE_ACCOUNT_RESTRICTED", "description": "The account ada@example.com is restricted."}
    paypal.answer("POST", f"{ORDER}/authorize", 422, {"name": "UNPROCESSABLE_ENTITY", "details": [said]})
    gateway = paypal.gateway()
    outcome = gateway.perform(call_of(OperationKind.CONFIRM))
    gateway.close()
    assert outcome.decline is not None
    assert "ada@example.com" not in outcome.detail + outcome.decline.gateway_message
