"""Everything that an invoice can say over the API: it is stored, summed, issued and shown as it was said."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from http_driving import PROFILE, Api, merchant_api

TODAY = datetime.now(UTC).date()
VAT = {"kind": "vat", "rate_bps": 1900}
LINE = {"description": "Work", "quantity": "1", "unit_price": "100", "tax": VAT}


@pytest.fixture
def draft() -> dict[str, Any]:
    return {"currency": "EUR", "lines": [LINE], "buyer": {"name": "Beta GmbH", "country": "DE"}}


async def issued(api: Api, draft: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = await api.post("/v1/invoices", draft)
    assert made.status_code == 201, made.text
    answer = await api.post(f"/v1/invoices/{made.json()['id']}/finalize", {"send": False, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def customer_of(api: Api) -> str:
    new = {"name": "Beta GmbH", "email": "ap@beta.example", "country": "DE"}
    return str((await api.post("/v1/customers", new)).json()["id"])


async def received(api: Api, amount: int, reference: str, **more: Any) -> Any:
    body = {"amount": {"amount": amount, "currency": "EUR"}, "reference": reference, "received_on": str(TODAY)}
    return await api.post("/v1/receipts", {**body, **more})


def cents(body: dict[str, Any], *names: str) -> list[int]:
    return [body[name]["amount"] for name in names]


async def test_references_delivery_and_dates_are_kept_and_shown(api: Api, draft: dict[str, Any]) -> None:
    said = {
        "buyer_reference": "04011000-12345-34",
        "purchase_order": "PO-7",
        "sales_order": "SO-8",
        "contract": "C-9",
        "project": "P-1",
        "accounting_reference": "4711",
        "supply_date": "2026-11-20",
        "tax_point_date": "2026-11-21",
    }
    delivery = {"country": "DE", "name": "Depot", "address_lines": ["Kai 1"], "postal_code": "20457", "city": "Hamburg"}
    made = await issued(
        api, {**draft, **said, "delivery": delivery, "period": {"start": "2026-11-01", "end": "2026-11-20"}}
    )
    assert {name: made[name] for name in said} == said
    assert made["delivery"] == {**delivery, "subdivision": ""}
    assert made["period"] == {"start": "2026-11-01", "end": "2026-11-20"}


async def test_the_rows_of_the_tax_sum_to_what_is_asked(api: Api, draft: dict[str, Any]) -> None:
    lines = [
        {
            **LINE,
            "discounts": [{"reason": "loyal", "percent": "2.5"}],
            "charges": [{"reason": "rush", "amount": "3.10"}],
        },
        {**LINE, "unit_price": "0.0333", "quantity": "301", "tax": {"kind": "vat", "rate_bps": 700}},
    ]
    all_of_it = {
        "discounts": [{"reason": "season", "amount": "7"}],
        "charges": [{"reason": "freight", "amount": "4.99", "tax": VAT}],
    }
    for inclusive in (False, True):
        made = await issued(api, {**draft, "lines": lines, **all_of_it, "prices_include_tax": inclusive})
        rows = made["taxes"]
        assert made["prices_include_tax"] is inclusive
        assert sum(row["base"]["amount"] for row in rows) == made["net"]["amount"]
        assert sum(row["tax"]["amount"] for row in rows) == made["tax"]["amount"]
        assert made["net"]["amount"] + made["tax"]["amount"] == made["total"]["amount"] == made["payable"]["amount"]


@pytest.mark.parametrize(("policy", "tax"), [("per_line", 3), ("per_rate", 2), (None, 2)])
async def test_a_rounding_policy_is_said(api: Api, draft: dict[str, Any], policy: str | None, tax: int) -> None:
    lines = [{**LINE, "unit_price": "0.04"}] * 3  # 0.76 of a cent each
    made = await issued(api, {**draft, "lines": lines, "rounding_policy": policy})
    assert made["tax"]["amount"] == tax


async def test_a_deposit_is_taken_from_the_customers_credit(api: Api, draft: dict[str, Any]) -> None:
    customer_id = await customer_of(api)
    paid = (await received(api, 5000, "deposit", customer_id=customer_id)).json()
    wanted = {**draft, "buyer": None, "customer_id": customer_id, "prepaid": "50.00", "prepaid_receipts": [paid["id"]]}
    made = await issued(api, wanted)
    assert cents(made, "total", "prepaid", "payable", "paid", "owed") == [11900, 5000, 6900, 5000, 6900]
    assert made["state"] == "partly_paid"
    spent = (await api.get(f"/v1/receipts/{paid['id']}")).json()["applications"]
    assert [(one["kind"], one["invoice_id"], one["applied"]["amount"]) for one in spent] == [
        ("credit", made["id"], 5000)
    ]
    again = (await api.post("/v1/invoices", wanted)).json()
    answer = await api.post(f"/v1/invoices/{again['id']}/finalize", {"send": False})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "prepaid")
    assert "receipt first" in answer.json()["errors"][0]["message"]


async def test_cash_is_rounded_to_the_smallest_coin(api: Api, draft: dict[str, Any]) -> None:
    line = {**LINE, "unit_price": "9.27", "tax": {"kind": "vat", "rate_bps": 810}}
    made = await issued(api, {**draft, "currency": "CHF", "lines": [line], "cash_rounding": True, **_in_euros("1.07")})
    assert cents(made, "total", "rounding", "payable", "owed") == [1002, -2, 1000, 1000]
    listed = (await api.get("/v1/aged-receivables")).json()["data"]
    assert [row["total"]["amount"] for row in listed] == [1000]


def _in_euros(rate: str) -> dict[str, Any]:
    return {"tax_currency": "EUR", "tax_rate": {"rate": rate, "on": str(TODAY), "source": "agreed"}}


async def test_the_tax_is_stated_in_the_currency_of_the_state_that_takes_it(api: Api, draft: dict[str, Any]) -> None:
    await api.post("/v1/rates", {"base": "USD", "quote": "EUR", "rate": "0.9", "valid_from": str(TODAY)})
    by_law = await issued(api, {**draft, "currency": "USD"})
    assert by_law["tax_in_tax_currency"] == {"amount": 1710, "currency": "EUR"}
    assert (by_law["tax_rate"]["quote_units"], by_law["tax_rate"]["source"]) == ("0.9", "manual")
    said = await issued(api, {**draft, "currency": "USD", **_in_euros("0.8")})
    assert (said["tax_in_tax_currency"]["amount"], said["tax_rate"]["source"]) == (1520, "agreed")


async def test_without_a_rate_the_refusal_says_what_to_give(api: Api, draft: dict[str, Any]) -> None:
    made = (await api.post("/v1/invoices", {**draft, "currency": "USD"})).json()
    answer = await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False})
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (422, "tax_rate")
    assert "give tax_rate yourself" in error["message"]


async def test_sales_tax_is_given_by_line_and_jurisdiction(client: Any, draft: dict[str, Any]) -> None:
    from orchestrator.access import service

    merchant = await service.create_merchant("Inc", {**PROFILE, "country": "US", "vat_id": "", "bank": None})
    api = Api(client, merchant.id, await service.create_api_key(merchant.id, "test", service.ALL_SCOPES))
    taxes = [
        {"jurisdiction": "US-NY", "name": "State", "percent": "4", "amount": "4.00", "taxable": "100"},
        {"jurisdiction": "New York City", "percent": "4.5", "amount": "4.50"},
    ]
    line = {**LINE, "tax": {"kind": "sales_tax"}, "sales_taxes": taxes}
    buyer = {"name": "Co", "country": "US", "subdivision": "NY"}
    made = await issued(api, {**draft, "currency": "USD", "lines": [line], "buyer": buyer})
    assert cents(made, "net", "tax", "total") == [10000, 850, 10850]


async def test_instalments_and_a_deposit_are_told_with_their_days(api: Api, draft: dict[str, Any]) -> None:
    parts = [
        {"due": {"type": "due_on_receipt"}, "amount": {"minor": 2000, "currency": "EUR"}},
        {"due": {"type": "net_days", "days": 30}, "share_bps": 5000},
        {"due": {"type": "net_days", "days": 60}, "share_bps": 5000},
    ]
    made = await issued(api, {**draft, "payment_terms": {"type": "agreed_terms", "instalments": parts}})
    assert [(one["due_date"], one["amount"]["amount"]) for one in made["instalments"]] == [
        (str(TODAY), 2000),
        (str(TODAY + timedelta(days=30)), 4950),
        (str(TODAY + timedelta(days=60)), 4950),
    ]


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (
            {"instalments": [{"due": {"type": "net_days", "days": 3}, "amount": {"minor": 100, "currency": "EUR"}}]},
            "payment_terms.instalments",
        ),
        (
            {"due": {"type": "net_days", "days": 5}, "early_payment": {"steps": [{"days": 10, "discount_bps": 200}]}},
            "payment_terms.early_payment.steps[0].days",
        ),
    ],
)
async def test_terms_that_do_not_fit_are_refused_at_the_draft(
    api: Api, draft: dict[str, Any], terms: dict[str, Any], field: str
) -> None:
    body = {**draft, "payment_terms": {"type": "agreed_terms", **terms}}
    made = (await api.post("/v1/invoices", draft)).json()
    put = await api.client.put(f"/v1/invoices/{made['id']}", json=body, headers=api.headers())
    for answer in (await api.post("/v1/invoices", body), await api.post("/v1/quotes", body), put):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"].startswith(field)


async def test_a_transfer_pays_the_invoice_that_its_text_names(api: Api, draft: dict[str, Any]) -> None:
    customer_id = await customer_of(api)
    first, second = [await issued(api, {**draft, "buyer": None, "customer_id": customer_id}) for _ in range(2)]
    paid = await received(api, 11900, "r1", remittance=f"Rechnung {second['number']}")
    assert (paid.json()["customer_id"], paid.json()["remittance"]) == (customer_id, f"Rechnung {second['number']}")
    assert [one["invoice_id"] for one in paid.json()["applications"]] == [second["id"]]
    unknown = (await received(api, 100, "r2", customer_id=customer_id, remittance="thanks")).json()
    assert unknown["credited"]["amount"] == 100
    oldest = await received(api, 100, "r3", customer_id=customer_id, remittance="thanks", unmatched="oldest_first")
    assert [one["invoice_id"] for one in oldest.json()["applications"]] == [first["id"]]
    nobody = await received(api, 100, "r4", remittance="thanks")
    assert (nobody.status_code, nobody.json()["errors"][0]["field"]) == (409, "customer_id")


async def test_a_receipt_in_another_currency_shows_the_difference(api: Api, draft: dict[str, Any]) -> None:
    customer_id = await customer_of(api)
    await issued(api, {**draft, "currency": "USD", "buyer": None, "customer_id": customer_id, **_in_euros("0.9")})
    conversion = {"currency": "USD", "rate": "0.88", "on": str(TODAY)}
    paid = (await received(api, 10472, "r1", customer_id=customer_id, conversion=conversion)).json()
    [row] = paid["applications"]
    assert row["moved"] == {"amount": 10472, "currency": "EUR"}
    assert row["fx_difference"] == {"amount": -238, "currency": "EUR"}


async def test_a_base_rate_is_entered_corrected_and_in_the_audit_log(api: Api) -> None:
    path = "/v1/base-rates/ecb"
    built_in = (await api.get(path)).json()["data"]
    entered = {"since": "2026-07-01", "rate_bps": 215, "source": "read at the ECB"}
    for rate_bps in (215, 240, 240):
        body = {**entered, "rate_bps": rate_bps}
        answer = await api.client.put(path, json=body, headers=api.headers())
        assert (answer.status_code, answer.json()["rate_bps"]) == (200, rate_bps)
    found = (await api.get(path)).json()["data"]
    assert found == [{"object": "base_rate", "series": "ecb", **entered, "rate_bps": 240}, *built_in]
    log = (await api.get("/v1/audit-log", params={"action": "base_rate.entered"})).json()["data"]
    assert [entry["after"]["rate_bps"] for entry in log if entry["action"] == "base_rate.entered"] == [240, 215]


async def test_a_base_rate_of_another_merchant_does_not_count(api: Api, other: Api) -> None:
    body = {"since": "2027-01-01", "rate_bps": 1, "source": "x"}
    await api.client.put("/v1/base-rates/poland", json=body, headers=api.headers())
    assert (await other.get("/v1/base-rates/poland")).json()["data"] == []


@pytest.mark.parametrize(
    ("series", "change", "field"),
    [
        ("ecb", {"since": "2026-08-01"}, "base_rate.since"),
        ("ecb", {"rate_bps": 20_000}, "rate_bps"),
        ("ecb", {"source": " "}, "base_rate.source"),
        ("fed", {}, "series"),
    ],
)
async def test_a_base_rate_that_cannot_be_is_refused(api: Api, series: str, change: dict[str, Any], field: str) -> None:
    body = {"since": "2026-07-01", "rate_bps": 215, "source": "x", **change}
    answer = await api.client.put(f"/v1/base-rates/{series}", json=body, headers=api.headers())
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_only_finance_enters_a_base_rate(client: Any) -> None:
    reader = await merchant_api(client, "R", ("invoices:read",))
    assert (await reader.get("/v1/base-rates/ecb")).status_code == 200
    body = {"since": "2026-07-01", "rate_bps": 215, "source": "x"}
    answer = await client.put("/v1/base-rates/ecb", json=body, headers=reader.headers())
    assert answer.status_code == 403


async def test_terms_come_from_the_document_then_the_customer_then_the_merchant(
    api: Api, draft: dict[str, Any]
) -> None:
    customer_id = await customer_of(api)
    theirs, ours = f"/v1/customers/{customer_id}/payment-terms", "/v1/merchant/payment-terms"

    async def due_in_days(**change: Any) -> int:
        made = await issued(api, {**draft, "buyer": None, "customer_id": customer_id, **change})
        return (date.fromisoformat(made["due_date"]) - TODAY).days

    assert await due_in_days() == 0
    for path, days in ((ours, 30), (theirs, 10)):
        said = {"due": {"type": "net_days", "days": days}}
        assert (await api.client.put(path, json=said, headers=api.headers())).json() == said
        assert (await api.get(path)).json() == said
        assert await due_in_days() == days
    assert await due_in_days(terms={"net_days": 3}) == 3
    assert (await issued(api, draft))["due_date"] == str(TODAY + timedelta(days=30))


async def test_terms_of_a_customer_that_contradict_themselves_are_refused(api: Api) -> None:
    path = f"/v1/customers/{await customer_of(api)}/payment-terms"
    part = {"due": {"type": "due_on_receipt"}, "share_bps": 10_000}
    said = {"instalments": [part], "early_payment": {"steps": [{"days": 10, "discount_bps": 200}]}}
    answer = await api.client.put(path, json=said, headers=api.headers())
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "early_payment")


async def test_what_a_line_and_the_document_come_to_is_told_with_each_discount_and_charge(api: Api) -> None:
    line = {
        "description": "Strings",
        "quantity": "2.5",
        "unit_price": "12.3456",
        "tax": {"kind": "vat", "rate_bps": 1900},
        "item_number": "S-100",
        "discounts": [{"reason": "Loyalty", "percent": "5"}],
        "charges": [{"reason": "Cutting", "amount": "1.50"}],
    }
    body = {
        "currency": "EUR",
        "buyer": {"name": "Beta GmbH", "country": "DE"},
        "lines": [line],
        "discounts": [{"reason": "Autumn", "amount": "2"}],
    }
    made = (await api.post("/v1/invoices", body)).json()
    for told in (made, (await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False})).json()):
        [row] = told["lines"]
        assert (row["net"]["amount"], row["item_number"]) == (3082, "S-100")
        [discount], [charge], [whole] = row["discounts"], row["charges"], told["discounts"]
        assert (discount["reason"], discount["percent"], discount["amount"]["amount"]) == ("Loyalty", "5", 154)
        assert (charge["percent"], charge["amount"]["amount"]) == (None, 150)
        assert (whole["reason"], whole["amount"]["amount"], told["charges"]) == ("Autumn", 200, [])
        assert row["net"]["amount"] - whole["amount"]["amount"] == told["net"]["amount"]
