"""Disputes over the API: lists, one, verbs, whose they are, and what is refused."""

from __future__ import annotations

import base64
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from dispute_desk import Desk

from tests.built_application import application

sys.path.append(str(Path(__file__).parents[1] / "http"))

from http_driving import Api, merchant_api

from orchestrator.disputes.service import FILES_BYTES_MAX

pytestmark = pytest.mark.asyncio(loop_scope="session")

PDF = b"%PDF-1.4 a receipt"


def a_file(content: bytes = PDF, **changed: Any) -> dict[str, Any]:
    encoded = base64.b64encode(content).decode()
    return {"kind": "other", "name": "proof.pdf", "content_type": "application/pdf", "content": encoded, **changed}


@pytest_asyncio.fixture(loop_scope="session")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://clearway.test", timeout=60) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def api(desk: Desk, client: httpx.AsyncClient) -> Api:
    from orchestrator.access import service

    return Api(client, desk.merchant_id, await service.create_api_key(desk.merchant_id, "test"))


async def test_a_dispute_is_listed_by_status_payment_and_gateway(desk: Desk, api: Api) -> None:
    payment = await desk.paid("stripe")
    other = await desk.paid("paypal")
    rows = [await desk.opened("stripe", payment.id), await desk.opened("paypal", other.id, kind="inquiry")]

    async def ids(query: str) -> list[str]:
        return [body["id"] for body in (await api.get(f"/v1/disputes{query}")).json()["data"]]

    assert await ids("") == [rows[1].id, rows[0].id]
    assert await ids("?status=needs_response") == await ids(f"?payment_id={payment.id}") == [rows[0].id]
    assert await ids("?gateway=paypal") == [rows[1].id]
    assert await ids("?unmatched=true") == []
    first = (await api.get("/v1/disputes?limit=1")).json()
    assert (first["has_more"], first["next_cursor"]) == (True, rows[1].id)
    assert await ids(f"?limit=1&starting_after={rows[1].id}") == [rows[0].id]


async def test_a_dispute_is_shown_with_its_history_and_on_its_payment(desk: Desk, api: Api) -> None:
    payment = await desk.paid("adyen")
    row = await desk.opened("adyen", payment.id, reason="duplicate", minor=1200)
    body = (await api.get(f"/v1/disputes/{row.id}")).json()
    assert body["amount"] == {"amount": 1200, "currency": "EUR"}
    assert (body["status"], body["reason"], body["funds_withdrawn"]) == ("needs_response", "duplicate", True)
    assert [entry["event_type"] for entry in body["history"]][-1] == "CHARGEBACK"
    shown = (await api.get(f"/v1/payments/{payment.id}")).json()["disputes"]
    assert [(one["id"], one["status"], one["funds_withdrawn"]) for one in shown] == [(row.id, "needs_response", True)]


async def test_evidence_is_taken_once_for_a_key(desk: Desk, api: Api) -> None:
    payment = await desk.paid("stripe")
    row = await desk.opened("stripe", payment.id)
    body = {"explanation": "it was delivered", "files": [a_file(kind="proof_of_delivery")]}
    first = await api.post(f"/v1/disputes/{row.id}/evidence", body, key="one")
    again = await api.post(f"/v1/disputes/{row.id}/evidence", body, key="one")
    assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert [(one["kind"], one["status"]) for one in first.json()["actions"]] == [("evidence", "succeeded")]
    assert first.json()["status"] == "under_review"
    later = await api.post(f"/v1/disputes/{row.id}/evidence", body)
    assert (later.status_code, later.json()["code"]) == (409, "dispute_not_open")


async def test_accepting_answers_with_what_it_came_to(desk: Desk, api: Api) -> None:
    payment = await desk.paid("paypal")
    row = await desk.opened("paypal", payment.id)
    answer = await api.post(f"/v1/disputes/{row.id}/accept")
    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    refused = await api.post(f"/v1/payments/{payment.id}/refunds", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "payment_disputed")


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "explanation"),
        ({"files": [a_file(b"GIF89a")]}, 422, "files[0].content"),
        ({"files": [a_file(content_type="text/html")]}, 422, "files[0].content_type"),
        ({"files": [a_file(kind="selfie")]}, 422, "files[0].kind"),
        ({"files": [a_file(name="../../etc/passwd")]}, 422, "files[0].name"),
        ({"files": [{**a_file(), "content": "not base64!"}]}, 422, "files[0].content"),
        ({"files": [a_file()] * 11}, 422, "files"),
        ({"files": [a_file(PDF.ljust(FILES_BYTES_MAX // 2 + 1))] * 2}, 413, ""),
        ({"explanation": "x", "because": "y"}, 422, "because"),
    ],
)
async def test_evidence_that_cannot_be_used_is_refused_before_anything_is_sent(
    desk: Desk, api: Api, body: dict[str, Any], status: int, field: str
) -> None:
    payment = await desk.paid("stripe")
    row = await desk.opened("stripe", payment.id)
    answer = await api.post(f"/v1/disputes/{row.id}/evidence", body)
    assert answer.status_code == status, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == ([field] if field else [])
    assert (await api.get(f"/v1/disputes/{row.id}")).json()["actions"] == []


async def test_files_up_to_the_limit_are_taken(desk: Desk, api: Api) -> None:
    payment = await desk.paid("paypal")
    row = await desk.opened("paypal", payment.id)
    answer = await api.post(f"/v1/disputes/{row.id}/evidence", {"files": [a_file(PDF.ljust(FILES_BYTES_MAX))]})
    assert (answer.status_code, answer.json()["actions"][0]["status"]) == (200, "succeeded")


async def test_another_merchant_and_a_key_without_the_scope_get_nothing(desk: Desk, api: Api) -> None:
    payment = await desk.paid("stripe")
    row = await desk.opened("stripe", payment.id)
    other = await merchant_api(api.client, "Other Ltd")
    assert (await other.get("/v1/disputes")).json()["data"] == []
    assert (await other.get(f"/v1/disputes/{row.id}")).status_code == 404
    for verb, body in (("accept", None), ("evidence", {"explanation": "mine"})):
        assert (await other.post(f"/v1/disputes/{row.id}/{verb}", body)).status_code == 404
    reader = await merchant_api(api.client, "Reader", ("payments:read",))
    assert (await reader.post(f"/v1/disputes/{row.id}/accept")).status_code == 403
