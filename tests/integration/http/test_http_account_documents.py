"""Receipts and statements of account as PDFs over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from http_driving import Api
from pypdf import PdfReader

from currency.formatting import format_date
from orchestrator.billing import pdf

TODAY = datetime.now(UTC).date()
DAYS = {"from": str(TODAY), "to": str(TODAY), "format": "pdf"}
LINE = {"description": "Work", "quantity": "1", "unit_price": "100", "tax": {"kind": "vat", "rate_bps": 1900}}


@pytest.fixture(autouse=True, scope="module")
def _drawing_processes() -> Iterator[None]:
    yield
    pdf.close()


async def customer_of(api: Api, **more: Any) -> str:
    new = {"name": "Beta GmbH", "email": "ap@beta.example", "country": "DE", "locale": "de", **more}
    return str((await api.post("/v1/customers", new)).json()["id"])


async def issued(api: Api, customer_id: str, **more: Any) -> dict[str, Any]:
    made = (await api.post("/v1/invoices", {"currency": "EUR", "lines": [LINE], "customer_id": customer_id})).json()
    answer = await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def received(api: Api, amount: int, customer_id: str, reference: str = "r1", **more: Any) -> dict[str, Any]:
    body = {"amount": {"amount": amount, "currency": "EUR"}, "reference": reference, "received_on": str(TODAY)}
    answer = await api.post("/v1/receipts", {**body, "customer_id": customer_id, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def text_at(api: Api, path: str, **params: str) -> str:
    answer = await api.get(path, params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf"), answer.text
    text = "\n".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)
    return " ".join(text.split())


async def test_a_receipt_says_in_the_customers_language_what_was_paid_by_it(api: Api) -> None:
    customer = await customer_of(api)
    first, second = await issued(api, customer), await issued(api, customer)
    receipt = await received(api, 15_000, customer)
    text = await text_at(api, f"/v1/receipts/{receipt['id']}/pdf")
    for said in ("Zahlungsbestätigung", receipt["number"], "Beta GmbH", "Überweisung", "150,00 €"):
        assert said in text, text
    for said in (f"{first['number']} ", "119,00 € 119,00 € 0,00 €", "119,00 € 31,00 € 88,00 €", second["number"]):
        assert said in text, text


async def test_a_receipt_stays_as_it_was_when_more_is_paid(api: Api) -> None:
    customer = await customer_of(api)
    await issued(api, customer)
    receipt = await received(api, 10_000, customer)
    path = f"/v1/receipts/{receipt['id']}/pdf"
    before = (await api.get(path)).content
    await received(api, 1_900, customer, "r2")
    assert (await api.get(path)).content == before


async def test_a_receipt_of_money_that_bounced_says_that_it_was_reversed(api: Api) -> None:
    customer = await customer_of(api)
    await issued(api, customer)
    receipt = await received(api, 10_000, customer)
    path = f"/v1/receipts/{receipt['id']}"
    assert "Storniert" not in await text_at(api, f"{path}/pdf")
    answer = await api.post(f"{path}/reverse", {"reason": "returned", "reversed_on": str(TODAY)})
    assert answer.status_code == 200, answer.text
    said = f"Storniert am {format_date(TODAY, 'de')}: Diese Zahlungsbestätigung gilt nicht mehr."
    assert said in await text_at(api, f"{path}/pdf")


async def test_a_receipt_without_an_invoice_says_whose_credit_it_is(api: Api) -> None:
    customer = await customer_of(api, locale="fr", name="Gamma SARL")
    receipt = await received(api, 500, customer, source="cash")
    text = await text_at(api, f"/v1/receipts/{receipt['id']}/pdf")
    for said in ("Reçu de Gamma SARL", "Espèces", "Votre avoir 5,00 €"):
        assert said in text, text
    assert "Facture" not in text


async def test_a_statement_as_a_pdf_says_what_it_says_as_json(api: Api) -> None:
    customer = await customer_of(api, locale="en")
    invoice = await issued(api, customer)
    await received(api, 12_000, customer)
    path = f"/v1/customers/{customer}/statements"
    [account] = (await api.get(path, params={**DAYS, "format": "json"})).json()["data"]
    assert account["closing"]["amount"] == -100
    text = await text_at(api, path, **DAYS)
    for said in ("Statement of account", "Opening balance €0.00", invoice["number"], "€119.00", "-€119.00", "-€1.00"):
        assert said in text, text
    assert "Your credit" in text


async def test_a_statement_of_a_customer_without_any_movement_says_so(api: Api) -> None:
    text = await text_at(api, f"/v1/customers/{await customer_of(api)}/statements", **DAYS)
    assert "In diesem Zeitraum gab es keine Bewegungen." in text


async def test_an_unknown_format_or_receipt_is_told(api: Api) -> None:
    customer = await customer_of(api)
    refused = await api.get(f"/v1/customers/{customer}/statements", params={**DAYS, "format": "docx"})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_parameter")
    assert (await api.get("/v1/receipts/rct_0/pdf")).status_code == 404
