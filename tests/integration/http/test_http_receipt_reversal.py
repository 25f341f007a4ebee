"""Receipts taken back and credit paid out, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from http_driving import Api

TODAY = datetime.now(UTC).date()
VAT = {"kind": "vat", "rate_bps": 1900}
BACK = {"reason": "Direct debit returned: AM04", "reversed_on": str(TODAY)}


async def customer_of(api: Api) -> str:
    new = {"name": "Beta GmbH", "email": "ap@beta.example", "country": "DE"}
    return str((await api.post("/v1/customers", new)).json()["id"])


async def invoice_of(api: Api, customer_id: str) -> str:
    lines = [{"description": "Work", "quantity": "1", "unit_price": "100", "tax": VAT}]
    made = (await api.post("/v1/invoices", {"currency": "EUR", "lines": lines, "customer_id": customer_id})).json()
    answer = await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False})
    assert answer.status_code == 200, answer.text
    return str(made["id"])


async def received(api: Api, customer_id: str, amount: int, reference: str = "r1") -> dict[str, Any]:
    body = {"amount": {"amount": amount, "currency": "EUR"}, "reference": reference, "received_on": str(TODAY)}
    answer = await api.post("/v1/receipts", {**body, "customer_id": customer_id})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def payout(customer_id: str, amount: int, reference: str = "p1") -> dict[str, Any]:
    money = {"amount": amount, "currency": "EUR"}
    return {"customer_id": customer_id, "amount": money, "reference": reference, "paid_on": str(TODAY)}


async def test_money_that_has_not_come_yet_is_no_receipt(api: Api) -> None:
    body = {"amount": {"amount": 100, "currency": "EUR"}, "customer_id": await customer_of(api), "reference": "r1"}
    answer = await api.post("/v1/receipts", {**body, "received_on": str(TODAY + timedelta(days=3))})
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["field"], error["message"][:25]) == ("received_on", "must not be in the future")
    assert (await api.get("/v1/receipts")).json()["data"] == []
    assert (await api.post("/v1/receipts", {**body, "received_on": str(TODAY)})).status_code == 201


async def test_a_receipt_is_reversed_once_and_keeps_its_number(api: Api) -> None:
    customer_id = await customer_of(api)
    invoice_id = await invoice_of(api, customer_id)
    made = await received(api, customer_id, 12_000)
    assert (made["state"], made["reversal"]) == ("recorded", None)
    path = f"/v1/receipts/{made['id']}/reverse"
    first = await api.post(path, BACK, key="k")
    assert first.status_code == 200, first.text
    again = await api.post(path, BACK, key="k")
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    assert (await api.post(path, BACK)).json() == first.json()
    back = (await api.get(f"/v1/receipts/{made['id']}")).json()
    assert (back["state"], back["number"]) == ("reversed", made["number"])
    assert {name: back["reversal"][name] for name in BACK} == BACK
    assert [row["applied"]["amount"] for row in back["applications"]] == [11_900, -11_900]
    invoice = (await api.get(f"/v1/invoices/{invoice_id}")).json()
    assert (invoice["state"], invoice["owed"]["amount"]) == ("open", 11_900)
    assert (await api.get("/v1/customer-credits")).json()["data"] == []
    statement = f"/v1/customers/{customer_id}/statements?from={TODAY}&to={TODAY}"
    [account] = (await api.get(statement)).json()["data"]
    moves = [(move["kind"], move["amount"]["amount"]) for move in account["movements"]]
    assert sorted(moves[1:]) == [
        ("receipt", -11_900), ("receipt", -100), ("receipt_reversal", 100), ("receipt_reversal", 11_900)
    ]  # fmt: skip
    assert account["closing"]["amount"] == 11_900
    assert (await api.get(statement + "&format=pdf")).status_code == 200
    assert (await api.get(f"/v1/receipts/{made['id']}/pdf")).status_code == 200


async def test_what_cannot_be_reversed_says_why(api: Api) -> None:
    customer_id = await customer_of(api)
    made = await received(api, customer_id, 1_000)
    path = f"/v1/receipts/{made['id']}/reverse"
    for wrong in ({"reason": " "}, {"reversed_on": str(TODAY - timedelta(days=1))}, {"reason": ""}):
        answer = await api.post(path, {**BACK, **wrong})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, next(iter(wrong))), answer.text
    assert (await api.post("/v1/customer-credits/payouts", payout(customer_id, 400))).status_code == 201
    answer = await api.post(path, BACK)
    assert (answer.status_code, answer.json()["code"]) == (409, "credit_paid_out")
    await received(api, customer_id, 400, "r2")
    assert (await api.post(path, BACK)).status_code == 200
    other = await api.post(path, {**BACK, "reason": "another"})
    assert (other.status_code, other.json()["code"]) == (409, "conflict")


async def test_the_receipt_of_a_payment_is_not_reversed_but_the_payment_refunded(api: Api) -> None:
    from currency.money import Money
    from invoicing import application_store
    from invoicing.application_store import ReceiptRow

    row = ReceiptRow(
        id="rct_of_payment",
        merchant_id=api.merchant_id,
        customer_id="",
        number="RCT-9",
        source="payment",
        reference="pay_1",
        amount=Money(100, "EUR"),
        credited=Money(0, "EUR"),
        received_on=TODAY,
        created_at=datetime.now(UTC),
    )
    await application_store.insert_receipt(row)
    answer = await api.post(f"/v1/receipts/{row.id}/reverse", BACK)
    assert answer.status_code == 409
    assert "/v1/payments/pay_1/refunds" in answer.json()["detail"]


async def test_a_payout_is_told_once_and_listed(api: Api, other: Api) -> None:
    customer_id = await customer_of(api)
    await received(api, customer_id, 5_000)
    made = await api.post("/v1/customer-credits/payouts", payout(customer_id, 3_000), key="k")
    assert made.status_code == 201, made.text
    for key in ("k", "another"):
        again = await api.post("/v1/customer-credits/payouts", payout(customer_id, 3_000), key=key)
        assert again.json() == made.json()
    too_much = await api.post("/v1/customer-credits/payouts", payout(customer_id, 2_001, "p2"))
    assert (too_much.status_code, too_much.json()["errors"][0]["field"]) == (422, "amount.amount")
    assert (await api.post("/v1/customer-credits/payouts", payout(customer_id, 1, "p1"))).status_code == 409
    [left] = (await api.get("/v1/customer-credits")).json()["data"]
    assert left["amount"]["amount"] == 2_000
    path = f"/v1/customer-credits/payouts?customer_id={customer_id}"
    assert (await api.get(path)).json()["data"] == [made.json()]
    assert (await other.get(path)).json()["data"] == []
    assert (await other.post("/v1/customer-credits/payouts", payout(customer_id, 1))).status_code == 404
    events = (await api.get("/v1/events")).json()["data"]
    assert [one["type"] for one in events].count("customer_credit.paid_out") == 1
