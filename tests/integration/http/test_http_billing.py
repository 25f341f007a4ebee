"""Credit notes, quotes, receipts, series, batches and reports over HTTP."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from http_driving import Api
from openpyxl import load_workbook

TODAY = datetime.now(UTC).date()
VAT = {"kind": "vat", "rate_bps": 1900}


@pytest.fixture
def draft() -> dict[str, Any]:
    lines = [{"description": "Work", "quantity": "1", "unit_price": "100", "tax": VAT}]
    return {"currency": "EUR", "lines": lines, "buyer": {"name": "Beta GmbH", "country": "DE"}}


async def issued(api: Api, draft: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = (await api.post("/v1/invoices", {**draft, **more.pop("body", {})})).json()
    answer = await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def customer_of(api: Api) -> str:
    new = {"name": "Beta GmbH", "email": "ap@beta.example", "country": "DE"}
    return str((await api.post("/v1/customers", new)).json()["id"])


async def received(api: Api, amount: int, customer_id: str, currency: str = "EUR", **more: Any) -> Any:
    body = {"amount": {"amount": amount, "currency": currency}, "reference": "r1", "received_on": str(TODAY)}
    return await api.post("/v1/receipts", {**body, "customer_id": customer_id, **more})


async def test_a_draft_is_replaced_and_deleted_and_what_was_issued_is_not(api: Api, draft: dict[str, Any]) -> None:
    made = (await api.post("/v1/invoices", draft)).json()
    path = f"/v1/invoices/{made['id']}"
    line = {**draft["lines"][0], "unit_price": "50"}
    changed = await api.client.put(path, json={**draft, "lines": [line], "reference": "po-7"}, headers=api.headers())
    assert (changed.json()["net"]["amount"], changed.json()["reference"]) == (5000, "po-7")
    final = await issued(api, draft)
    for method in ("put", "delete"):
        body = {"json": draft} if method == "put" else {}
        answer = await api.client.request(method, f"/v1/invoices/{final['id']}", headers=api.headers(), **body)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert (await api.client.delete(path, headers=api.headers())).status_code == 204
    assert (await api.get(path)).status_code == 404


async def test_a_credit_note_of_a_part_and_then_of_the_rest(api: Api, draft: dict[str, Any]) -> None:
    invoice = await issued(api, draft)
    part = {"invoice_id": invoice["id"], "parts": [{"item": 0, "amount": "40"}], "send": False}
    first = (await api.post("/v1/credit-notes", part)).json()
    assert (first["object"], first["total"]["amount"], first["number"]) == (
        "credit_note",
        4760,
        f"CN-{TODAY.year}-00001",
    )
    rest = (await api.post("/v1/credit-notes", {"invoice_id": invoice["id"], "send": False})).json()
    assert rest["total"]["amount"] == 7140
    again = await api.post("/v1/credit-notes", {"invoice_id": invoice["id"], "send": False})
    assert (again.status_code, again.json()["code"]) == (422, "invalid_invoice")
    after = (await api.get(f"/v1/invoices/{invoice['id']}")).json()
    assert (after["state"], after["credited"]["amount"], after["owed"]["amount"]) == ("credited", 11900, 0)
    listed = (await api.get("/v1/credit-notes", params={"invoice_id": invoice["id"]})).json()["data"]
    assert [one["id"] for one in listed] == [rest["id"], first["id"]]
    balances = (await api.get("/v1/ledger/balances")).json()["data"]
    assert all(row["balance"]["amount"] == 0 for row in balances)


async def test_a_credit_note_is_no_invoice_and_an_invoice_no_credit_note(api: Api, draft: dict[str, Any]) -> None:
    invoice = await issued(api, draft)
    note = (await api.post("/v1/credit-notes", {"invoice_id": invoice["id"], "send": False})).json()
    assert (await api.get(f"/v1/invoices/{note['id']}")).status_code == 404
    assert (await api.get(f"/v1/credit-notes/{invoice['id']}")).status_code == 404


async def test_a_quote_becomes_an_invoice_once(api: Api, draft: dict[str, Any]) -> None:
    quote = (await api.post("/v1/quotes", {**draft, "valid_until": str(TODAY)})).json()
    early = await api.post(f"/v1/quotes/{quote['id']}/accept")
    assert (early.status_code, early.json()["code"]) == (409, "conflict")
    sent = (await api.post(f"/v1/quotes/{quote['id']}/finalize", {"send": False})).json()
    assert (sent["state"], sent["number"], sent["expired"]) == ("issued", f"QUO-{TODAY.year}-00001", False)
    invoice = (await api.post(f"/v1/quotes/{quote['id']}/accept")).json()
    assert (invoice["object"], invoice["state"], invoice["origin_id"]) == ("invoice", "draft", quote["id"])
    assert (await api.post(f"/v1/quotes/{quote['id']}/accept")).status_code == 409
    assert (invoice["quote_id"], sent["invoice_id"]) == (quote["id"], None)
    now = (await api.get(f"/v1/quotes/{quote['id']}")).json()
    listed = (await api.get("/v1/quotes")).json()["data"][0]
    assert now["invoice_id"] == listed["invoice_id"] == invoice["id"]
    assert (await api.get(f"/v1/invoices/{invoice['id']}")).json()["quote_id"] == quote["id"]
    assert (await issued(api, draft))["number"] == f"INV-{TODAY.year}-00001"
    balances = (await api.get("/v1/ledger/balances")).json()["data"]
    assert {row["account"]: row["balance"]["amount"] for row in balances}["customer_receivable"] == 11900


async def test_a_quote_is_not_accepted_after_its_last_day(api: Api, draft: dict[str, Any]) -> None:
    yesterday = str(TODAY - timedelta(days=1))
    quote = (await api.post("/v1/quotes", {**draft, "valid_until": yesterday})).json()
    late = await api.post(f"/v1/quotes/{quote['id']}/finalize", {"send": False})
    assert (late.status_code, late.json()["errors"][0]["field"]) == (422, "valid_until")
    before = {"send": False, "issue_date": yesterday}
    sent = (await api.post(f"/v1/quotes/{quote['id']}/finalize", before)).json()
    refused = await api.post(f"/v1/quotes/{quote['id']}/accept")
    assert (sent["expired"], refused.status_code, refused.json()["errors"][0]["field"]) == (True, 409, "valid_until")


async def test_a_pro_forma_has_a_series_of_its_own(api: Api, draft: dict[str, Any]) -> None:
    made = (await api.post("/v1/quotes", {**draft, "kind": "proforma"})).json()
    sent = (await api.post(f"/v1/quotes/{made['id']}/finalize", {"send": False})).json()
    assert (sent["kind"], sent["number"]) == ("proforma", f"PRO-{TODAY.year}-00001")
    assert [one["id"] for one in (await api.get("/v1/quotes", params={"kind": "proforma"})).json()["data"]] == [
        made["id"]
    ]
    assert (await api.get("/v1/invoices")).json()["data"] == []


async def test_money_from_the_bank_pays_and_the_rest_can_be_spent(api: Api, draft: dict[str, Any]) -> None:
    customer = await customer_of(api)
    mine = {"body": {"customer_id": customer, "buyer": None}}
    first = await issued(api, draft, **mine)
    answer = await received(api, 20000, customer)
    receipt = answer.json()
    assert (answer.status_code, receipt["number"], receipt["credited"]["amount"]) == (
        201,
        f"RCT-{TODAY.year}-00001",
        8100,
    )
    assert [row["invoice_id"] for row in receipt["applications"]] == [first["id"]]
    second = await issued(api, draft, **mine)
    too_much = {"amount": {"amount": 8101, "currency": "EUR"}}
    assert (await api.post(f"/v1/invoices/{second['id']}/apply-credit", too_much)).status_code == 422
    spent = (await api.post(f"/v1/invoices/{second['id']}/apply-credit")).json()
    assert (spent["state"], spent["owed"]["amount"]) == ("partly_paid", 3800)
    assert (await api.get("/v1/customer-credits")).json()["data"] == []
    rows = (await api.get(f"/v1/invoices/{second['id']}/payments")).json()["data"]
    assert [(row["kind"], row["applied"]["amount"]) for row in rows] == [("credit", 8100)]


async def test_an_agreed_discount_is_taken_by_an_early_receipt(api: Api, draft: dict[str, Any]) -> None:
    customer = await customer_of(api)
    terms = {
        "type": "agreed_terms",
        "due": {"type": "net_days", "days": 30},
        "early_payment": {"steps": [{"days": 10, "discount_bps": 200}]},
    }
    body = {"customer_id": customer, "buyer": None, "payment_terms": terms}
    invoice = await issued(api, draft, body=body)
    await received(api, 11662, customer)
    after = (await api.get(f"/v1/invoices/{invoice['id']}")).json()
    assert (after["state"], after["discount"]["amount"]) == ("paid", 238)


async def test_dollars_pay_euros_at_the_agreed_rate_and_show_the_difference(api: Api, draft: dict[str, Any]) -> None:
    customer = await customer_of(api)
    invoice = await issued(api, draft, body={"customer_id": customer, "buyer": None})
    part = [{"invoice_id": invoice["id"], "amount": 11900}]
    without = await received(api, 14161, customer, "USD", parts=part)
    assert (without.status_code, without.json()["errors"][0]["field"]) == (409, "rate")
    conversion = {"currency": "EUR", "rate": "1.19", "booked_rate": "1.10", "on": str(TODAY)}
    answer = await received(api, 14161, customer, "USD", conversion=conversion)
    assert (answer.status_code, answer.json()["credited"]["amount"]) == (201, 0)
    assert (await api.get(f"/v1/invoices/{invoice['id']}")).json()["state"] == "paid"
    rows = (await api.get("/v1/ledger/balances")).json()["data"]
    assert [row["balance"]["amount"] for row in rows if row["account"] == "fx_difference"] == [-1071]


async def test_nobody_pays_another_merchants_invoice(api: Api, other: Api, draft: dict[str, Any]) -> None:
    theirs = await issued(other, draft)
    part = [{"invoice_id": theirs["id"], "amount": 100}]
    assert (await received(api, 100, "", parts=part)).status_code == 404
    assert (await api.post("/v1/credit-notes", {"invoice_id": theirs["id"]})).status_code == 404
    for verb in ("reissue", "duplicate", "apply-credit", "write-off", "mark-uncollectible", "dispute", "end-dispute"):
        assert (await api.post(f"/v1/invoices/{theirs['id']}/{verb}")).status_code == 404, verb
    begun = (await api.post("/v1/invoice-batches", {"invoice_ids": [theirs["id"]]})).json()
    assert (await other.get(f"/v1/invoice-batches/{begun['id']}")).status_code == 404
    assert (await other.get(f"/v1/invoices/{theirs['id']}")).json()["state"] == "open"


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"type": "net_days", "days": 0}, "payment_terms.days"),
        (
            {"type": "agreed_terms", "early_payment": {"steps": [{"days": 10, "discount_bps": 0}]}},
            "payment_terms.early_payment.steps[0].discount_bps",
        ),
        ({"type": "some_day"}, "payment_terms"),
    ],
)
async def test_terms_that_cannot_be_are_refused_by_field(
    api: Api, draft: dict[str, Any], terms: dict[str, Any], field: str
) -> None:
    answer = await api.post("/v1/invoices", {**draft, "payment_terms": terms})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith(field)


async def test_one_pattern_is_of_one_series(api: Api) -> None:
    rule = {"kind": "invoice", "pattern": "A-{seq}"}
    for name in ("first", "second"):
        answer = await api.client.put(f"/v1/number-series/{name}", json=rule, headers=api.headers())
    assert (answer.status_code, answer.json()["code"]) == (409, "series_taken")
    other = {"kind": "invoice", "pattern": "B-{seq}"}
    await api.client.put("/v1/number-series/second", json=other, headers=api.headers())
    answer = await api.client.put("/v1/number-series/second", json=rule, headers=api.headers())
    assert (answer.status_code, answer.json()["code"]) == (409, "series_taken")


@pytest.mark.parametrize(
    ("change", "field"),
    [({"amount": None}, "amount"), ({"reference": " "}, "reference"), ({"received_on": None}, "received_on")],
)
async def test_a_receipt_that_says_too_little_is_refused(api: Api, change: dict[str, Any], field: str) -> None:
    whole = {"amount": {"amount": 1, "currency": "EUR"}, "reference": "r1", "received_on": str(TODAY)}
    answer = await api.post("/v1/receipts", {**whole, **change})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_an_invoice_is_given_up_and_contested(api: Api, draft: dict[str, Any]) -> None:
    invoice, other = await issued(api, draft), await issued(api, draft)
    part = {"amount": {"amount": 900, "currency": "EUR"}}
    assert (await api.post(f"/v1/invoices/{invoice['id']}/write-off", part)).json()["owed"]["amount"] == 11000
    gone = (await api.post(f"/v1/invoices/{invoice['id']}/mark-uncollectible")).json()
    assert (gone["state"], gone["written_off"]["amount"], gone["owed"]["amount"]) == ("uncollectible", 11900, 0)
    contested = (await api.post(f"/v1/invoices/{other['id']}/dispute", {"reason": "never ordered"})).json()
    assert contested["disputed_at"] is not None
    found = (await api.get("/v1/invoices", params={"disputed": "true"})).json()["data"]
    assert [one["id"] for one in found] == [other["id"]]
    assert (await api.post(f"/v1/invoices/{other['id']}/end-dispute")).json()["disputed_at"] is None
    events = (await api.get("/v1/events", params={"object_id": other["id"]})).json()["data"]
    assert [event["type"] for event in events][:2] == ["invoice.dispute_ended", "invoice.disputed"]


async def test_invoices_are_found_by_what_they_say(api: Api, draft: dict[str, Any]) -> None:
    first = await issued(api, draft, body={"reference": "job_7%", "terms": {"net_days": 10}})
    await api.post("/v1/rates", {"base": "CHF", "quote": "EUR", "rate": "1.07"})  # the tax is stated in euros, too
    second = await issued(api, draft, body={"buyer": {"name": "Gamma 100% AG", "country": "CH"}, "currency": "CHF"})
    copied = (await api.post(f"/v1/invoices/{first['id']}/duplicate")).json()
    theirs = await issued(api, draft, body={"buyer": None, "customer_id": await customer_of(api), "currency": "EUR"})
    due = str(TODAY + timedelta(days=10))
    for params, expected in (
        ({"number": first["number"]}, [first]),
        ({"reference": "job_7%"}, [copied, first]),
        ({"currency": "CHF"}, [second]),
        ({"amount": 11900}, [theirs, copied, second, first]),
        ({"amount": 11900, "currency": "EUR", "state": "open"}, [theirs, first]),
        ({"state": "draft"}, [copied]),
        ({"origin_id": first["id"]}, [copied]),
        ({"customer_id": theirs["customer_id"]}, [theirs]),
        ({"disputed": "false", "state": "open"}, [theirs, second, first]),
        ({"limit": 1, "starting_after": theirs["id"]}, [copied]),
        ({"due_from": due}, [first]),
        ({"due_to": str(TODAY)}, [theirs, second]),
        ({"q": "gamma"}, [second]),
        ({"q": "0%"}, [second]),
        ({"q": "b_7"}, [copied, first]),
        ({"q": "%"}, [copied, second, first]),
        ({"q": "00002"}, [second]),
        ({"q": "nobody"}, []),
    ):
        found = (await api.get("/v1/invoices", params=params)).json()["data"]
        assert [one["id"] for one in found] == [one["id"] for one in expected], params


async def test_a_merchant_sets_its_series(api: Api, draft: dict[str, Any]) -> None:
    rule = {"kind": "invoice", "pattern": "{year}/{month}-{seq:04}", "reset": "monthly"}
    path = "/v1/number-series/invoice"
    answer = await api.client.put(path, json=rule, headers=api.headers())
    assert (answer.status_code, answer.json()["reset"]) == (200, "monthly")
    month = (TODAY.replace(day=1) - timedelta(days=1)).replace(day=1)
    first, second = await issued(api, draft), await issued(api, draft)
    before = await issued(api, draft, issue_date=str(month))
    assert [one["number"][-4:] for one in (first, second, before)] == ["0001", "0002", "0001"]
    assert before["number"] == f"{month.year}/{month.month:02}-0001"
    rows = (await api.get("/v1/number-series")).json()["data"]
    assert {row["series"]: row["next_number"] for row in rows if row["counts_for"]} == {
        f"invoice:{TODAY:%Y-%m}": 3,
        f"invoice:{month:%Y-%m}": 2,
    }


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"kind": "invoice", "pattern": "INV"}, "invalid_number_pattern"),
        ({"kind": "invoice", "pattern": "INV-{seq}", "reset": "yearly"}, "invalid_number_pattern"),
        ({"kind": "quote", "pattern": "Q-{seq}"}, "series_taken"),
        ({"kind": "invoice", "pattern": "INV-{year}-{seq:05}", "next_number": 1}, "invalid_number_pattern"),
    ],
)
async def test_a_series_that_would_repeat_numbers_is_refused(
    api: Api, draft: dict[str, Any], rule: dict[str, Any], code: str
) -> None:
    await issued(api, draft)
    answer = await api.client.put("/v1/number-series/invoice", json=rule, headers=api.headers())
    assert (answer.status_code in (409, 422), answer.json()["code"]) == (True, code)


async def test_a_number_that_another_document_has_is_refused(api: Api, draft: dict[str, Any]) -> None:
    await issued(api, draft)
    rule = {"kind": "invoice", "pattern": f"INV-{TODAY.year}-" + "{seq:05}"}
    await api.client.put("/v1/number-series/second", json=rule, headers=api.headers())
    made = (await api.post("/v1/invoices", draft)).json()
    answer = await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False, "series": "second"})
    assert (answer.status_code, answer.json()["code"]) == (409, "series_taken")


async def test_a_batch_issues_what_it_can_and_says_what_it_cannot(api: Api, draft: dict[str, Any]) -> None:
    from orchestrator.billing import batches

    made = [(await api.post("/v1/invoices", draft)).json()["id"] for _ in range(3)]
    done = await issued(api, draft)
    begun = await api.post("/v1/invoice-batches", {"invoice_ids": [*made, done["id"], "inv_none"], "send": False})
    batch = begun.json()
    assert (begun.status_code, batch["waiting"], batch["finished_at"]) == (202, 5, None)
    for _ in range(2):
        await batches.work(batch["id"])
    after = (await api.get(f"/v1/invoice-batches/{batch['id']}")).json()
    assert (after["waiting"], after["issued"], after["refused"]) == (0, 3, 2)
    refused = [(item["invoice_id"], item["code"]) for item in after["refused_items"]]
    assert refused == [(done["id"], "conflict"), ("inv_none", "not_found")]
    numbers = [(await api.get(f"/v1/invoices/{one}")).json()["number"] for one in made]
    assert numbers == [f"INV-{TODAY.year}-{seq:05}" for seq in (2, 3, 4)]


async def test_a_batch_counts_what_failed_and_tells_nothing_of_the_error(api: Api, draft: dict[str, Any]) -> None:
    from orchestrator.billing import batches
    from orchestrator.db import fetch

    made = [(await api.post("/v1/invoices", draft)).json()["id"] for _ in range(2)]
    await fetch("UPDATE invoice SET draft = '{}' WHERE id = $1", made[0])
    batch = (await api.post("/v1/invoice-batches", {"invoice_ids": made, "send": False})).json()
    for _ in range(batches.TRIES_MAX - 1):
        with pytest.raises(ExceptionGroup):
            await batches.work(batch["id"])
    await batches.work(batch["id"])
    after = (await api.get(f"/v1/invoice-batches/{batch['id']}")).json()
    assert (after["waiting"], after["issued"], after["refused"], after["failed"]) == (0, 1, 0, 1)
    [item] = after["refused_items"]
    assert (item["invoice_id"], item["code"]) == (made[0], "internal_error")
    assert "5 times" in item["message"]
    assert "draft`" not in item["message"]


async def test_the_sales_journal_has_every_tax_and_runs_no_formula(api: Api, draft: dict[str, Any]) -> None:
    reduced = {**draft["lines"][0], "tax": {"kind": "vat", "rate_bps": 700}}
    buyer = {"name": "=cmd|' /C calc'!A0", "country": "DE"}
    invoice = await issued(api, draft, body={"lines": [draft["lines"][0], reduced], "buyer": buyer})
    await api.post("/v1/credit-notes", {"invoice_id": invoice["id"], "parts": [{"item": 1}], "send": False})
    params = {"from": str(TODAY), "to": str(TODAY)}
    answer = await api.get("/v1/sales-journal", params=params)
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert sorted((row["document"], row["rate_percent"], row["net"], row["tax_amount"]) for row in rows) == [
        ("credit_note", "7.00", "-100.00", "-7.00"),
        ("invoice", "19.00", "100.00", "19.00"),
        ("invoice", "7.00", "100.00", "7.00"),
    ]
    assert {row["buyer"][0] for row in rows} == {"'"}
    book = await api.get("/v1/sales-journal", params={**params, "format": "xlsx"})
    sheet = load_workbook(io.BytesIO(book.content)).active
    assert [cell.value for cell in sheet[1]][:3] == ["date", "document", "number"]
    assert {cell.data_type for row in sheet.iter_rows(min_row=2) for cell in row} <= {"s", "n", "d"}
    assert sum(sheet.cell(row, 12).value for row in range(2, 5)) == 100


async def test_receivables_are_told_by_age_and_the_statement_by_movement(api: Api, draft: dict[str, Any]) -> None:
    customer = await customer_of(api)
    mine = {"customer_id": customer, "buyer": None}
    for age in (91, 90, 61, 60, 31, 30, 1, 0):
        await issued(api, draft, body=mine, issue_date=str(TODAY - timedelta(days=age)))
    found = (await api.get("/v1/aged-receivables")).json()
    [total] = found["totals"]
    names = ("not_due", "days_1_to_30", "days_31_to_60", "days_61_to_90", "days_over_90")
    assert [total[name]["amount"] // 11900 for name in names] == [1, 2, 2, 2, 1]
    await received(api, 8 * 11900 + 100, customer)
    assert (await api.get("/v1/aged-receivables")).json()["data"] == []
    params = {"from": str(TODAY), "to": str(TODAY)}
    [account] = (await api.get(f"/v1/customers/{customer}/statements", params=params)).json()["data"]
    assert (account["opening"]["amount"], account["closing"]["amount"]) == (7 * 11900, -100)
    assert {move["kind"] for move in account["movements"]} == {"invoice", "receipt"}
    assert account["movements"][-1]["balance"] == account["closing"]


async def test_a_day_that_is_none_is_refused(api: Api) -> None:
    for path, params in (
        ("/v1/sales-journal", {"from": "2026-02-30", "to": "2026-03-01"}),
        ("/v1/sales-journal", {"from": str(date(2026, 3, 2)), "to": str(date(2026, 3, 1))}),
    ):
        assert (await api.get(path, params=params)).status_code in (400, 422)
