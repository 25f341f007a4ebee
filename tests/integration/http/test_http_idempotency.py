"""One effect for each Idempotency-Key, also for ten at once and after a crash."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from http_driving import Api


async def _payments(api: Api) -> list[str]:
    return [item["id"] for item in (await api.get("/v1/payments")).json()["data"]]


async def _age_the_claim(seconds: int) -> None:
    """As if the process had died that long ago, before it could answer."""
    from orchestrator.access.tables import IdempotencyRecord

    [row] = await IdempotencyRecord.select()
    claimed_at = row["claimed_at"] - timedelta(seconds=seconds)
    await IdempotencyRecord.update({"claimed_at": claimed_at, "status": None, "body": None}).where(
        IdempotencyRecord.id == row["id"]
    )


async def test_a_post_without_key_is_told_what_to_send(api: Api, new_payment: dict[str, Any]) -> None:
    answer = await api.client.post("/v1/payments", json=new_payment, headers=api.headers())
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")
    assert "Idempotency-Key" in answer.json()["detail"]


@pytest.mark.parametrize("key", ["x" * 256, '"unfinished', "two words", '""'])
async def test_a_key_that_cannot_be_one_is_refused(api: Api, new_payment: dict[str, Any], key: str) -> None:
    answer = await api.post("/v1/payments", new_payment, key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")


async def test_a_repeated_request_gets_the_first_answer_and_makes_nothing(
    api: Api, new_payment: dict[str, Any]
) -> None:
    first = await api.post("/v1/payments", new_payment, key="k1")
    again = await api.post("/v1/payments", new_payment, key="k1")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert len(await _payments(api)) == 1


async def test_a_quoted_key_is_the_same_as_a_bare_one(api: Api, new_payment: dict[str, Any]) -> None:
    first = await api.post("/v1/payments", new_payment, key="k1")
    assert (await api.post("/v1/payments", new_payment, key='"k1"')).content == first.content


async def test_the_order_of_fields_does_not_make_another_body(api: Api, new_payment: dict[str, Any]) -> None:
    first = await api.post("/v1/payments", new_payment, key="k1")
    turned = dict(reversed(new_payment.items()))
    assert (await api.post("/v1/payments", turned, key="k1")).content == first.content


async def test_the_same_key_with_another_body_is_refused(api: Api, new_payment: dict[str, Any]) -> None:
    await api.post("/v1/payments", new_payment, key="k1")
    answer = await api.post("/v1/payments", {**new_payment, "reference": "order-2"}, key="k1")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert len(await _payments(api)) == 1


async def test_another_merchants_same_key_is_another_key(api: Api, other: Api, new_payment: dict[str, Any]) -> None:
    first = (await api.post("/v1/payments", new_payment, key="k1")).json()
    second = (await other.post("/v1/payments", new_payment, key="k1")).json()
    assert first["id"] != second["id"]


async def test_ten_at_once_with_one_key_make_one_payment(api: Api, new_payment: dict[str, Any]) -> None:
    answers = await asyncio.gather(*(api.post("/v1/payments", new_payment, key="k1") for _ in range(10)))
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert made == set(await _payments(api))
    assert len(made) == 1
    waiting = [answer for answer in answers if answer.status_code != 201]
    assert {answer.json()["code"] for answer in waiting} <= {"idempotency_in_flight"}
    assert all(answer.headers["retry-after"] == "1" for answer in waiting)


async def test_a_refused_request_frees_its_key_for_the_corrected_one(api: Api, new_payment: dict[str, Any]) -> None:
    bad = {**new_payment, "customer_id": "cus_" + "0" * 32}
    assert (await api.post("/v1/payments", bad, key="k1")).status_code == 404
    assert (await api.post("/v1/payments", new_payment, key="k1")).status_code == 201


async def test_a_conflict_frees_its_key(api: Api, new_payment: dict[str, Any]) -> None:
    made = (await api.post("/v1/payments", new_payment)).json()
    for amount in (100, 200):
        answer = await api.post(f"/v1/payments/{made['id']}/capture", {"amount": amount}, key="k1")
        assert answer.json()["code"] == "conflict"


async def test_a_refusal_before_anything_was_begun_frees_its_key_though_it_says_503(
    api: Api, new_payment: dict[str, Any]
) -> None:
    from orchestrator import clock_port
    from orchestrator.installation import service as installation
    from orchestrator.installation import store

    paid = {**new_payment, "payment_method": {"type": "paypal"}, "return_url": "https://shop.example/ok"}
    await store.bind("ins_1", 1, clock_port.now())
    await store.freeze("it was restored", clock_port.now())
    installation.forget()
    try:
        refused = [(await api.post("/v1/payments", paid, key="k1")).json()["code"] for _ in range(2)]
        await store.thaw("ins_1", 1, "Ada", clock_port.now())
    finally:
        installation.restart()
    thawed = await api.post("/v1/payments", new_payment, key="k1")
    assert (refused, thawed.status_code) == (["installation_frozen"] * 2, 201)


async def test_an_unexpected_failure_keeps_its_key(
    api: Api, new_payment: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """How far the work came is not known: nobody else is to begin it before its owner is taken for dead."""
    from orchestrator.payments import service

    async def broken(*_: Any, **__: Any) -> None:
        raise OSError("the connection was lost")

    with monkeypatch.context() as patched:
        patched.setattr(service, "create", broken)
        first = await api.post("/v1/payments", new_payment, key="k1")
    again = await api.post("/v1/payments", new_payment, key="k1")
    assert (first.status_code, again.json()["code"]) == (500, "idempotency_in_flight")


async def test_a_request_whose_owner_may_still_be_at_work_is_in_flight(api: Api, new_payment: dict[str, Any]) -> None:
    await api.post("/v1/payments", new_payment, key="k1")
    await _age_the_claim(seconds=1)
    answer = await api.post("/v1/payments", new_payment, key="k1")
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_flight")


async def test_after_a_crash_the_answer_is_built_from_what_was_made(api: Api, new_payment: dict[str, Any]) -> None:
    first = await api.post("/v1/payments", new_payment, key="k1")
    await _age_the_claim(seconds=3600)
    again = await api.post("/v1/payments", new_payment, key="k1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert len(await _payments(api)) == 1


async def test_after_a_crash_before_anything_was_made_one_taker_does_the_work(
    api: Api, new_payment: dict[str, Any]
) -> None:
    from orchestrator.access.tables import IdempotencyRecord
    from orchestrator.payments.tables import Payment

    await api.post("/v1/payments", new_payment, key="k1")
    await _age_the_claim(seconds=3600)
    await Payment.delete(force=True)
    await IdempotencyRecord.update({"resource_id": None}, force=True)
    answers = await asyncio.gather(*(api.post("/v1/payments", new_payment, key="k1") for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len(await _payments(api)) == 1
