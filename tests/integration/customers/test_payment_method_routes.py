"""Customers and payment methods over HTTP: whose they are, what is shown of them, and what goes when one is deleted."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from http_driving import Api
from kept_shop import IBAN, only
from payment_shop import CHALLENGED, VISA, Shop

from orchestrator.access import service as access
from orchestrator.customers import method_store
from orchestrator.customers.kept_methods import DETACH
from orchestrator.outbox import Outbox

pytestmark = pytest.mark.asyncio(loop_scope="session")
ADA = {"name": "Ada Example", "email": "Ada@example.com", "country": "DE", "vat_id": "DE136695976"}
CONSENT = {"text": "Keep it for later orders.", "accepted_at": "2026-11-23T10:00:00Z"}
SAVE = {"agreement": "unscheduled", "consent": CONSENT}
MONEY = {"amount": 1999, "currency": "EUR"}
DEBIT = {
    "type": "sepa_debit",
    "iban": "DE89 3704 0044 0532 0130 00",
    "holder": "Ada Example",
    "email": "ada@example.com",
    "mandate": {"reference": "MANDATE-1", "accepted_at": "2026-11-23T10:00:00Z"},
}


@pytest.fixture
async def mine(client: httpx.AsyncClient, shop: Shop) -> Api:
    """The shop's own API."""
    return Api(client, shop.merchant_id, await access.create_api_key(shop.merchant_id, "test", access.ALL_SCOPES))


async def card(shop: Shop, number: str = VISA) -> dict[str, Any]:
    found = await shop.card(number)
    shown = {name: getattr(found, name) for name in found.__struct_fields__}
    return {"type": "card", **shown}


async def ada(api: Api, **changed: Any) -> dict[str, Any]:
    answer = await api.post("/v1/customers", ADA | changed)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def kept(api: Api, shop: Shop, customer_id: str, number: str = VISA, **more: Any) -> dict[str, Any]:
    body = {"customer_id": customer_id, "payment_method": await card(shop, number), **SAVE, **more}
    answer = await api.post("/v1/payment-methods", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_saved_with_a_payment_then_charged_without_the_customer(mine: Api, shop: Shop) -> None:
    person = await ada(mine)
    body = {"amount": MONEY, "customer_id": person["id"], "payment_method": await card(shop)}
    first = (await mine.post("/v1/payments", body | {"save_payment_method": SAVE})).json()
    assert first["status"] == "captured", first
    (method,) = (await mine.get(f"/v1/customers/{person['id']}/payment-methods")).json()["data"]
    assert (method["status"], method["payment_id"], method["merchant_initiated"]) == ("active", first["id"], True)
    assert method["tokens"][0] == {
        "gateway_account_id": shop.accounts["stripe"],
        "state": "kept",
        "mirrored": False,
        "detail": "",
    }
    saved = {"type": "saved", "payment_method_id": method["id"]}
    charge = await mine.post("/v1/payments", {"amount": MONEY, "payment_method": saved, "initiator": "merchant"})
    payment = charge.json()
    assert (payment["status"], payment["customer_id"]) == ("captured", person["id"])
    assert payment["payment_method"]["payment_method_id"] == method["id"]
    (token,) = await method_store.tokens_of(method["id"])
    assert token.gateway_token not in charge.text


async def test_kept_without_a_payment_and_completed_after_the_banks_page(mine: Api, shop: Shop) -> None:
    from shopper_pages_async import visit

    person = await ada(mine)
    method = await kept(mine, shop, person["id"], CHALLENGED, return_url="http://127.0.0.1:9/back")
    assert method["status"] == "requires_action"
    brought = await visit(method["next_action"]["url"], "http://127.0.0.1:9/back")
    done = await mine.post(f"/v1/payment-methods/{method['id']}/complete", {"action_result": brought})
    assert (done.json()["status"], done.json()["next_action"]) == ("active", None)


async def test_same_key_keeps_it_once(mine: Api, shop: Shop) -> None:
    person = await ada(mine)
    body = {"customer_id": person["id"], "payment_method": await card(shop), **SAVE}
    first, second = [await mine.post("/v1/payment-methods", body, key="keep-once") for _ in range(2)]
    assert first.json()["id"] == second.json()["id"]
    assert len(await method_store.methods_of(person["id"], limit=5)) == 1


async def test_default_is_the_customers_until_it_is_detached(mine: Api, shop: Shop) -> None:
    person = await ada(mine)
    method = await kept(mine, shop, person["id"])
    made = await mine.post(f"/v1/payment-methods/{method['id']}/default")
    assert made.json()["is_default"] is True
    assert (await mine.get(f"/v1/customers/{person['id']}")).json()["default_payment_method_id"] == method["id"]
    gone = await mine.client.delete(f"/v1/payment-methods/{method['id']}", headers=mine.headers())
    assert (gone.json()["status"], gone.json()["is_default"]) == ("detaching", False)
    refused = await mine.post(f"/v1/payment-methods/{method['id']}/default")
    assert refused.status_code == 409


async def test_mirroring_needs_the_consent_that_covers_it(mine: Api, shop: Shop) -> None:
    person = await ada(mine)
    method = await kept(mine, shop, person["id"])
    asked = {"gateway_account_id": shop.accounts["adyen"]}
    refused = await mine.post(f"/v1/payment-methods/{method['id']}/mirror", asked)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "consent.other_gateways")
    wider = await kept(mine, shop, person["id"], consent=CONSENT | {"other_gateways": True})
    tokens = (await mine.post(f"/v1/payment-methods/{wider['id']}/mirror", asked)).json()["tokens"]
    assert [(one["gateway_account_id"], one["state"]) for one in tokens][1] == (shop.accounts["adyen"], "requested")


async def test_charge_that_the_agreement_does_not_cover_has_its_own_code(mine: Api, shop: Shop) -> None:
    person = await ada(mine)
    method = await kept(mine, shop, person["id"], agreement="card_on_file")
    saved = {"type": "saved", "payment_method_id": method["id"]}
    body = {"amount": MONEY, "payment_method": saved, "initiator": "merchant"}
    assert (await mine.post("/v1/payments", body)).json()["code"] == "agreement_missing"
    await mine.client.delete(f"/v1/payment-methods/{method['id']}", headers=mine.headers())
    assert (await mine.post("/v1/payments", body)).json()["code"] == "payment_method_not_active"


async def test_another_merchant_sees_none_of_it(mine: Api, other: Api, shop: Shop) -> None:
    person = await ada(mine)
    method = await kept(mine, shop, person["id"])
    paths = (f"/v1/payment-methods/{method['id']}", f"/v1/customers/{person['id']}/payment-methods")
    assert [(await other.get(path)).status_code for path in paths] == [404, 404]
    for action in ("complete", "mirror", "default"):
        assert (await other.post(f"/v1/payment-methods/{method['id']}/{action}")).status_code == 404
    for path in (f"/v1/payment-methods/{method['id']}", f"/v1/customers/{person['id']}"):
        assert (await other.client.delete(path, headers=other.headers())).status_code == 404
    change = await other.client.patch(f"/v1/customers/{person['id']}", json={"name": "M"}, headers=other.headers())
    assert change.status_code == 404
    saved = {"type": "saved", "payment_method_id": method["id"]}
    assert (await other.post("/v1/payments", {"amount": MONEY, "payment_method": saved})).status_code == 404


async def test_iban_is_checked_and_shown_masked(mine: Api, shop: Shop) -> None:
    await only(shop, "stripe")
    answer = await mine.post("/v1/payments", {"amount": MONEY, "payment_method": DEBIT})
    assert answer.status_code == 201, answer.text
    assert answer.json()["payment_method"]["iban"] == "DE89 •••• 3000"
    assert IBAN not in answer.text
    wrong = await mine.post("/v1/payments", {"amount": MONEY, "payment_method": DEBIT | {"iban": "DE88" + IBAN[4:]}})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "payment_method.iban")


async def test_customers_are_listed_and_found_by_address(mine: Api) -> None:
    made = [await ada(mine, email=f"c{number}@example.com") for number in range(3)]
    first = (await mine.get("/v1/customers", params={"limit": 2})).json()
    assert [one["id"] for one in first["data"]] == [made[2]["id"], made[1]["id"]]
    rest = (await mine.get("/v1/customers", params={"limit": 2, "starting_after": first["next_cursor"]})).json()
    assert [one["id"] for one in rest["data"]] == [made[0]["id"]]
    found = (await mine.get("/v1/customers", params={"email": "C1@EXAMPLE.com"})).json()
    assert [one["id"] for one in found["data"]] == [made[1]["id"]]


async def test_what_is_not_given_stays_when_a_customer_is_changed(mine: Api) -> None:
    person = await ada(mine)
    path = f"/v1/customers/{person['id']}"
    changed = await mine.client.patch(path, json={"city": "Berlin", "country": None}, headers=mine.headers())
    body = changed.json()
    assert (body["city"], body["country"], body["vat_id"], body["name"]) == (
        "Berlin",
        None,
        "DE136695976",
        "Ada Example",
    )


async def test_deleted_customer_keeps_the_id_and_nothing_that_names_a_person(mine: Api, shop: Shop) -> None:
    person = await ada(mine)
    method = await kept(mine, shop, person["id"])
    path = f"/v1/customers/{person['id']}"
    for _ in range(2):
        assert (await mine.client.delete(path, headers=mine.headers())).status_code == 204
    answer = await mine.get(path)
    assert answer.json()["deleted"] is True
    assert "ada" not in answer.text.lower()
    assert "DE136695976" not in answer.text
    assert (await mine.get("/v1/customers")).json()["data"] == []
    assert (await mine.get(f"/v1/payment-methods/{method['id']}")).json()["status"] == "detaching"
    assert await Outbox.exists().where(Outbox.topic == DETACH, Outbox.subject == method["id"])
    refused = await mine.client.patch(path, json={"name": "Back"}, headers=mine.headers())
    assert refused.status_code == 404


async def test_a_customer_with_an_open_payment_is_not_deleted_until_it_is_at_its_end(mine: Api, shop: Shop) -> None:
    person = await ada(mine)
    path = f"/v1/customers/{person['id']}"
    body = {"amount": MONEY, "payment_method": await card(shop), "capture_method": "manual"}
    payment = (await mine.post("/v1/payments", body | {"customer_id": person["id"]})).json()
    assert payment["status"] == "authorised"
    refused = await mine.client.delete(path, headers=mine.headers())
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert payment["id"] in refused.json()["detail"]
    assert (await mine.get(path)).json()["deleted"] is False
    canceled = (await mine.post(f"/v1/payments/{payment['id']}/cancel", {})).json()
    assert canceled["status"] == "canceled"
    assert (await mine.client.delete(path, headers=mine.headers())).status_code == 204
    assert (await mine.get(f"/v1/payments/{payment['id']}")).json()["customer_id"] == person["id"]
