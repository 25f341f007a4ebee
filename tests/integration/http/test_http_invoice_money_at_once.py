"""Each request that moves money of invoices, five times at once: done once for each key, and never too much."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
import pytest
from http_driving import Api

TAX = {"kind": "vat", "rate_bps": 1900}
TIMES = 5


async def issued(api: Api, customer_id: str, price: str = "100", **more: Any) -> dict[str, Any]:
    lines = [{"description": "Work", "quantity": "2", "unit_price": price, "tax": TAX}]
    made = (
        await api.post("/v1/invoices", {"currency": "EUR", "lines": lines, "customer_id": customer_id, **more})
    ).json()
    answer = await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def customer(api: Api) -> str:
    made = (await api.post("/v1/customers", {"name": "Beta GmbH", "country": "DE", "email": "a@b.example"})).json()
    found: str = made["id"]
    return found


def receipt(customer_id: str, amount: int, reference: str) -> dict[str, Any]:
    return {
        "customer_id": customer_id,
        "amount": {"amount": amount, "currency": "EUR"},
        "reference": reference,
        "received_on": "2026-01-05",
    }


async def at_once(api: Api, path: str, body: dict[str, Any], key: str | None) -> list[httpx.Response]:
    keys = [key or f"{path}-{number}" for number in range(TIMES)]
    return await asyncio.gather(*(api.post(path, body, key=one) for one in keys))


async def sound(api: Api, customer_id: str) -> dict[str, int]:
    """Owed and credit, the same wherever one looks."""
    invoices = (await api.get("/v1/invoices", params={"customer_id": customer_id})).json()["data"]
    owed = sum(one["owed"]["amount"] for one in invoices if one["state"] != "draft")
    aged = (await api.get("/v1/aged-receivables")).json()["data"]
    assert sum(row["total"]["amount"] for row in aged if row["customer_id"] == customer_id) == owed
    credits = (await api.get("/v1/customer-credits", params={"customer_id": customer_id})).json()["data"]
    credit = sum(row["amount"]["amount"] for row in credits)
    span = {"from": "2020-01-01", "to": "2030-01-01"}
    accounts = (await api.get(f"/v1/customers/{customer_id}/statements", params=span)).json()["data"]
    assert sum(one["closing"]["amount"] for one in accounts) == owed - credit
    return {"owed": owed, "credit": credit}


@pytest.mark.parametrize("key", ["same", None])
async def test_a_receipt_counts_once(api: Api, key: str | None) -> None:
    whose = await customer(api)
    await issued(api, whose)
    answers = await at_once(api, "/v1/receipts", receipt(whose, 30000, "bank-1"), key)
    done = [one for one in answers if one.status_code < 300]
    assert done
    assert {one.status_code for one in answers} <= {200, 201, 409}
    assert len({one.json()["id"] for one in done}) == 1
    assert await sound(api, whose) == {"owed": 0, "credit": 30000 - 23800}


@pytest.mark.parametrize("key", ["same", None])
@pytest.mark.parametrize(
    ("path", "body", "once", "most"),
    [
        ("apply-credit", {}, {"owed": 13800, "credit": 0}, {"owed": 13800, "credit": 0}),
        (
            "apply-credit",
            {"amount": {"amount": 4000, "currency": "EUR"}},
            {"owed": 19800, "credit": 6000},
            {"owed": 15800, "credit": 2000},
        ),
        ("write-off", {}, {"owed": 0, "credit": 10000}, {"owed": 0, "credit": 10000}),
        (
            "write-off",
            {"amount": {"amount": 9000, "currency": "EUR"}},
            {"owed": 14800, "credit": 10000},
            {"owed": 5800, "credit": 10000},
        ),
        ("mark-uncollectible", {}, {"owed": 0, "credit": 10000}, {"owed": 0, "credit": 10000}),
    ],
)
async def test_what_settles_an_invoice_is_done_once_for_each_key(
    api: Api, path: str, body: dict[str, Any], once: dict[str, int], most: dict[str, int], key: str | None
) -> None:
    whose = await customer(api)
    await api.post("/v1/receipts", receipt(whose, 10000, "before"))
    invoice = await issued(api, whose)
    answers = await at_once(api, f"/v1/invoices/{invoice['id']}/{path}", body, key)
    assert {one.status_code for one in answers} <= {200, 400, 409, 422}, [one.text for one in answers]
    assert await sound(api, whose) == (once if key else most)


@pytest.mark.parametrize("key", ["same", None])
async def test_the_rest_of_an_invoice_is_credited_once(api: Api, key: str | None) -> None:
    whose = await customer(api)
    invoice = await issued(api, whose)
    await api.post("/v1/receipts", receipt(whose, 10000, "before"))
    answers = await at_once(api, "/v1/credit-notes", {"invoice_id": invoice["id"], "send": False}, key)
    assert {one.status_code for one in answers} <= {200, 201, 400, 409, 422}, [one.text for one in answers]
    assert len({one.json()["id"] for one in answers if one.status_code < 300}) == 1
    assert await sound(api, whose) == {"owed": 0, "credit": 10000}


async def test_a_credit_is_spent_once_over_several_invoices(api: Api) -> None:
    whose = await customer(api)
    await api.post("/v1/receipts", receipt(whose, 30000, "before"))
    invoices = [await issued(api, whose) for _ in range(3)]
    await asyncio.gather(*(api.post(f"/v1/invoices/{one['id']}/apply-credit", {}) for one in invoices))
    assert await sound(api, whose) == {"owed": 3 * 23800 - 30000, "credit": 0}


async def test_the_page_asks_for_what_the_api_says_is_owed(api: Api, client: httpx.AsyncClient) -> None:
    whose = await customer(api)
    await api.post("/v1/receipts", receipt(whose, 3000, "deposit"))
    invoice = await issued(api, whose, "33.335", prepaid="30.00")
    await api.post("/v1/receipts", receipt(whose, 1234, "part"))
    now = (await api.get(f"/v1/invoices/{invoice['id']}")).json()
    assert now["owed"]["amount"] == now["payable"]["amount"] - 1234 == now["total"]["amount"] - 4234
    page = (await client.get(invoice["hosted_url"].removeprefix("http://127.0.0.1:8000"))).text
    shown = re.search(r'name="shown"[^>]*value="(\d+)"', page) or re.search(r'value="(\d+)"[^>]*name="shown"', page)
    assert shown is not None
    assert int(shown[1]) == now["owed"]["amount"]


async def test_a_quote_that_is_accepted_five_times_is_one_invoice(api: Api) -> None:
    whose = await customer(api)
    lines = [{"description": "Work", "quantity": "1", "unit_price": "100", "tax": TAX}]
    made = (await api.post("/v1/quotes", {"currency": "EUR", "lines": lines, "customer_id": whose})).json()
    assert (await api.post(f"/v1/quotes/{made['id']}/finalize", {"send": False})).status_code == 200
    answers = await at_once(api, f"/v1/quotes/{made['id']}/accept", {}, None)
    assert sorted(one.status_code for one in answers)[1:] == [409] * (TIMES - 1), [one.text for one in answers]
    assert len((await api.get("/v1/invoices", params={"customer_id": whose})).json()["data"]) == 1


async def test_an_invoice_that_is_reissued_five_times_is_credited_and_drafted_once(api: Api) -> None:
    whose = await customer(api)
    invoice = await issued(api, whose)
    answers = await at_once(api, f"/v1/invoices/{invoice['id']}/reissue", {}, None)
    assert sum(one.status_code < 300 for one in answers) == 1, [one.text for one in answers]
    assert await sound(api, whose) == {"owed": 0, "credit": 0}
    drafts = (await api.get("/v1/invoices", params={"customer_id": whose, "state": "draft"})).json()["data"]
    assert len(drafts) == 1


async def test_a_draft_that_is_finalized_five_times_is_booked_once(api: Api) -> None:
    whose = await customer(api)
    lines = [{"description": "Work", "quantity": "1", "unit_price": "100", "tax": TAX}]
    made = (await api.post("/v1/invoices", {"currency": "EUR", "lines": lines, "customer_id": whose})).json()
    answers = await at_once(api, f"/v1/invoices/{made['id']}/finalize", {"send": False}, None)
    assert sum(one.status_code == 200 for one in answers) == 1, [one.text for one in answers]
    assert await sound(api, whose) == {"owed": 11900, "credit": 0}
