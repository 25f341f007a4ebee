"""Wrong input is refused with the field that is wrong and with what to do about it."""

from __future__ import annotations

from typing import Any

import pytest
from http_driving import Api

VAT = {"kind": "vat", "rate_bps": 1900}
LINE = {"description": "Work", "quantity": "1", "unit_price": "100", "tax": VAT}
BUYER = {"name": "Beta GmbH", "country": "DE"}
DRAFT: dict[str, Any] = {"currency": "EUR", "lines": [LINE], "buyer": BUYER}


def line(**change: Any) -> dict[str, Any]:
    return {"lines": [{**LINE, **change}]}


def buyer(**change: Any) -> dict[str, Any]:
    return {"buyer": {**BUYER, **change}}


# What is said, the field that is named, and words of the remedy.
WRONG: list[tuple[dict[str, Any], str, str]] = [
    # VAT ids
    (buyer(vat_id="DE136695978"), "buyer.vat_id", "mistyped digit"),
    (buyer(country="FR", vat_id="FR99999999999"), "buyer.vat_id", "mistyped digit"),
    ({**buyer(country="FR"), **line(tax={"kind": "reverse_charge"})}, "buyer.vat_id", "needs a valid VAT id of FR"),
    # currencies and countries
    ({"currency": "ZZZ"}, "currency", "such as EUR"),
    ({"currency": "eur"}, "currency", "such as EUR"),
    ({"tax_currency": "EUR"}, "tax_currency", "leave it out"),
    ({"tax_currency": "QQQ"}, "tax_currency", "such as EUR"),
    ({"tax_rate": {"rate": "1.1", "on": "2026-01-01", "source": "x"}}, "tax_currency", "into which currency"),
    (
        {"tax_currency": "USD", "tax_rate": {"rate": "0", "on": "2026-01-01", "source": "x"}},
        "tax_rate",
        "must be above zero",
    ),
    (buyer(country="XX"), "buyer.country", "such as DE"),
    ({"delivery": {"country": "XX"}}, "delivery.country", "such as DE"),
    ({"locale": "zz"}, "locale", "such as de-AT"),
    # dates
    ({"supply_date": "2026-02-30"}, "supply_date", "such as 2026-11-23"),
    ({"tax_point_date": "soon"}, "tax_point_date", "such as 2026-11-23"),
    ({"period": {"start": "2026-02-01", "end": "2026-01-01"}}, "period.end", "not be before the start"),
    (line(period={"start": "2026-02-01", "end": "2026-01-01"}), "lines[0].period.end", "not be before the start"),
    ({"payment_terms": {"type": "net_days", "days": 0}}, "payment_terms.days", "between 1 and 365"),
    (
        {"payment_terms": {"type": "agreed_terms", "due": {"type": "net_days", "days": 0}}},
        "payment_terms.due.days",
        "between 1 and 365",
    ),
    (
        {"payment_terms": {"type": "agreed_terms", "late": {"type": "agreed", "rate_bps": -1}}},
        "payment_terms.late.rate_bps",
        "between 0",
    ),
    (
        {"payment_terms": {"type": "agreed_terms", "early_payment": {"steps": [{"days": 9, "discount_bps": 0}]}}},
        "payment_terms.early_payment.steps[0].discount_bps",
        "between 1",
    ),
    ({"payment_terms": {"type": "net"}}, "payment_terms.type", "net_days_end_of_month"),
    # quantities, prices and sums
    (line(quantity=1.5), "lines[0].quantity", "in quotes"),
    (line(quantity="-1"), "lines", "issue a credit note"),
    (line(quantity="0"), "lines[0].quantity", "must not be zero"),
    (line(quantity="two"), "lines[0].quantity", "such as 12.50"),
    (line(quantity="1.123456789"), "lines[0].quantity", "at most 8 decimals"),
    (line(unit_price="-1"), "lines[0].unit_price", "make the quantity negative"),
    (line(unit="??"), "lines[0].unit", "such as HUR"),
    (line(discounts=[{"reason": "x", "amount": "-1"}]), "lines[0].discounts[0].amount", "a discount takes off"),
    (line(discounts=[{"reason": "x"}]), "lines[0].discounts[0].amount", "either an amount or a percent"),
    (line(discounts=[{"reason": "x", "percent": "101"}]), "lines[0].discounts[0].percent", "at most 100"),
    (line(discounts=[{"reason": "x", "amount": "200"}]), "lines[0].discounts", "not take off more than the line"),
    ({"discounts": [{"reason": "x", "amount": "1000"}]}, "discounts", "not take off more than the lines"),
    ({"prepaid": "-5"}, "prepaid", "must not be negative"),
    ({"prepaid": "5.001"}, "prepaid", "no more decimals than EUR"),
    ({"prepaid": "119.01"}, "prepaid", "not be more than the total"),
    ({"prepaid_receipts": ["rct_1"]}, "prepaid", "how much of the receipts"),
    # taxes
    (line(tax={"kind": "vatt"}), "lines[0].tax.kind", "give one of vat, consumption_tax,"),
    (line(tax="automatic"), "lines[0].tax", "give one of auto"),
    (line(tax={"kind": "vat"}), "lines[0].tax.rate_bps", "between 1 and 10000"),
    (line(tax={"kind": "zero", "rate_bps": 700}), "lines[0].tax.rate_bps", "must be 0 for zero"),
    (line(tax={"kind": "exempt"}), "lines[0].tax.reason", "give a VATEX reason_code"),
    (line(tax={"kind": "exempt", "reason_code": "X"}), "lines[0].tax.reason_code", "such as VATEX-EU-132-1B"),
    (line(tax={"kind": "oss", "rate_bps": 2000}), "lines[0].tax.place", "country of destination"),
    (line(tax={"kind": "oss", "rate_bps": 2000, "place": "DE"}), "lines[0].tax.place", "another EU country"),
    (line(tax={"kind": "export"}), "buyer.country", "in another country"),
    (line(tax={"kind": "sales_tax"}), "lines[0].tax.kind", "United States"),
    (line(sales_taxes=[{"jurisdiction": "US-NY", "amount": "4"}]), "lines[0].sales_taxes", "leave them out"),
    ({"discounts": [{"reason": "x", "amount": "1", "tax": {"kind": "vat"}}]}, "discounts[0].tax.rate_bps", "between 1"),
    ({"rounding_policy": "never"}, "rounding_policy", "give one of per_line,"),
    # e-invoices
    (buyer(electronic_address="04011000-12345-34"), "buyer.electronic_address_scheme", "together, or neither"),
    (buyer(electronic_address="x", electronic_address_scheme="1"), "buyer.electronic_address_scheme", "such as 0204"),
]


@pytest.mark.parametrize(("change", "field", "remedy"), WRONG)
async def test_wrong_input_names_the_field_and_the_remedy(
    api: Api, change: dict[str, Any], field: str, remedy: str
) -> None:
    answer = await api.post("/v1/invoices", {**DRAFT, **change})
    assert answer.status_code == 422, answer.text
    [error] = answer.json()["errors"]
    assert error["field"] == field
    assert remedy in error["message"]


@pytest.mark.parametrize(
    ("change", "field", "remedy"),
    [
        ({"issue_date": "2020-01-01"}, "issue_date", "within 366 days of today"),
        ({"issue_date": "2026-13-01"}, "issue_date", "such as 2026-11-23"),
        ({"series": "none"}, "series", "open it first"),
    ],
)
async def test_what_keeps_an_invoice_from_its_issue_is_said(
    api: Api, change: dict[str, Any], field: str, remedy: str
) -> None:
    made = (await api.post("/v1/invoices", DRAFT)).json()
    answer = await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False, **change})
    assert 400 <= answer.status_code < 500, answer.text
    [error] = answer.json()["errors"]
    assert error["field"] == field
    assert remedy in error["message"]


async def test_a_prepaid_invoice_without_a_customer_is_refused(api: Api) -> None:
    made = (await api.post("/v1/invoices", {**DRAFT, "prepaid": "5"})).json()
    answer = await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False})
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (422, "prepaid")
    assert "customer_id" in error["message"]


@pytest.mark.parametrize(
    ("path", "field", "remedy"),
    [
        ("/v1/invoices?state=lost", "state", "cannot be"),
        ("/v1/invoices?amount=ten", "amount", "must be a whole number"),
        ("/v1/sales-journal?from=2026-13-01&to=2026-12-31", "from", "such as 2026-11-23"),
        ("/v1/sales-journal?from=2026-12-01", "to", "is missing"),
    ],
)
async def test_a_wrong_parameter_is_named_as_it_was_sent(api: Api, path: str, field: str, remedy: str) -> None:
    answer = await api.get(path)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
    [error] = answer.json()["errors"]
    assert error["field"] == field
    assert remedy in error["message"]


async def test_agreed_terms_are_refused_by_the_field_of_their_route(api: Api) -> None:
    answer = await api.client.put(
        "/v1/merchant/payment-terms", json={"due": {"type": "net_days", "days": 999}}, headers=api.headers()
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "due.days")
