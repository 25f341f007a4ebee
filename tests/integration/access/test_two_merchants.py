"""One merchant never sees or touches another's objects: on every route of the application that names one."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
from http_driving import Api
from litestar.routes import HTTPRoute
from people import new_person
from test_http_whole_surface import DRAFT, _things_of

from invoicing.einvoice.formats import Format
from invoicing.einvoice.mandates import Channel
from invoicing.einvoice.transmission import TransmissionState
from orchestrator import clock_port
from orchestrator.approvals import store as approvals
from orchestrator.approvals.states import ApprovalKind, ApprovalState
from orchestrator.billing.transmissions import store as transmissions
from orchestrator.db import fetch

EUROS = {"amount": 1_000, "currency": "EUR"}
# Addresses whose last part is itself the secret, a file of ours, or the OpenAPI document. They name no merchant's id.
PUBLIC = ("/pay/{", "/l/{", "/i/{", "/logos/{", "/static/{", "/schema/{", "/webhooks/{")
# What a merchant calls something of their own, as any other may.
OWN_NAMES = ("/v1/number-series/{", "/v1/base-rates/{", "/v1/document-templates/{")
# A body that the route takes, where an empty one is refused before anything is looked up.
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/v1/payments/{payment_id}/operations/{operation_id}/resolve"): {
        "verdict": "approved",
        "note": "looked at the gateway",
    },
    ("PUT", "/v1/gateway-accounts/{account_id}/override"): {"forced": "off", "reason": "maintenance"},
    ("POST", "/v1/gateway-accounts/{account_id}/maintenance-windows"): {
        "starts_at": "2030-01-01T00:00:00Z",
        "ends_at": "2030-01-01T01:00:00Z",
    },
    ("PATCH", "/v1/customers/{customer_id}"): {"name": "X"},
    ("PATCH", "/v1/recipients/{recipient_id}"): {"name": "X"},
    ("PUT", "/v1/customers/{customer_id}/automatic-charge"): {"payment_method_id": "default"},
    ("POST", "/v1/invoices/{invoice_id}/automatic-charge"): {"enabled": False},
    ("PUT", "/v1/invoices/{invoice_id}"): DRAFT,
    ("PUT", "/v1/customers/{customer_id}/reminders"): {"enabled": True},
    ("PUT", "/v1/quotes/{quote_id}"): DRAFT,
    ("POST", "/v1/receipts/{receipt_id}/reverse"): {"reason": "returned", "reversed_on": "2026-11-23"},
    ("POST", "/v1/transmissions/{transmission_id}/acknowledgements"): {"report_id": "r1", "state": "delivered"},
}
# What a route is asked with besides, where it is refused without before anything is looked up.
QUERIES = {
    "/v1/rule-sets/{rule_set_id}/diff": "?against={rule_set_id}",
    "/v1/customers/{customer_id}/statements": "?from=2026-01-01&to=2026-12-31",
}
# No GET gives these, so that their ids cannot be tried by their owner.
UNREAD = {"rate_id", "operation_id"}


def routes() -> list[tuple[str, str]]:
    """Method and template of every route with something in braces, whatever it is called, but for the public ones."""
    from orchestrator.app import create_app

    return sorted(
        (str(method), re.sub(r":\w+\}", "}", route.path_format).replace("fx-quotes/{quote", "fx-quotes/{fx_quote"))
        for route in create_app().routes
        if isinstance(route, HTTPRoute)
        and "{" in route.path_format
        and not route.path_format.startswith(PUBLIC + OWN_NAMES)
        for method in route.route_handler_map
        if method != "OPTIONS"
    )


async def things_of(api: Api) -> dict[str, str]:
    """An id of everything that an address may name."""
    ids = await _things_of(api, {"amount": EUROS})
    ids["session_id"] = (await api.post("/v1/checkout-sessions", {"amount": EUROS})).json()["id"]
    ids["link_id"] = (await api.post("/v1/payment-links", {"amount": EUROS})).json()["id"]
    ids["rate_id"] = (await api.post("/v1/rates", {"base": "EUR", "quote": "USD", "rate": "1.1"})).json()["id"]
    ids["fx_quote_id"] = (await api.post("/v1/fx-quotes", {"amount": EUROS, "to": "USD"})).json()["id"]
    ids["event_id"] = (await api.get("/v1/events")).json()["data"][0]["id"]
    ids["message_id"] = await _message_of(ids["account_id"])
    ids["transmission_id"] = await _transmission_of(api.merchant_id, ids["invoice_id"])
    ids["approval_id"] = await _approval_of(api.merchant_id, ids["payment_id"])
    return {**ids, "operation_id": "op_1"}


async def _message_of(account_id: str) -> str:
    """A received webhook on record; a real one is signed by a gateway."""
    now = clock_port.now()
    await fetch(
        "INSERT INTO webhook_delivery (id, gateway_account_id, headers, received_at) VALUES ('wha_1', $1, '{}', $2)",
        account_id,
        now,
    )
    await fetch(
        "INSERT INTO webhook_message (id, delivery_id, gateway_account_id, event_key, event_type, kind, content, "
        "state, tries, received_at) VALUES ('whk_1', 'wha_1', $1, 'x', 'x', 'x', '{}', 'applied', 0, $2)",
        account_id,
        now,
    )
    return "whk_1"


async def _transmission_of(merchant_id: str, document_id: str) -> str:
    """An e-invoice that waits to be sent; a real one needs a directory to be left in."""
    row = transmissions.TransmissionRow(
        id="trm_1",
        merchant_id=merchant_id,
        document_id=document_id,
        customer_id="",
        number="INV-1",
        channel=Channel.FILE_DROP,
        form=Format.XRECHNUNG_UBL,
        receiver=None,
        state=TransmissionState.QUEUED,
        created_at=clock_port.now(),
        changed_at=clock_port.now(),
    )
    await transmissions.insert(row)
    return row.id


async def _approval_of(merchant_id: str, payment_id: str) -> str:
    """A request that waits for a second pair of eyes."""
    now = clock_port.now()
    asked = {"payment_id": payment_id, "amount_minor": 1, "reason": ""}
    row = approvals.ApprovalRow(
        "apr_1",
        merchant_id,
        ApprovalKind.REFUND,
        payment_id,
        asked,
        ApprovalState.PENDING,
        "shell:",
        now,
        now + timedelta(days=1),
    )
    await approvals.insert(row)
    return "apr_1"


def address(template: str, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: ids[found[1]], template + QUERIES.get(template, ""))


async def ask(api: Api, method: str, path: str, body: Any) -> httpx.Response:
    headers = {**api.headers(), "Idempotency-Key": str(uuid.uuid4())}
    if method == "GET":
        return await api.get(path)
    return await api.client.request(method, path, json=body, headers=headers)


async def test_every_kind_of_id_is_tried(api: Api) -> None:
    """Fails for a new route whose ids nobody has told this test of."""
    named = {found for _, template in routes() for found in re.findall(r"\{(\w+)\}", template)}
    assert named <= set(await things_of(api)), "add an object of each new kind to things_of"


async def test_the_ids_that_are_tried_are_there_for_their_owner(api: Api) -> None:
    """Else the next test would find nothing because there is nothing."""
    ids, seen = await things_of(api), set()
    for method, template in routes():
        if method == "GET" and template.startswith("/v1/"):
            answer = await api.get(address(template, ids))
            if answer.status_code == 200:
                seen |= set(re.findall(r"\{(\w+)\}", template))
    assert set(ids) - seen <= UNREAD


async def test_another_merchants_objects_are_not_there_by_any_method(api: Api, other: Api) -> None:
    ids, wrong = await things_of(api), []
    for method, template in routes():
        if not template.startswith("/v1/"):
            continue
        answer = await ask(other, method, address(template, ids), BODIES.get((method, template), {}))
        if answer.status_code != 404:
            wrong.append((method, template, answer.status_code, answer.text[:200]))
    assert wrong == []


async def test_nor_at_the_console(api: Api, other: Api) -> None:
    ids = await things_of(api)
    stranger = await new_person(other.client, other.merchant_id, email="eve@other.example")
    await stranger.sign_in()
    for method, template in routes():
        if template.startswith("/console") and method == "GET":
            assert (await stranger.visitor.open(address(template, ids))).status_code == 404, template
        elif template.startswith("/console"):
            answer = await stranger.visitor.submit(address(template, ids), "/console/account")
            assert answer.status_code in (403, 404, 422), (template, answer.status_code)


@pytest.mark.parametrize(
    ("path", "field", "name"),
    [
        ("/console/users/change", "user", "user_id"),
        ("/console/users/link", "user", "user_id"),
    ],
)
async def test_nor_by_a_field_of_a_form(api: Api, other: Api, path: str, field: str, name: str) -> None:
    ids = await things_of(api)
    stranger = await new_person(other.client, other.merchant_id, email="eve@other.example")
    await stranger.sign_in()
    answer = await stranger.visitor.submit(path, "/console/users", **{field: ids[name], "role": "admin"})
    assert answer.status_code == 404
