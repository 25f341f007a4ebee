"""Bodies that no honest program sends: each is refused in words, and makes nothing."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from http_driving import Api

PAYMENT = b'{"amount": {"amount": 1999, "currency": "EUR"}, "reference": "r"}'


async def refused(api: Api, body: bytes, **headers: str) -> tuple[int, str]:
    sent = {**api.headers(), "Idempotency-Key": "k1", "Content-Type": "application/json", **headers}
    answer = await api.client.post("/v1/payments", content=body, headers=sent)
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert (await api.get("/v1/payments")).json()["data"] == []
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe" + PAYMENT,
        b"\xef\xbb\xbf" + PAYMENT,
        PAYMENT.decode().encode("utf-16"),
        b'{"reference": "\xc3\x28"}',
        b'{"reference": "\\ud800"}',
        b"[" * 100_000,
        b'{"metadata":' * 5_000,
        b'{"metadata": {"a":' + b"[" * 900 + b"]" * 900 + b"}}",
        b"NaN",
        PAYMENT.replace(b"1999", b"NaN"),
        PAYMENT.replace(b"1999", b"01999"),
        PAYMENT + b"{}",
    ],
)
async def test_what_cannot_be_read_is_refused(api: Api, body: bytes) -> None:
    status, code = await refused(api, body)
    assert (status, code) in {(400, "malformed_json"), (422, "invalid_field")}


@pytest.mark.parametrize(
    "number", [b"9" * 20, b"9" * 4_400, b"9" * 900_000, b"-1", b"0", b"1e3", b"1.0", b"1e400", b'"1999"', b"true"]
)
async def test_an_amount_that_is_no_honest_number_is_refused(api: Api, number: bytes) -> None:
    status, code = await refused(api, PAYMENT.replace(b"1999", number))
    assert (status, code) in {(422, "invalid_field"), (400, "malformed_json")}


@pytest.mark.parametrize(
    "body",
    [
        PAYMENT.replace(b'"reference": "r"', b'"reference": "r", "reference": "r"'),
        b'{"amount": {"amount": 1, "currency": "EUR", "amount": 1999}}',
        b'{"amount": {"amount": 1, "currency": "EUR"}, "\\u0061mount": {"amount": 2, "currency": "EUR"}}',
        b'{"amount": {"amount": 1, "currency": "EUR"}, "metadata": {"a": "1", "a": "2"}}',
    ],
)
async def test_a_name_that_comes_twice_is_refused(api: Api, body: bytes) -> None:
    assert await refused(api, body) == (400, "malformed_json")


async def test_a_card_number_is_not_repeated_though_its_name_comes_twice(api: Api) -> None:
    card = b"4242424242424242"
    body = b'{"' + card + b'": 1, "' + card + b'": 2}'
    answer = await api.post("/v1/payments", body)
    assert answer.status_code == 422
    assert card.decode() not in answer.text


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, identity", "zstd"])
async def test_an_encoded_body_is_refused_unread(api: Api, encoding: str) -> None:
    body = gzip.compress(b" " * 50_000_000)
    assert await refused(api, body, **{"Content-Encoding": encoding}) == (415, "unsupported_media_type")


async def test_identity_is_no_encoding(api: Api) -> None:
    headers = {**api.headers(), "Idempotency-Key": "k1", "Content-Encoding": "identity"}
    answer = await api.client.post(
        "/v1/payments", content=PAYMENT, headers={**headers, "Content-Type": "application/json"}
    )
    assert answer.status_code == 201


async def test_a_body_over_the_limit_is_refused(api: Api) -> None:
    body = b'{"description": "' + b"a" * 1_000_001 + b'"}'
    assert await refused(api, body) == (413, "body_too_large")


async def test_many_names_are_looked_through_quickly(api: Api) -> None:
    from time import process_time

    body = ("{" + ",".join(f'"n{number}":1' for number in range(70_000)) + ', "n69999": 2}').encode()
    began = process_time()  # of the processor: the machine may be busy otherwise
    assert (await refused(api, body))[0] == 400
    assert process_time() - began < 20


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", "0"), ("limit", "x"), ("starting_after", "a" * 61), ("status", "done"), ("created_from", "yesterday")],
)
async def test_a_parameter_that_cannot_be_used_is_named(api: Api, name: str, value: str) -> None:
    answer = await api.get("/v1/payments", params={name: value})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
    assert answer.json()["errors"][0]["field"] == name


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=null", "status"),
        ("reference=a&reference=b", "reference"),
        ("created_to=NULL", "created_to"),
        ("statuss=captured", "statuss"),
    ],
)
async def test_a_filter_is_never_left_out_unsaid(api: Api, query: str, field: str) -> None:
    answer = await api.get(f"/v1/payments?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
    assert answer.json()["errors"][0]["field"] == field


async def test_an_empty_settlement_file_is_refused(api: Api) -> None:
    body = {"gateway": "stripe", "label": "S", "credentials": {"secret_key": "sk_test_abc"}, "verify": False}
    account = (await api.post("/v1/gateway-accounts", body)).json()["id"]
    answer = await api.post(f"/v1/settlement-files?gateway_account_id={account}&name=a.csv", b"")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body")


async def _version(api: Api, **headers: str) -> Any:
    return await api.client.get("/v1/payments", headers={**api.headers(), **headers})


async def test_the_answer_says_which_version_it_speaks(api: Api) -> None:
    from orchestrator.http import versions

    unsaid = await _version(api)
    said = await _version(api, **{"Clearway-Version": versions.KNOWN[-1]})
    assert (unsaid.headers["clearway-version"], unsaid.status_code) == (versions.FIRST, 200)
    assert (said.headers["clearway-version"], said.status_code) == (versions.KNOWN[-1], 200)


@pytest.mark.parametrize("asked", ["2020-01-01", "", "latest", "2026-11-23, 2026-11-23"])
async def test_an_unknown_version_is_refused_with_those_there_are(api: Api, asked: str) -> None:
    from orchestrator.http import versions

    answer = await _version(api, **{"Clearway-Version": asked})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_version")
    assert all(known in answer.json()["errors"][0]["message"] for known in versions.KNOWN)
