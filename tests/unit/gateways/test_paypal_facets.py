"""PayPal beside payments: kept credentials, payouts, endpoints, forwarded cards and its own page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from paypal_served import CARD, CONTRACTS, EUR, PayPalServer, fits, order, payment, paypal_server

from currency.money import Money
from orchestrator.gateways.base import Gateway
from orchestrator.gateways.credentials import IdealCredential, Method, PayPalWalletCredential, Shopper, StoredUse
from orchestrator.gateways.facets import (
    CheckoutOrder,
    CompleteSave,
    CustomerOrder,
    ForwardReply,
    PayoutStatus,
    ReportOrder,
    SaveOrder,
)
from orchestrator.gateways.paypal.events import EVENT_TYPES
from orchestrator.ids import new_id
from routing.outcomes import OutcomeKind

VAULT = "paypal-vault_payment_tokens_v3.json"
WEBHOOKS = "paypal-notifications_webhooks_v1.json"
needs_contracts = pytest.mark.skipif(not CONTRACTS.exists(), reason="the shared contracts are not here")

SETUP, TOKENS = "/v3/vault/setup-tokens", "/v3/vault/payment-tokens"
KEPT_CARD = {"brand": "VISA", "last_digits": "4242", "expiry": "2030-03"}
TOKEN = {"id": "8kk8451t", "customer": {"id": "cust_1"}, "payment_source": {"card": KEPT_CARD}}


@pytest.fixture
def paypal() -> Iterator[PayPalServer]:
    with paypal_server() as server:
        yield server


@pytest.fixture
def gateway(paypal: PayPalServer) -> Iterator[Gateway]:
    adapter = paypal.gateway()
    yield adapter
    adapter.close()


def setup_token(status: str, **given: Any) -> dict[str, Any]:
    return {
        "id": "SETUP1",
        "status": status,
        "customer": {"id": "cust_1"},
        "payment_source": {"card": KEPT_CARD},
    } | given


def save_order(**given: Any) -> SaveOrder:
    fields: dict[str, Any] = {"credential": CARD, "gateway_customer": "", "return_url": "https://shop.example/back"}
    return SaveOrder("key_1", "pm_1", use=StoredUse(), **(fields | given))


# Kept credentials


def test_card_is_kept_by_a_setup_token_that_becomes_a_payment_token(paypal: PayPalServer, gateway: Gateway) -> None:
    paypal.answer("POST", SETUP, 201, setup_token("APPROVED"))
    paypal.answer("POST", TOKENS, 201, TOKEN)
    assert gateway.facets.methods is not None
    answer = gateway.facets.methods.save(save_order())
    assert answer.kind is OutcomeKind.APPROVED
    assert answer.value is not None
    assert (answer.value.gateway_token, answer.value.gateway_customer) == ("8kk8451t", "cust_1")
    assert (answer.value.brand, answer.value.last4, answer.value.expiry_year) == ("visa", "4242", 2030)
    first, second = paypal.asked()
    assert (first.through_vault, second.through_vault) == (True, False)
    assert (first.headers["paypal-request-id"], second.headers["paypal-request-id"]) == ("key_1", "key_1-t")
    assert second.json["payment_source"]["token"] == {"id": "SETUP1", "type": "SETUP_TOKEN"}


@needs_contracts
@pytest.mark.parametrize("credential", [CARD, PayPalWalletCredential()])
def test_setup_token_request_fits_the_contract(paypal: PayPalServer, gateway: Gateway, credential: Any) -> None:
    assert gateway.facets.methods is not None
    gateway.facets.methods.save(save_order(credential=credential, gateway_customer="cust_1"))
    text = paypal.asked()[0].body.decode().replace("tok_1.number", "4242424242424242").replace("tok_1.cvc", "737")
    fits(VAULT, "setup_token_request", json.loads(text))


def test_saving_that_the_customer_must_approve_is_an_action_and_completed_after(
    paypal: PayPalServer, gateway: Gateway
) -> None:
    links = [{"rel": "approve", "href": "https://www.sandbox.paypal.com/agreements/approve?t=SETUP1"}]
    wallet = {"payment_source": {"paypal": {}}, "links": links}
    paypal.answer("POST", SETUP, 201, setup_token("PAYER_ACTION_REQUIRED", **wallet))
    methods = gateway.facets.methods
    assert methods is not None
    opened = methods.save(save_order(credential=PayPalWalletCredential()))
    assert opened.kind is OutcomeKind.ACTION_REQUIRED
    assert opened.value is not None
    assert (opened.value.setup_id, opened.value.gateway_token) == ("SETUP1", "")
    complete = CompleteSave("key_2", "SETUP1", "cust_1", {})
    paypal.answer("GET", f"{SETUP}/SETUP1", 200, setup_token("PAYER_ACTION_REQUIRED", **wallet))
    assert methods.complete_save(complete).kind is OutcomeKind.ACTION_REQUIRED
    paypal.answers[("GET", f"{SETUP}/SETUP1")] = [(200, setup_token("APPROVED", payment_source={"paypal": {}}), {})]
    paypal.answer("POST", TOKENS, 201, TOKEN | {"payment_source": {"paypal": {}}})
    done = methods.complete_save(complete)
    assert done.value is not None
    assert (done.value.gateway_token, done.value.method) == ("8kk8451t", Method.PAYPAL)


def test_card_whose_authentication_failed_is_not_kept(paypal: PayPalServer, gateway: Gateway) -> None:
    failed = {"liability_shift": "NO", "three_d_secure": {"enrollment_status": "Y", "authentication_status": "N"}}
    source = {"card": KEPT_CARD | {"authentication_result": failed}}
    paypal.answer("POST", SETUP, 201, setup_token("APPROVED", payment_source=source))
    assert gateway.facets.methods is not None
    answer = gateway.facets.methods.save(save_order())
    assert answer.decline is not None
    assert answer.decline.reason == "authentication_failed"
    assert len(paypal.asked()) == 1


def test_credential_that_the_vault_does_not_keep_is_refused_without_a_call(
    paypal: PayPalServer, gateway: Gateway
) -> None:
    assert gateway.facets.methods is not None
    answer = gateway.facets.methods.save(save_order(credential=IdealCredential()))
    assert answer.decline is not None
    assert answer.decline.gateway_code == "method_not_supported"
    assert paypal.taken == []


def test_list_of_kept_credentials_is_read_to_its_end(paypal: PayPalServer, gateway: Gateway) -> None:
    venmo = {"id": "V1", "payment_source": {"venmo": {}}}
    pages = [{"total_pages": 2, "customer": {"id": "cust_1"}, "payment_tokens": [token]} for token in (TOKEN, venmo)]
    for page in pages:
        paypal.answer("GET", TOKENS, 200, page)
    assert gateway.facets.methods is not None
    answer = gateway.facets.methods.saved("cust_1")
    assert answer.value is not None
    assert [kept.gateway_token for kept in answer.value] == ["8kk8451t"]
    assert [asked.query.count("page=2") for asked in paypal.asked()] == [0, 1]


def test_list_that_breaks_off_is_not_half_a_list(paypal: PayPalServer, gateway: Gateway) -> None:
    paypal.answer("GET", TOKENS, 200, {"total_pages": 2, "payment_tokens": [TOKEN]})
    paypal.answer("GET", TOKENS, 500, {})
    assert gateway.facets.methods is not None
    answer = gateway.facets.methods.saved("cust_1")
    assert (answer.kind, answer.value) == (OutcomeKind.UNKNOWN, None)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(204, OutcomeKind.APPROVED), (404, OutcomeKind.APPROVED), (403, OutcomeKind.DECLINED), (500, OutcomeKind.UNKNOWN)],
)
def test_credential_that_is_gone_is_detached(
    paypal: PayPalServer, gateway: Gateway, status: int, kind: OutcomeKind
) -> None:
    paypal.answer("DELETE", f"{TOKENS}/8kk8451t", status, None if status == 204 else {"name": "X"})
    assert gateway.facets.methods is not None
    assert gateway.facets.methods.detach("8kk8451t", "cust_1", "key").kind is kind


def test_customer_has_our_name_until_paypal_gives_its_own(paypal: PayPalServer, gateway: Gateway) -> None:
    methods = gateway.facets.methods
    assert methods is not None
    answer = methods.save_customer(CustomerOrder("key", "cus_ours", Shopper()))
    assert (answer.kind, answer.value) == (OutcomeKind.APPROVED, "cus_ours")
    assert methods.saved("cus_ours").kind is OutcomeKind.UNKNOWN
    assert paypal.taken == []
    methods.save(save_order(gateway_customer="cus_ours"))
    methods.save(save_order(gateway_customer="208743798"))
    first, second = (asked.json["customer"] for asked in paypal.asked())
    assert (first, second) == ({"merchant_customer_id": "cus_ours"}, {"id": "208743798"})


# Payouts and reports


def transaction(id: str, status: str, **given: Any) -> dict[str, Any]:
    row = {
        "transaction_id": id,
        "transaction_event_code": "T0400",
        "transaction_amount": {"currency_code": "EUR", "value": "-100.00"},
        "transaction_status": status,
    }
    return {"transaction_info": row | given}


def test_payouts_are_the_withdrawals_of_the_span_month_by_month(paypal: PayPalServer, gateway: Gateway) -> None:
    path = "/v1/reporting/transactions"
    pages = [
        [transaction("T1", "S", bank_reference_id="104742")],
        [transaction("T2", "P"), transaction("T9", "S", transaction_event_code="T0006")],
    ]
    for rows in pages:
        paypal.answer("GET", path, 200, {"transaction_details": rows, "total_pages": 1})
    assert gateway.facets.settlements is not None
    since, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 10, tzinfo=UTC)
    answer = gateway.facets.settlements.payouts(since, until)
    assert answer.value is not None
    assert [(p.payout_id, p.amount, p.status, p.bank_reference) for p in answer.value] == [
        ("T1", Money(10000, "EUR"), PayoutStatus.PAID, "104742"),
        ("T2", Money(10000, "EUR"), PayoutStatus.IN_TRANSIT, ""),
    ]
    queries = [asked.query for asked in paypal.asked()]
    assert "end_date=2026-02-01T00%3A00%3A00Z" in queries[0]
    assert "start_date=2026-02-01T00%3A00%3A00Z" in queries[1]
    assert all("transaction_type=T0400" in query for query in queries)


def test_payouts_of_an_unreadable_page_are_not_known(paypal: PayPalServer, gateway: Gateway) -> None:
    paypal.answer("GET", "/v1/reporting/transactions", 200, {"transaction_details": [transaction("T1", "?")]})
    assert gateway.facets.settlements is not None
    since, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    answer = gateway.facets.settlements.payouts(since, until)
    assert (answer.kind, answer.value) == (OutcomeKind.UNKNOWN, None)


def test_settlement_report_is_not_to_be_had_by_a_call(paypal: PayPalServer, gateway: Gateway) -> None:
    assert gateway.facets.settlements is not None
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    answer = gateway.facets.settlements.report(ReportOrder("key", moment, moment))
    assert answer.kind is OutcomeKind.DECLINED
    assert paypal.taken == []


# Endpoints


def webhook(url: str, *events: str) -> dict[str, Any]:
    return {"id": "WH-1", "url": url, "event_types": [{"name": name, "status": "ENABLED"} for name in events]}


URL = "https://shop.example/webhooks/paypal/ga_1"


def test_endpoint_is_registered_and_its_id_is_the_secret(paypal: PayPalServer, gateway: Gateway) -> None:
    paypal.answer("GET", "/v1/notifications/webhooks", 200, {"webhooks": []})
    paypal.answer("POST", "/v1/notifications/webhooks", 201, webhook(URL, *EVENT_TYPES))
    assert gateway.facets.endpoints is not None
    endpoint = gateway.facets.endpoints.register(URL, "key").value
    assert endpoint is not None
    assert (endpoint.enabled, endpoint.secrets) == (True, {"webhook_id": "WH-1"})
    if CONTRACTS.exists():
        fits(WEBHOOKS, "webhook", paypal.asked()[-1].json)


def test_address_that_is_registered_already_is_taken_and_set_to_our_events(
    paypal: PayPalServer, gateway: Gateway
) -> None:
    paypal.answer("GET", "/v1/notifications/webhooks", 200, {"webhooks": [webhook(URL, "CHECKOUT.ORDER.APPROVED")]})
    paypal.answer("PATCH", "/v1/notifications/webhooks/WH-1", 200, webhook(URL, *EVENT_TYPES))
    assert gateway.facets.endpoints is not None
    endpoint = gateway.facets.endpoints.register(URL, "key").value
    assert endpoint is not None
    assert endpoint.enabled
    assert paypal.lines()[-1] == "PATCH /v1/notifications/webhooks/WH-1"
    if CONTRACTS.exists():
        fits(WEBHOOKS, "patch_request", paypal.asked()[-1].json)


def test_endpoint_that_is_gone_is_removed(paypal: PayPalServer, gateway: Gateway) -> None:
    assert gateway.facets.endpoints is not None
    assert gateway.facets.endpoints.remove("WH-9").kind is OutcomeKind.APPROVED
    assert gateway.facets.endpoints.fetch("WH-9").kind is OutcomeKind.DECLINED


# Forwarded cards


@needs_contracts
def test_request_to_keep_a_forwarded_card_fits_the_contract(paypal: PayPalServer, gateway: Gateway) -> None:
    assert gateway.facets.mirror is not None
    request = gateway.facets.mirror.save_request(save_order(gateway_customer="cust_1"))
    assert (request.method, request.url) == ("POST", f"{paypal.url}{TOKENS}")
    assert request.headers["PayPal-Request-Id"] == "key_1"
    assert request.headers["Authorization"] == "Bearer A21-secret-token"
    text = (
        request.body.replace("{number}", "4242424242424242").replace("{expiry}", "2030-03").replace("{holder}", "Ada")
    )
    fits(VAULT, "payment_token_request", json.loads(text))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (201, json.dumps(TOKEN), OutcomeKind.APPROVED),
        (422, json.dumps({"details": [{"issue": "CARD_EXPIRED"}]}), OutcomeKind.DECLINED),
        (429, json.dumps({}), OutcomeKind.NOT_REACHED),
        (500, "", OutcomeKind.UNKNOWN),
        (201, "<html>", OutcomeKind.UNKNOWN),
        (201, "{}", OutcomeKind.UNKNOWN),
    ],
)
def test_reply_to_a_forwarded_card_is_read(gateway: Gateway, status: int, body: str, kind: OutcomeKind) -> None:
    assert gateway.facets.mirror is not None
    assert gateway.facets.mirror.read_saved(save_order(), ForwardReply(status, body)).kind is kind


# The page


CHECKOUT = CheckoutOrder("key_1", "pay_1", "att_1", EUR, "Tea", "https://shop.example/back", "https://shop.example/no")
PAGE = [{"rel": "payer-action", "href": "https://www.sandbox.paypal.com/checkoutnow?token=ORDER1"}]


def test_page_is_an_order_that_the_customer_approves(paypal: PayPalServer, gateway: Gateway) -> None:
    shown = order("PAYER_ACTION_REQUIRED", intent="CAPTURE", links=PAGE)
    paypal.answer("POST", "/v2/checkout/orders", 200, shown)
    assert gateway.facets.checkout is not None
    page = gateway.facets.checkout.open(CHECKOUT).value
    assert page is not None
    assert (page.page_id, page.url, page.status, page.amount) == ("ORDER1", PAGE[0]["href"], "open", EUR)
    if CONTRACTS.exists():
        fits("paypal-checkout_orders_v2.json", "order_request", paypal.asked()[-1].json)


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        (order("PAYER_ACTION_REQUIRED"), "open"),
        (order("APPROVED"), "approved"),
        (order("COMPLETED", captures=[payment("CAP1", "COMPLETED")]), "paid"),
        (order("COMPLETED", captures=[payment("CAP1", "PENDING")]), "approved"),
        (order("COMPLETED", captures=[payment("CAP1", "DECLINED")]), "approved"),
    ],
)
def test_page_tells_how_far_the_customer_came(
    paypal: PayPalServer, gateway: Gateway, shown: dict[str, Any], status: str
) -> None:
    paypal.answer("GET", "/v2/checkout/orders/ORDER1", 200, shown)
    assert gateway.facets.checkout is not None
    page = gateway.facets.checkout.fetch("ORDER1").value
    assert page is not None
    assert page.status == status
    closed = gateway.facets.checkout.expire("ORDER1", "key")
    assert closed.kind is (OutcomeKind.APPROVED if status == "paid" else OutcomeKind.DECLINED)


def test_page_that_paypal_has_forgotten_is_expired(gateway: Gateway) -> None:
    assert gateway.facets.checkout is not None
    page = gateway.facets.checkout.fetch("ORDER1").value
    assert page is not None
    assert page.status == "expired"


def test_key_that_was_used_before_tells_of_a_credential_that_may_be_kept(
    paypal: PayPalServer, gateway: Gateway
) -> None:
    used = {"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": "PAYPAL_REQUEST_ID_PREVIOUSLY_USED"}]}
    paypal.answer("POST", SETUP, 422, used)
    assert gateway.facets.methods is not None
    assert gateway.facets.methods.save(save_order()).kind is OutcomeKind.UNKNOWN


def test_every_write_of_keeping_a_card_has_a_short_key_of_its_own(paypal: PayPalServer, gateway: Gateway) -> None:
    paypal.answer("POST", SETUP, 201, setup_token("APPROVED"))
    paypal.answer("POST", TOKENS, 201, TOKEN)
    assert gateway.facets.methods is not None
    ours = new_id("pmt")
    gateway.facets.methods.save(replace(save_order(), idempotency_key=ours))
    keys = [one.headers["paypal-request-id"] for one in paypal.asked()]
    assert len(set(keys)) == 2
    assert all(key.startswith(ours) and len(key) <= 38 for key in keys)
