"""Reminders over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from http_driving import Api

LINE = {"description": "Work", "quantity": "1", "unit_price": "100", "tax": {"kind": "vat", "rate_bps": 1900}}
STEPS = [
    {"offset_days": -2, "level": 0},
    {
        "offset_days": 5,
        "level": 1,
        "deadline_days": 7,
        "fees": [{"amount": 250, "currency": "EUR"}],
        "with_late_charge": True,
        "note": "Please call us.",
    },
]


async def put(api: Api, path: str, body: Any) -> httpx.Response:
    return await api.client.put(path, json=body, headers=api.headers())


async def issued(api: Api, **more: Any) -> dict[str, Any]:
    """An invoice that is due today, of a customer of its own."""
    customer = await api.post("/v1/customers", {"name": "Beta GmbH", "email": "b@beta.example", "country": "DE"})
    body = {"currency": "EUR", "lines": [LINE], "customer_id": customer.json()["id"], **more}
    made = (await api.post("/v1/invoices", body)).json()
    answer = await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False})
    return dict(answer.json())


async def test_the_policy_is_the_default_until_one_is_set(api: Api) -> None:
    default = (await api.get("/v1/reminder-policy")).json()
    assert [step["offset_days"] for step in default["steps"]] == [-3, 3, 14, 28]
    answer = await put(api, "/v1/reminder-policy", {"steps": STEPS, "min_days_between": 2})
    assert answer.status_code == 200
    now = (await api.get("/v1/reminder-policy")).json()
    assert now == answer.json()
    assert now["steps"][1] == STEPS[1]
    assert (now["min_days_between"], now["on_business_days"]) == (2, False)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"level": 0}, "steps[1].level"),
        ({"offset_days": 0}, "steps[1].offset_days"),
        ({"deadline_days": 0}, "steps[1].deadline_days"),
        ({"fees": [{"amount": 250, "currency": "XXY"}]}, "steps[1].fees[0].currency"),
        ({"note": "x" * 501}, "steps[1].note"),
        ({"color": "red"}, "steps[1].color"),
    ],
)
async def test_a_policy_that_cannot_be_names_the_field(api: Api, change: dict[str, Any], field: str) -> None:
    answer = await put(api, "/v1/reminder-policy", {"steps": [STEPS[0], {**STEPS[1], **change}]})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_reminder_by_hand_is_written_once_for_each_key(api: Api) -> None:
    invoice = await issued(api)
    path = f"/v1/invoices/{invoice['id']}/reminders"
    first = await api.post(path, key="k1")
    again = await api.post(path, key="k1")
    assert (first.status_code, again.content) == (201, first.content)
    letter = first.json()
    assert (letter["number"], letter["level"], letter["manual"]) == (f"REM-{datetime.now(UTC).year}-00001", 0, True)
    assert letter["total"] == {"amount": 11900, "currency": "EUR"}
    refused = await api.post(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert (await api.get(f"/v1/reminders/{letter['id']}")).json() == letter


async def test_letters_are_found_by_invoice_customer_and_level(api: Api) -> None:
    first, second = await issued(api), await issued(api)
    for invoice in (first, second):
        await api.post(f"/v1/invoices/{invoice['id']}/reminders")
    for query, found in (
        ("", [second, first]),
        (f"?invoice_id={first['id']}", [first]),
        (f"?customer_id={second['customer_id']}", [second]),
        ("?level=0", [second, first]),
        ("?level=1", []),
    ):
        rows = (await api.get(f"/v1/reminders{query}")).json()["data"]
        assert [row["invoice_id"] for row in rows] == [invoice["id"] for invoice in found], query


async def test_a_letter_has_a_pdf(api: Api) -> None:
    invoice = await issued(api)
    letter = (await api.post(f"/v1/invoices/{invoice['id']}/reminders")).json()
    answer = await api.get(f"/v1/reminders/{letter['id']}/pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")


async def test_an_invoices_reminders_are_paused_and_go_on(api: Api) -> None:
    invoice = await issued(api, terms={"net_days": 30})
    path = f"/v1/invoices/{invoice['id']}/reminders"
    due = datetime.now(UTC).date() + timedelta(days=30)
    assert (await api.get(path)).json()["next_on"] == str(due - timedelta(days=3))
    paused = await api.post(f"{path}/pause")
    assert (paused.status_code, paused.json()["paused"], paused.json()["next_on"]) == (200, True, None)
    resumed = (await api.post(f"{path}/resume")).json()
    assert (resumed["paused"], resumed["next_on"]) == (False, str(due - timedelta(days=3)))


async def test_a_customer_is_taken_out_and_in_again(api: Api) -> None:
    invoice = await issued(api, terms={"net_days": 30})
    path = f"/v1/customers/{invoice['customer_id']}/reminders"
    assert (await api.get(path)).json()["enabled"] is True
    assert (await put(api, path, {"enabled": False})).json()["enabled"] is False
    assert (await api.get(f"/v1/invoices/{invoice['id']}/reminders")).json()["paused"] is True
    assert (await put(api, path, {"enabled": True})).json()["enabled"] is True


async def test_without_a_claim_no_late_charge_is_billed(api: Api) -> None:
    invoice = await issued(api)
    answer = await api.post(f"/v1/invoices/{invoice['id']}/late-charges")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_the_series_of_reminders_can_be_set(api: Api) -> None:
    series = {"kind": "reminder", "pattern": "MAHN-{seq:04}"}
    assert (await put(api, "/v1/number-series/reminder", series)).status_code == 200
    invoice = await issued(api)
    assert (await api.post(f"/v1/invoices/{invoice['id']}/reminders")).json()["number"] == "MAHN-0001"
