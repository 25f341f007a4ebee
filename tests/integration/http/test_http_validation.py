"""What the door lets in: bodies as declared, no card numbers, keys with scopes."""

from __future__ import annotations

from typing import Any

import pytest
from http_driving import Api, merchant_api

VISA = "4242424242424242"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": {"amount": "1999", "currency": "EUR"}}, "amount.amount"),
        ({"amount": {"amount": 19.99, "currency": "EUR"}}, "amount.amount"),
        ({"amount": {"amount": True, "currency": "EUR"}}, "amount.amount"),
        ({"amount": {"amount": 0, "currency": "EUR"}}, "amount.amount"),
        ({"amount": {"amount": 10**30, "currency": "EUR"}}, "amount.amount"),
        ({"amount": {"amount": 1999}}, "amount.currency"),
        ({"amount": {"amount": 1999, "currency": "XXX"}}, "amount.currency"),
        ({"amount": {"amount": 1999, "currency": "EUR", "tip": 1}}, "amount.tip"),
        ({"amonut": 5}, "amonut"),
        ({"capture_method": "later"}, "capture_method"),
        ({"return_url": "javascript:alert(1)"}, "return_url"),
        ({"return_url": "https://shop.example/ok\n"}, "return_url"),
        ({"return_url": "https://[::1"}, "return_url"),
        ({"return_url": "https://shop.example:99999/"}, "return_url"),
        ({"return_url": "https://例え.example/"}, "return_url"),
        ({"country": "ZZ"}, "country"),
        ({"country": "Germany"}, "country"),
        ({"reference": 7}, "reference"),
        ({"reference": None, "description": "a\x00b"}, "body"),
        ({"payment_method": {"type": "bank"}}, "payment_method.type"),
    ],
)
async def test_a_field_that_is_not_as_declared_is_refused_by_its_path(
    api: Api, new_payment: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    answer = await api.post("/v1/payments", {**new_payment, **change})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid_field")
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in problem["errors"]] == [field]


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b"[" * 200_000])
async def test_what_is_not_json_is_malformed(api: Api, body: bytes) -> None:
    answer = await api.post("/v1/payments", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


async def test_a_form_is_not_taken_for_json(api: Api) -> None:
    headers = {**api.headers(), "Idempotency-Key": "k"}
    answer = await api.client.post("/v1/payments", data={"amount": "5"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_a_body_beyond_the_limit_is_refused(api: Api) -> None:
    answer = await api.post("/v1/payments", b'{"description": "' + b"a" * 1_100_000 + b'"}')
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    "change",
    [
        {"reference": VISA},
        {"description": "card 4242 4242 4242 4242 exp 12/30"},
        {"metadata": {"note": "5555-5555-5555-4444"}},
        {"metadata": {"378282246310005": "x"}},
        {VISA: 1},
        {"capture_method": VISA},
    ],
)
async def test_a_card_number_in_a_body_is_refused_and_never_repeated(
    api: Api, new_payment: dict[str, Any], change: dict[str, Any]
) -> None:
    answer = await api.post("/v1/payments", {**new_payment, **change})
    assert (answer.status_code, answer.json()["code"]) == (422, "card_number_refused")
    for number in (VISA, "4242 4242", "5555-5555", "378282246310005"):
        assert number not in answer.text


@pytest.mark.parametrize(
    "path",
    [f"/v1/payments/{VISA}", f"/v1/payments?starting_after={VISA}", "/v1/payments?starting_after=4242+4242+4242+4242"],
)
async def test_a_card_number_in_an_address_is_refused_and_never_repeated(api: Api, path: str) -> None:
    answer = await api.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "card_number_refused")
    assert "4242" not in answer.text


@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer sk_clearway_no"}])
async def test_without_a_known_key_nothing_is_answered(api: Api, header: dict[str, str]) -> None:
    answer = await api.client.get("/v1/payments", headers=header)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_key_without_the_scope_is_forbidden(api: Api, new_payment: dict[str, Any]) -> None:
    reader = await merchant_api(api.client, "Reader", ("payments:read",))
    answer = await reader.post("/v1/payments", new_payment)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_an_unknown_address_is_a_problem_too(api: Api) -> None:
    answer = await api.get("/v1/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_another_method_is_a_problem_too(api: Api) -> None:
    answer = await api.client.delete("/v1/payments", headers=api.headers())
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


async def test_a_request_id_comes_back_in_header_and_problem(api: Api) -> None:
    headers = {**api.headers(), "X-Request-Id": "my-id.1"}
    answer = await api.client.get("/v1/payments/pay_none", headers=headers)
    assert answer.headers["x-request-id"] == "my-id.1" == answer.json()["request_id"]


async def test_a_card_number_is_no_request_id(api: Api) -> None:
    answer = await api.client.get("/healthz", headers={"X-Request-Id": VISA})
    assert answer.headers["x-request-id"].startswith("req_")
