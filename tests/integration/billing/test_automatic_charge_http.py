"""Automatic charges over HTTP: switched on and off for a customer and for an invoice, and seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from charging_desk import Payer, kept_charges, payer, ring_until_paid
from http_driving import Api
from kept_shop import customer
from payment_shop import Shop

from orchestrator.gateways.credentials import Agreement
from tests.built_application import application

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def api(shop: Shop) -> AsyncIterator[Api]:
    """The shop's merchant as its own program."""
    from orchestrator.access import service

    secret = await service.create_api_key(shop.merchant_id, "test", service.ALL_SCOPES)
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://clearway.test") as client:
        yield Api(client, shop.merchant_id, secret)


def of_customer(person: Payer) -> str:
    return f"/v1/customers/{person.customer_id}/automatic-charge"


async def put(api: Api, path: str, body: dict[str, Any]) -> httpx.Response:
    return await api.client.put(path, json=body, headers=api.headers())


async def test_it_is_switched_on_seen_and_switched_off_for_a_customer(shop: Shop, api: Api) -> None:
    person = await payer(shop)
    assert (await api.client.delete(of_customer(person), headers=api.headers())).status_code == 204
    off = (await api.get(of_customer(person))).json()
    assert (off["enabled"], off["payment_method_id"]) == (False, None)
    on = await put(api, of_customer(person), {"payment_method_id": person.method.id})
    assert (on.status_code, on.json()["enabled"], on.json()["payment_method_id"]) == (200, True, person.method.id)
    seen = (await api.get(of_customer(person))).json()
    assert (seen["enabled"], seen["payment_method_id"]) == (True, person.method.id)
    await api.post(f"/v1/payment-methods/{person.method.id}/default")
    by_default = await put(api, of_customer(person), {"payment_method_id": "default"})
    assert by_default.json()["payment_method_id"] == "default", by_default.text


async def test_what_is_refused_names_the_field_and_the_remedy(shop: Shop, api: Api) -> None:
    person = await payer(shop)
    for body, field, remedy in (
        ({}, "payment_method_id", ""),
        ({"payment_method_id": ""}, "payment_method_id", ""),
        ({"payment_method_id": "default"}, "payment_method_id", "Make one the default"),
        ({"payment_method_id": person.method.id, "extra": 1}, "extra", ""),
    ):
        answer = await put(api, of_customer(person), body)
        assert answer.status_code in (400, 422), answer.text
        (error,) = answer.json()["errors"]
        assert error["field"] == field, answer.text
        assert remedy in error["message"]
    assert (await put(api, of_customer(person), {"payment_method_id": "pm_none"})).status_code == 404
    stranger = await customer(shop)
    path = f"/v1/customers/{stranger.id}/automatic-charge"
    answer = await put(api, path, {"payment_method_id": person.method.id})
    assert "another customer's" in answer.json()["errors"][0]["message"]


async def test_an_invoice_is_left_out_and_taken_in_again(shop: Shop, api: Api) -> None:
    person = await payer(shop)
    invoice = await person.invoice()
    path = f"/v1/invoices/{invoice.id}/automatic-charge"
    seen = (await api.get(path)).json()
    assert (seen["enabled"], seen["state"], seen["tries"]) == (True, "scheduled", 0)
    assert invoice.due_date is not None
    assert seen["next_charge_at"].startswith(f"{invoice.due_date}T00:00:00")
    for _ in range(2):
        off = await api.post(path, {"enabled": False}, key="leave-it-out")
        assert (off.status_code, off.json()["state"], off.json()["next_charge_at"]) == (200, "off", None)
    await api.post(path, {"enabled": True})
    await ring_until_paid(invoice)
    done = (await api.get(path)).json()
    assert (done["state"], done["enabled"], done["tries"]) == ("done", False, 1)
    assert done["payment_id"]
    assert await kept_charges(shop, invoice) == [11900]
    nothing_owed = await api.post(path, {"enabled": True})
    assert (nothing_owed.status_code, nothing_owed.json()["code"]) == (409, "conflict")


async def test_an_invoice_of_a_customer_who_did_not_agree_is_not_taken_in(shop: Shop, api: Api) -> None:
    person = await payer(shop)
    await api.client.delete(of_customer(person), headers=api.headers())
    invoice = await person.invoice()
    path = f"/v1/invoices/{invoice.id}/automatic-charge"
    assert (await api.get(path)).json()["state"] == "off"
    answer = await api.post(path, {"enabled": True})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (422, "enabled")
    assert "PUT /v1/customers/{id}/automatic-charge" in error["message"]


async def test_who_may_only_write_invoices_decides_on_nobodys_card(shop: Shop, api: Api) -> None:
    from orchestrator.access import service

    person = await payer(shop, agreement=Agreement.SUBSCRIPTION)
    secret = await service.create_api_key(shop.merchant_id, "clerk", ("invoices:read", "invoices:write"))
    clerk = Api(api.client, shop.merchant_id, secret)
    answer = await put(clerk, of_customer(person), {"payment_method_id": person.method.id})
    assert answer.status_code == 403
