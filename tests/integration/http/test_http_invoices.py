"""Invoices over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from http_driving import Api

BUYER = {"name": "Beta SARL", "country": "FR", "vat_id": "FR40303265045", "email": "ap@beta.example", "locale": "fr"}


@pytest.fixture
def draft() -> dict[str, Any]:
    tax = {"kind": "vat", "rate_bps": 1900}
    lines = [{"description": "Consulting", "quantity": "2", "unit_price": "10.005", "tax": tax}]
    return {"currency": "EUR", "lines": lines, "buyer": {"name": "Beta GmbH", "country": "DE"}}


async def test_a_draft_has_sums_and_no_number(api: Api, draft: dict[str, Any]) -> None:
    answer = await api.post("/v1/invoices", draft)
    invoice = answer.json()
    assert answer.status_code == 201
    assert (invoice["state"], invoice["number"]) == ("draft", None)
    assert invoice["net"] == {"amount": 2001, "currency": "EUR"}
    assert invoice["tax"] == {"amount": 380, "currency": "EUR"}
    assert invoice["total"] == {"amount": 2381, "currency": "EUR"}


async def test_an_invoice_is_issued_with_number_dates_and_a_page(api: Api, draft: dict[str, Any]) -> None:
    made = (await api.post("/v1/invoices", {**draft, "terms": {"net_days": 30}})).json()
    today = datetime.now(UTC).date()
    answer = await api.post(f"/v1/invoices/{made['id']}/finalize", {"issue_date": str(today), "send": False})
    issued = answer.json()
    assert answer.status_code == 200
    assert (issued["state"], issued["number"]) == ("open", f"INV-{today.year}-00001")
    assert (issued["issue_date"], issued["due_date"]) == (str(today), str(today + timedelta(days=30)))
    assert issued["hosted_url"].startswith("http://127.0.0.1:8000/i/")


async def test_an_issued_invoice_is_not_issued_again(api: Api, draft: dict[str, Any]) -> None:
    made = (await api.post("/v1/invoices", draft)).json()
    await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False})
    answer = await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_a_repeated_finalize_takes_one_number(api: Api, draft: dict[str, Any]) -> None:
    made = (await api.post("/v1/invoices", draft)).json()
    first = await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False}, key="k1")
    again = await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False}, key="k1")
    assert again.content == first.content


async def test_automatic_tax_between_two_eu_businesses_is_reverse_charge(api: Api, draft: dict[str, Any]) -> None:
    line = {**draft["lines"][0], "tax": "auto"}
    made = (await api.post("/v1/invoices", {**draft, "buyer": BUYER, "lines": [line]})).json()
    assert made["lines"][0]["tax"]["kind"] == "reverse_charge"
    assert made["tax"] == {"amount": 0, "currency": "EUR"}


async def test_automatic_tax_at_home_is_the_rate_of_the_profile(api: Api, draft: dict[str, Any]) -> None:
    line = {**draft["lines"][0], "tax": "auto"}
    made = (await api.post("/v1/invoices", {**draft, "lines": [line]})).json()
    assert made["lines"][0]["tax"]["rate_bps"] == 1900


async def test_an_invoice_goes_to_a_customer_on_record(api: Api, draft: dict[str, Any]) -> None:
    customer = (await api.post("/v1/customers", {**BUYER, "city": "Paris"})).json()
    del draft["buyer"]
    made = (await api.post("/v1/invoices", {**draft, "customer_id": customer["id"]})).json()
    assert (made["customer_id"], made["buyer"]["city"], made["locale"]) == (customer["id"], "Paris", "fr")


@pytest.mark.parametrize(
    ("line", "code", "field"),
    [
        ({"quantity": "two"}, "invalid_field", "lines[0].quantity"),
        ({"quantity": 2}, "invalid_field", "lines[0].quantity"),
        ({"unit_price": "1e3"}, "invalid_field", "lines[0].unit_price"),
        ({"unit_price": "-1"}, "invalid_invoice", "lines[0].unit_price"),
        ({"tax": {"kind": "exempt"}}, "invalid_invoice", "lines[0].tax.reason"),
        ({"tax": {"kind": "reverse_charge"}}, "tax_not_applicable", "buyer.country"),
    ],
)
async def test_a_line_that_makes_no_correct_invoice_is_refused(
    api: Api, draft: dict[str, Any], line: dict[str, Any], code: str, field: str
) -> None:
    answer = await api.post("/v1/invoices", {**draft, "lines": [{**draft["lines"][0], **line}]})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["errors"][0]["field"] == field


async def test_an_invoice_needs_either_a_customer_or_a_buyer(api: Api, draft: dict[str, Any]) -> None:
    del draft["buyer"]
    answer = await api.post("/v1/invoices", draft)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")


async def test_a_draft_has_no_pdf(api: Api, draft: dict[str, Any]) -> None:
    made = (await api.post("/v1/invoices", draft)).json()
    answer = await api.get(f"/v1/invoices/{made['id']}/pdf")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


@pytest.mark.slow
async def test_an_issued_invoice_has_a_pdf_that_stays_the_same(api: Api, draft: dict[str, Any]) -> None:
    made = (await api.post("/v1/invoices", draft)).json()
    await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False})
    first = await api.get(f"/v1/invoices/{made['id']}/pdf")
    again = await api.get(f"/v1/invoices/{made['id']}/pdf")
    assert first.headers["content-type"] == "application/pdf"
    assert first.content.startswith(b"%PDF")
    assert first.content == again.content


async def test_invoices_are_listed_by_state(api: Api, draft: dict[str, Any]) -> None:
    made = [(await api.post("/v1/invoices", draft)).json()["id"] for _ in range(2)]
    await api.post(f"/v1/invoices/{made[0]}/finalize", {"send": False})
    found = (await api.get("/v1/invoices", params={"state": "draft"})).json()
    assert [item["id"] for item in found["data"]] == made[1:]


async def test_an_issued_invoice_is_in_the_ledger(api: Api, draft: dict[str, Any]) -> None:
    made = (await api.post("/v1/invoices", draft)).json()
    await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False})
    balances = (await api.get("/v1/ledger/balances")).json()["data"]
    assert {row["account"]: row["balance"]["amount"] for row in balances} == {
        "customer_receivable": 2381,
        "sales": -2001,
        "tax": -380,
    }
