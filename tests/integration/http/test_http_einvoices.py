"""E-invoices over HTTP: the XML that is given out is the one in the PDF, and a refusal says what is missing."""

from __future__ import annotations

from typing import Any

import pytest
from http_driving import Api

from invoicing.einvoice.embedding import check, extract
from invoicing.einvoice.formats import Format

VAT = {"kind": "vat", "rate_bps": 1900}


@pytest.fixture
def draft() -> dict[str, Any]:
    lines = [{"description": "Work", "quantity": "2.5", "unit_price": "80", "tax": VAT}]
    buyer = {
        "name": "Beta GmbH",
        "country": "DE",
        "address_lines": ["Hafenstraße 1"],
        "postal_code": "20457",
        "city": "Hamburg",
        "email": "ap@beta.example",
    }
    return {"currency": "EUR", "lines": lines, "buyer": buyer, "buyer_reference": "04011000-12345-67"}


async def issued(api: Api, draft: dict[str, Any]) -> str:
    made = (await api.post("/v1/invoices", draft)).json()
    answer = await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False})
    assert answer.status_code == 200, answer.text
    return str(made["id"])


async def test_the_xml_that_is_given_out_is_the_one_in_the_pdf(api: Api, draft: dict[str, Any]) -> None:
    path = f"/v1/invoices/{await issued(api, draft)}"
    xml = await api.get(f"{path}/xml")
    assert (xml.status_code, xml.headers["content-type"].split(";")[0]) == (200, "application/xml"), xml.text
    pdf = (await api.get(f"{path}/pdf")).content
    assert extract(pdf) == xml.content
    check(pdf, xml.content)  # raises what is wrong with it


async def test_a_credit_note_is_an_e_invoice_too(api: Api, draft: dict[str, Any]) -> None:
    invoice_id = await issued(api, draft)
    note = (await api.post("/v1/credit-notes", {"invoice_id": invoice_id, "send": False})).json()
    xml = await api.get(f"/v1/credit-notes/{note['id']}/xml")
    assert b">381<" in xml.content
    assert extract((await api.get(f"/v1/credit-notes/{note['id']}/pdf")).content) == xml.content


async def test_what_a_format_lacks_is_named_field_by_field(api: Api, draft: dict[str, Any]) -> None:
    invoice_id = await issued(api, draft | {"buyer_reference": ""})
    answer = await api.get(f"/v1/invoices/{invoice_id}/xml?format={Format.XRECHNUNG_UBL}")
    assert (answer.status_code, answer.json()["code"]) == (422, "e_invoice_refused")
    assert "buyer_reference" in {error["field"] for error in answer.json()["errors"]}


async def test_an_invoice_that_the_standard_cannot_say_has_a_pdf_all_the_same(api: Api, draft: dict[str, Any]) -> None:
    export = {"buyer": {**draft["buyer"], "country": "KW"}, "lines": [{**draft["lines"][0], "tax": {"kind": "export"}}]}
    invoice_id = await issued(api, draft | export | {"currency": "KWD"})
    assert (await api.get(f"/v1/invoices/{invoice_id}/xml")).status_code == 422
    pdf = await api.get(f"/v1/invoices/{invoice_id}/pdf")
    assert (pdf.status_code, pdf.content[:5]) == (200, b"%PDF-")


async def test_a_draft_has_no_xml(api: Api, draft: dict[str, Any]) -> None:
    made = (await api.post("/v1/invoices", draft)).json()
    answer = await api.get(f"/v1/invoices/{made['id']}/xml")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
