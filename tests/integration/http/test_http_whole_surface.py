"""What holds for every route under /v1: whose data it gives, and that the OpenAPI document tells of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from http_driving import Api, merchant_api
from litestar.routes import HTTPRoute

DRAFT = {
    "currency": "EUR",
    "buyer": {"name": "Beta", "country": "DE"},
    "lines": [{"description": "a", "quantity": "1", "unit_price": "1", "tax": {"kind": "zero"}}],
}
RECEIPT = {"amount": {"amount": 1, "currency": "EUR"}, "reference": "r-1", "received_on": "2026-11-23"}
STRIPE = {"gateway": "stripe", "label": "Stripe", "credentials": {"secret_key": "sk_test_abc"}, "verify": False}


@pytest.fixture(scope="module")
def routes() -> list[tuple[str, str]]:
    """Method and path template of every route under /v1."""
    from orchestrator.app import create_app

    app = create_app()
    found = [
        (str(method), route.path_format)
        for route in app.routes
        if isinstance(route, HTTPRoute) and route.path.startswith("/v1/")
        for method in route.route_handler_map
        if method != "OPTIONS"
    ]
    return sorted(found)


async def _things_of(api: Api, new_payment: dict[str, Any]) -> dict[str, str]:
    """One object of each kind that an address may name."""
    rules = [{"name": "all", "when": {"currency": ["EUR"]}, "then": {}}]
    made = {
        "payment_id": await api.post("/v1/payments", new_payment),
        "customer_id": await api.post("/v1/customers", {"name": "B", "email": "b@b.example"}),
        "account_id": await api.post("/v1/gateway-accounts", STRIPE),
        "rule_set_id": await api.post("/v1/rule-sets", {"rules": rules}),
        "invoice_id": await api.post("/v1/invoices", DRAFT),
        "key_id": await api.post("/v1/api-keys", {"name": "shop", "scopes": ["payments:read"]}),
        "user_id": await api.post("/v1/users", {"email": "ada@acme.example", "role": "viewer"}),
        "session_id": await api.post("/v1/checkout-sessions", {"amount": new_payment["amount"]}),
        "link_id": await api.post("/v1/payment-links", {"amount": new_payment["amount"]}),
        "endpoint_id": await api.post("/v1/webhook-endpoints", {"url": "https://hooks.shop.example/"}),
        "recipient_id": await api.post("/v1/recipients", {"name": "Ada"}),
        "quote_id": await api.post("/v1/quotes", DRAFT),
        "receipt_id": await api.post("/v1/receipts", RECEIPT),
    }
    issued = (await api.post("/v1/invoices", DRAFT)).json()["id"]
    await api.post(f"/v1/invoices/{issued}/finalize", {"send": False})
    made["reminder_id"] = await api.post(f"/v1/invoices/{issued}/reminders")
    made["document_delivery_id"] = await api.post(f"/v1/invoices/{issued}/send", {"to": "b@b.example"})
    made["credit_note_id"] = await api.post("/v1/credit-notes", {"invoice_id": issued, "send": False})
    made["batch_id"] = await api.post("/v1/invoice-batches", {"invoice_ids": [made["invoice_id"].json()["id"]]})
    ids = {name: answer.json()["id"] for name, answer in made.items()}
    word = {"forced": "off", "reason": "maintenance"}
    await api.client.put(f"/v1/gateway-accounts/{ids['account_id']}/override", json=word, headers=api.headers())
    hour = {"starts_at": "2030-01-01T00:00:00Z", "ends_at": "2030-01-01T01:00:00Z"}
    window = await api.post(f"/v1/gateway-accounts/{ids['account_id']}/maintenance-windows", hour)
    ids["window_id"] = window.json()["id"]
    ids["event_id"] = (await api.get("/v1/events")).json()["data"][0]["id"]
    ids["delivery_id"] = (await api.post(f"/v1/webhook-endpoints/{ids['endpoint_id']}/test")).json()["id"]
    dispute_id = await _dispute_of(api.merchant_id, ids["account_id"])
    ids["payment_method_id"] = await _payment_method_of(api.merchant_id, ids["customer_id"], ids["account_id"])
    return {**ids, "refund_id": await _refund_of(ids["payment_id"]), "dispute_id": dispute_id}


async def _payment_method_of(merchant_id: str, customer_id: str, account_id: str) -> str:
    """A payment method on record; a gateway keeps the real ones."""
    from orchestrator import clock_port
    from orchestrator.customers import kept_methods
    from orchestrator.customers.kept_methods import Consent
    from orchestrator.gateways.credentials import Agreement, StoredUse
    from orchestrator.gateways.facets import SavedMethod

    consent = Consent("Keep it for later orders.", clock_port.now())
    use = StoredUse(agreement=Agreement.UNSCHEDULED)
    kept = SavedMethod("pm_1", "cus_1", last4="4242")
    return (await kept_methods.keep(merchant_id, customer_id, account_id, kept, consent, use)).id


async def _refund_of(payment_id: str) -> str:
    """A refund on record; making a real one needs a gateway, and whose it is shows by its payment alone."""
    from orchestrator import clock_port
    from orchestrator.ids import new_id
    from orchestrator.refunds import store

    row = store.RefundRow(new_id("ref"), payment_id, new_id("op"), 1, "EUR", "", clock_port.now())
    await store.insert(row)
    return row.id


async def _dispute_of(merchant_id: str, account_id: str) -> str:
    """A dispute on record; a real one is opened by a gateway."""
    from currency.money import Money
    from orchestrator import clock_port
    from orchestrator.disputes import store
    from orchestrator.disputes.records import new_dispute
    from orchestrator.gateways.facets import Dispute, DisputeStatus

    told = Dispute("du_1", DisputeStatus.INQUIRY, Money(1, "EUR"), "other")
    row = new_dispute(merchant_id, account_id, "stripe", told, clock_port.now())
    assert await store.insert(row)
    return row.id


def test_there_are_routes_to_walk(routes: list[tuple[str, str]]) -> None:
    assert len(routes) >= 30
    assert sum("{" in template for _, template in routes) >= 12


async def test_another_merchants_lists_are_empty(api: Api, other: Api, new_payment: dict[str, Any]) -> None:
    await _things_of(api, new_payment)
    for path in (
        "payments",
        "disputes",
        "invoices",
        "credit-notes",
        "quotes",
        "receipts",
        "deliveries",
        "reminders",
        "transmissions",
        "customer-credits",
        "customer-credits/payouts",
        "number-series",
        "aged-receivables",
        "events",
        "gateway-accounts",
        "webhook-messages",
        "reconciliation/breaks",
        "webhook-endpoints",
        "customers",
        "recipients",
    ):
        assert (await other.get(f"/v1/{path}")).json()["data"] == [], path


@pytest.mark.parametrize("field", ["customer_id"])
async def test_another_merchants_customer_cannot_be_named(
    api: Api, other: Api, new_payment: dict[str, Any], field: str
) -> None:
    ids = await _things_of(api, new_payment)
    for path, body in (("/v1/payments", new_payment), ("/v1/invoices", {**DRAFT, "buyer": None})):
        assert (await other.post(path, {**body, field: ids[field]})).status_code == 404


async def test_another_merchants_account_takes_no_file(api: Api, other: Api, new_payment: dict[str, Any]) -> None:
    account = (await _things_of(api, new_payment))["account_id"]
    answer = await other.post(f"/v1/settlement-files?gateway_account_id={account}&name=a.csv", b"x")
    assert answer.status_code == 404


async def test_every_route_asks_for_a_key(api: Api, routes: list[tuple[str, str]]) -> None:
    for method, template in routes:
        answer = await api.client.request(method, re.sub(r"\{[^}]+\}", "x", template))
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), (method, template)


async def test_every_route_asks_for_a_scope(api: Api, routes: list[tuple[str, str]]) -> None:
    nobody = await merchant_api(api.client, "Nobody", ())
    for method, template in routes:
        path = re.sub(r"\{[^}]+\}", "x", template)
        answer = await (nobody.post(path) if method == "POST" else nobody.get(path))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, template)


async def test_the_openapi_document_tells_of_every_route_its_problems_and_its_key(
    api: Api, routes: list[tuple[str, str]]
) -> None:
    document = (await api.client.get("/schema/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    for method, template in routes:
        operation = document["paths"][re.sub(r":\w+\}", "}", template)][method.lower()]
        for status in ("400", "401", "403", "404", "409", "422"):
            assert list(operation["responses"][status]["content"]) == ["application/problem+json"], template
        keyed = any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters") or [])
        assert keyed is (method == "POST"), template


async def test_the_openapi_document_shows_what_a_payment_is_made_of(api: Api) -> None:
    document = (await api.client.get("/schema/openapi.json")).json()
    operation = document["paths"]["/v1/payments"]["post"]
    assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/CreatePayment")
    assert document["components"]["schemas"]["MoneyInput"]["properties"]["amount"]["type"] == "integer"
    assert set(document["components"]["schemas"]["Problem"]["required"]) >= {"type", "title", "status", "code"}


async def test_the_openapi_document_is_there_in_yaml_too(api: Api) -> None:
    assert "openapi: 3.1" in (await api.client.get("/schema/openapi.yaml")).text
