"""What waits for a person, over HTTP: the work list, and the verdict with all that it may and may not do."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from kept_shop import only
from late_shop import balance, operation, paid
from payment_shop import Shop, story_of

from orchestrator.access import audit_store
from orchestrator.access import service as access
from orchestrator.gateways.base import OperationKind
from orchestrator.payments import service
from orchestrator.payments.records import OperationRow, PaymentRow, PaymentStatus
from tests.built_application import application

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEEN = {"verdict": "approved", "note": "seen as captured in the dashboard"}


@dataclass(frozen=True)
class Person:
    """Somebody with an API key."""

    client: httpx.AsyncClient
    secret: str

    async def reviews(self, **query: Any) -> httpx.Response:
        return await self.client.get("/v1/reviews", params=query, headers=self._headers())

    async def resolve(self, operation: OperationRow, body: dict[str, Any], key: str = "") -> httpx.Response:
        path = f"/v1/payments/{operation.payment_id}/operations/{operation.id}/resolve"
        headers = self._headers() | {"Idempotency-Key": key or str(uuid.uuid4())}
        return await self.client.post(path, json=body, headers=headers)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


@pytest_asyncio.fixture(loop_scope="session")
async def client(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://clearway.test") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def person(shop: Shop, client: httpx.AsyncClient) -> Person:
    return Person(client, await access.create_api_key(shop.merchant_id, "test", ("payments:read", "finance")))


@pytest_asyncio.fixture(loop_scope="session")
async def declined(shop: Shop) -> tuple[PaymentRow, OperationRow]:
    """A payment whose capture the gateway refused, though it was authorised."""
    await only(shop, "paypal")
    await shop.tell("/scenarios", gateway="paypal", operation="capture", behaviour="decline", reason="do_not_honor")
    payment = await paid(shop)
    assert payment.status is PaymentStatus.NEEDS_REVIEW
    return payment, await operation(payment, OperationKind.CAPTURE)


async def test_what_waits_for_a_person_is_listed_with_what_is_known(
    person: Person, declined: tuple[PaymentRow, OperationRow]
) -> None:
    payment, capture = declined
    (listed,) = (await person.reviews()).json()["data"]
    assert (listed["id"], listed["object"], listed["payment_id"]) == (capture.id, "review", payment.id)
    assert (listed["operation"]["kind"], listed["operation"]["outcome"]) == ("capture", "declined")
    assert listed["operation"]["exchange"] is None


async def test_a_capture_declined_by_mistake_is_approved_by_a_person_and_booked_once(
    shop: Shop, person: Person, declined: tuple[PaymentRow, OperationRow]
) -> None:
    _, capture = declined
    first = await person.resolve(capture, SEEN, key="verdict-1")
    again = await person.resolve(capture, SEEN, key="verdict-1")
    other_key = await person.resolve(capture, SEEN)
    assert (first.status_code, first.json()["status"]) == (200, "captured")
    assert (again.status_code, again.json()["id"]) == (200, capture.payment_id)
    assert (other_key.status_code, other_key.json()["code"]) == (409, "conflict")
    assert (await balance(shop, "gateway_clearing"), await balance(shop, "sales")) == (1999, -1999)
    assert (await person.reviews()).json()["data"] == []


async def test_a_verdict_is_kept_with_who_gave_it_and_why(
    person: Person, declined: tuple[PaymentRow, OperationRow]
) -> None:
    payment, capture = declined
    answer = await person.resolve(capture, {"verdict": "declined", "note": "the issuer says no"})
    assert answer.status_code == 200
    review = (await story_of(payment)).operation(capture.id).review
    assert review is not None
    assert (review["verdict"], review["note"]) == ("declined", "the issuer says no")
    [entry] = await audit_store.latest(payment.merchant_id, limit=10, action="payment.review_resolved")
    said = {"operation": capture.id, "verdict": "declined", "note": "the issuer says no"}
    assert (entry.actor_kind, entry.actor_id, entry.object_id) == ("key", review["actor"], payment.id)
    assert json.loads(entry.after or "{}") == said
    assert review["actor"]
    assert (await person.reviews()).json()["data"] == []


async def test_a_refused_capture_that_is_looked_at_again_is_read_and_never_sent_a_second_time(
    shop: Shop, person: Person, declined: tuple[PaymentRow, OperationRow]
) -> None:
    payment, capture = declined
    await shop.world.delete("/scenarios")
    answer = await person.resolve(capture, {"verdict": "look_again", "note": "they say it went through"})
    assert answer.status_code == 200
    asked = (await story_of(payment)).operation(capture.id)
    assert (asked.outcome, asked.settled_by) == ("declined", "look_up")
    assert [charge["captured_minor"] for charge in await shop.charges(payment)] == [0]
    (listed,) = (await person.reviews()).json()["data"]
    assert listed["id"] == capture.id
    assert (await service.get(payment.merchant_id, payment.id)).status is PaymentStatus.NEEDS_REVIEW


async def test_what_was_settled_well_waits_for_nobody(shop: Shop, person: Person) -> None:
    await only(shop, "stripe")
    payment = await paid(shop)
    answer = await person.resolve(await operation(payment, OperationKind.CAPTURE), SEEN)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "waits for no person" in answer.json()["detail"]


async def test_another_merchant_finds_neither_the_list_nor_the_operation(
    client: httpx.AsyncClient, declined: tuple[PaymentRow, OperationRow]
) -> None:
    merchant = await access.create_merchant("Other Ltd", {})
    stranger = Person(client, await access.create_api_key(merchant.id, "test", ("payments:read", "finance")))
    assert (await stranger.reviews()).json()["data"] == []
    answer = await stranger.resolve(declined[1], SEEN)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    found = await service.get(declined[0].merchant_id, declined[0].id)
    assert found.status is PaymentStatus.NEEDS_REVIEW


async def test_an_operation_of_another_payment_is_not_found(
    shop: Shop, person: Person, declined: tuple[PaymentRow, OperationRow]
) -> None:
    other = await paid(shop)
    headers = {"Authorization": f"Bearer {person.secret}", "Idempotency-Key": "k"}
    path = f"/v1/payments/{other.id}/operations/{declined[1].id}/resolve"
    answer = await person.client.post(path, json=SEEN, headers=headers)
    assert answer.status_code == 404


@pytest.mark.parametrize("scopes", [("payments:read",), ("payments:read", "payments:write"), ("finance:read",)])
async def test_a_verdict_is_for_finance_only(
    shop: Shop, client: httpx.AsyncClient, declined: tuple[PaymentRow, OperationRow], scopes: tuple[str, ...]
) -> None:
    clerk = Person(client, await access.create_api_key(shop.merchant_id, "clerk", scopes))
    assert (await clerk.resolve(declined[1], SEEN)).status_code == 403
    assert (await clerk.reviews()).status_code == (200 if "payments:read" in scopes else 403)


@pytest.mark.parametrize(
    ("body", "field"), [({"verdict": "maybe", "note": "x"}, "verdict"), ({"verdict": "declined", "note": ""}, "note")]
)
async def test_a_verdict_must_be_one_of_three_and_have_a_reason(
    person: Person, declined: tuple[PaymentRow, OperationRow], body: dict[str, str], field: str
) -> None:
    answer = await person.resolve(declined[1], body)
    assert answer.status_code in (400, 422)
    assert field in answer.text
