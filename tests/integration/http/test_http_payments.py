"""Payments over HTTP, as far as they need no gateway."""

from __future__ import annotations

from typing import Any

import pytest
from http_driving import Api


async def test_a_payment_without_card_waits_for_one_on_its_hosted_page(api: Api, new_payment: dict[str, Any]) -> None:
    answer = await api.post("/v1/payments", new_payment)
    payment = answer.json()
    assert answer.status_code == 201
    assert payment["status"] == "requires_payment_method"
    assert payment["amount"] == {"amount": 1999, "currency": "EUR"}
    assert payment["amount_captured"] == {"amount": 0, "currency": "EUR"}
    assert payment["checkout_url"].startswith("http://127.0.0.1:8000/pay/")
    assert payment["attempts"] == []
    assert payment["reference"] == "order-1"


async def test_a_payment_is_read_again_as_it_was_created(api: Api, new_payment: dict[str, Any]) -> None:
    created = (await api.post("/v1/payments", new_payment)).json()
    assert (await api.get(f"/v1/payments/{created['id']}")).json() == created


async def test_a_payment_with_a_card_and_no_gateway_account_fails_with_its_reason(
    api: Api, new_payment: dict[str, Any]
) -> None:
    card = {"type": "card", "vault_token": "tok_" + "ab" * 16, "brand": "visa", "last4": "4242"}
    new_payment["payment_method"] = {**card, "expiry_month": 12, "expiry_year": 2031}
    answer = await api.post("/v1/payments", new_payment)
    payment = answer.json()
    assert answer.status_code == 201
    assert payment["status"] == "failed"
    assert payment["failure"]["reason"] == "no_gateway"
    assert payment["route"]["steps"] == []
    assert "tok_" not in answer.text


async def test_pages_of_payments_follow_one_another_without_gap_or_repetition(
    api: Api, new_payment: dict[str, Any]
) -> None:
    made = [(await api.post("/v1/payments", new_payment)).json()["id"] for _ in range(5)]
    first = (await api.get("/v1/payments", params={"limit": 2})).json()
    second = (await api.get("/v1/payments", params={"limit": 2, "starting_after": first["next_cursor"]})).json()
    third = (await api.get("/v1/payments", params={"limit": 2, "starting_after": second["next_cursor"]})).json()
    seen = [item["id"] for page in (first, second, third) for item in page["data"]]
    assert seen == made[::-1]
    assert [page["has_more"] for page in (first, second, third)] == [True, True, False]


async def test_payments_are_listed_by_status(api: Api, new_payment: dict[str, Any]) -> None:
    waiting = (await api.post("/v1/payments", new_payment)).json()["id"]
    canceled = (await api.post("/v1/payments", new_payment)).json()["id"]
    await api.post(f"/v1/payments/{canceled}/cancel")
    found = (await api.get("/v1/payments", params={"status": "requires_payment_method"})).json()
    assert [item["id"] for item in found["data"]] == [waiting]


async def test_a_status_that_does_not_exist_is_an_invalid_parameter(api: Api) -> None:
    answer = await api.get("/v1/payments", params={"status": "lost"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
    assert answer.json()["errors"][0]["field"] == "status"


async def test_a_payment_that_nothing_was_authorised_for_can_be_canceled(api: Api, new_payment: dict[str, Any]) -> None:
    made = (await api.post("/v1/payments", new_payment)).json()
    answer = await api.post(f"/v1/payments/{made['id']}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "canceled")


@pytest.mark.parametrize("verb", ["capture", "refunds"])
async def test_what_was_never_authorised_is_neither_captured_nor_refunded(
    api: Api, new_payment: dict[str, Any], verb: str
) -> None:
    made = (await api.post("/v1/payments", new_payment)).json()
    answer = await api.post(f"/v1/payments/{made['id']}/{verb}", {"amount": 100})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_the_timeline_tells_what_happened(api: Api, new_payment: dict[str, Any]) -> None:
    made = (await api.post("/v1/payments", new_payment)).json()
    timeline = (await api.get(f"/v1/payments/{made['id']}/timeline")).json()
    assert timeline["payment"]["id"] == made["id"]
    assert [event["type"] for event in timeline["events"]] == ["payment.created"]


async def test_a_customer_of_nobody_is_refused(api: Api, new_payment: dict[str, Any]) -> None:
    answer = await api.post("/v1/payments", {**new_payment, "customer_id": "cus_" + "0" * 32})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
