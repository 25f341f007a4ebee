"""Endpoints over the API: their secrets, filters, log, redelivery and recovery, and whose they are."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from webhook_driving import Shop, deliver, new_shop
from webhook_receiver import Receiver, Reply

from orchestrator import clock_port
from orchestrator.access import service as access
from orchestrator.access.tables import IdempotencyRecord
from orchestrator.events import EventType
from orchestrator.notifications import endpoints
from orchestrator.notifications.delivery_store import DeliveryRow
from orchestrator.notifications.tables import Endpoint
from orchestrator.settings import get_settings
from tests.built_application import application

PATH = "/v1/webhook-endpoints"
PUBLIC = "https://hooks.shop.example/clearway"


@dataclass(frozen=True)
class Api:
    """The API as one merchant's program sees it."""

    client: httpx.AsyncClient
    secret: str

    async def send(self, method: str, path: str, body: object = None, *, key: str = "") -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.secret}"}
        if method == "POST":
            headers["Idempotency-Key"] = key or str(uuid.uuid4())
        return await self.client.request(method, path, headers=headers, json=body)

    async def made(self, url: str = PUBLIC, **more: Any) -> dict[str, Any]:
        answer = await self.send("POST", PATH, {"url": url, **more})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


@pytest_asyncio.fixture(loop_scope="session")
async def client(database: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://clearway.test") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def api(client: httpx.AsyncClient, shop: Shop) -> Api:
    return Api(client, await access.create_api_key(shop.merchant_id, "test"))


@pytest_asyncio.fixture(loop_scope="session")
async def other(client: httpx.AsyncClient) -> Api:
    return Api(client, await access.create_api_key((await new_shop("Other Ltd")).merchant_id, "test"))


async def test_the_secret_is_shown_when_it_is_made_and_never_again(api: Api) -> None:
    made = await api.made(description="Shop", event_types=["payment.*"])
    assert made.pop("secret").startswith("whsec_")
    found = (await api.send("GET", f"{PATH}/{made['id']}")).json()
    assert found == made
    assert (found["url"], found["description"], found["event_types"]) == (PUBLIC, "Shop", ["payment.*"])
    assert (found["enabled"], found["disabled_reason"]) == (True, None)
    assert (await api.send("GET", PATH)).json()["data"] == [found]


async def test_a_repeated_request_gets_the_same_endpoint_and_secret_which_is_stored_nowhere_in_plain(api: Api) -> None:
    first, again = [await api.send("POST", PATH, {"url": PUBLIC}, key="k-1") for _ in range(2)]
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    secret = first.json()["secret"]
    kept = str(await IdempotencyRecord.select()) + str(await Endpoint.select())
    assert first.json()["id"] in kept
    assert secret not in kept
    assert secret.removeprefix("whsec_") not in kept


async def test_a_repeated_request_does_not_show_the_secret_of_a_later_rotation(api: Api) -> None:
    made = (await api.send("POST", PATH, {"url": PUBLIC}, key="k-1")).json()
    await api.send("POST", f"{PATH}/{made['id']}/rotate-secret")
    assert (await api.send("POST", PATH, {"url": PUBLIC}, key="k-1")).json()["secret"] is None


async def test_during_the_overlap_both_secrets_sign_and_afterwards_only_the_new_one(
    api: Api, shop: Shop, receiver: Receiver
) -> None:
    made = await api.made(receiver.url)
    rotated = (await api.send("POST", f"{PATH}/{made['id']}/rotate-secret", {"overlap_hours": 2})).json()
    assert rotated["secret"] != made["secret"]
    assert rotated["secret_version"] == 2
    row = await shop.endpoint(made["id"])
    await shop.happens()
    await deliver(row, timedelta(minutes=110))
    await shop.happens()
    await deliver(row, timedelta(minutes=130))
    during, after = receiver.received
    assert (during.signed_with(made["secret"]), during.signed_with(rotated["secret"])) == (True, True)
    assert (after.signed_with(made["secret"]), after.signed_with(rotated["secret"])) == (False, True)


async def test_a_rotation_without_overlap_ends_the_old_secret_at_once(api: Api, shop: Shop, receiver: Receiver) -> None:
    made = await api.made(receiver.url)
    rotated = (await api.send("POST", f"{PATH}/{made['id']}/rotate-secret", {"overlap_hours": 0})).json()
    await shop.happens()
    await deliver(await shop.endpoint(made["id"]))
    (request,) = receiver.received
    assert (request.signed_with(made["secret"]), request.signed_with(rotated["secret"])) == (False, True)
    assert rotated["previous_secret_until"] is None


async def test_of_two_rotations_in_one_overlap_the_two_newest_secrets_sign(api: Api, shop: Shop) -> None:
    made = await api.made()
    shown = [(await api.send("POST", f"{PATH}/{made['id']}/rotate-secret")).json()["secret"] for _ in range(2)]
    assert endpoints.secrets_in_force(await shop.endpoint(made["id"]), clock_port.now()) == shown[::-1]


@pytest.mark.parametrize("hours", [-1, 169, "24", 1.5])
async def test_an_overlap_beyond_a_week_is_refused(api: Api, hours: object) -> None:
    made = await api.made()
    answer = await api.send("POST", f"{PATH}/{made['id']}/rotate-secret", {"overlap_hours": hours})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "overlap_hours")


@pytest.mark.parametrize(
    ("body", "field", "remedy"),
    [
        ({"url": "http://hooks.shop.example/"}, "url", "https://"),
        ({"url": "https://10.0.0.1/"}, "url", "host name"),
        ({"url": "https://a:b@hooks.shop.example/"}, "url", "user name"),
        ({"url": "https://metadata.google.internal/"}, "url", "inner network"),
        ({"url": PUBLIC, "event_types": ["payment.captured", "nothing"]}, "event_types[1]", "payment.*"),
        ({"url": PUBLIC, "event_types": "payment.*"}, "event_types", "array"),
        ({"url": PUBLIC, "description": "x" * 301}, "description", "300"),
        ({"url": PUBLIC, "secret": "whsec_mine"}, "secret", "not known"),
    ],
)
async def test_bad_input_names_the_field_and_the_remedy(
    api: Api, body: dict[str, object], field: str, remedy: str
) -> None:
    created = await api.send("POST", PATH, body)
    assert created.status_code == 422, created.text
    (error,) = created.json()["errors"]
    assert remedy in error["message"] or remedy in created.json()["detail"]
    assert error["field"] == field
    made = await api.made()
    changed = await api.send("PATCH", f"{PATH}/{made['id']}", body)
    assert (changed.status_code, changed.json()["errors"][0]["field"]) == (422, field)


async def test_what_waits_goes_to_the_new_address(api: Api, shop: Shop, receiver: Receiver) -> None:
    made = await api.made("http://127.0.0.1:1/")
    await shop.happens()
    changed = await api.send("PATCH", f"{PATH}/{made['id']}", {"url": receiver.url, "description": "moved"})
    assert (changed.json()["url"], changed.json()["description"]) == (receiver.url, "moved")
    await deliver(await shop.endpoint(made["id"]))
    assert len(receiver.received) == 1


async def test_an_endpoint_is_disabled_and_enabled_again(api: Api) -> None:
    path = f"{PATH}/{(await api.made())['id']}"
    off = (await api.send("PATCH", path, {"enabled": False})).json()
    assert (off["enabled"], off["disabled_reason"]) == (False, "merchant")
    assert off["disabled_at"]
    for action in ("test", "recover"):
        answer = await api.send("POST", f"{path}/{action}")
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    on = (await api.send("PATCH", path, {"enabled": True})).json()
    assert (on["enabled"], on["disabled_reason"], on["disabled_at"]) == (True, None, None)


async def test_a_deleted_endpoint_is_gone_with_its_secret(api: Api, shop: Shop) -> None:
    made = await api.made()
    await shop.happens()
    assert (await api.send("DELETE", f"{PATH}/{made['id']}")).status_code == 204
    assert (await api.send("GET", f"{PATH}/{made['id']}")).status_code == 404
    assert (await api.send("DELETE", f"{PATH}/{made['id']}")).status_code == 404
    assert (await api.send("GET", PATH)).json()["data"] == []
    (row,) = await Endpoint.select()
    assert (row["sealed_secret"], row["sealed_previous_secret"]) == ("", None)


async def test_another_merchants_endpoint_is_not_found_by_any_method(api: Api, other: Api) -> None:
    made = await api.made()
    delivery = (await api.send("POST", f"{PATH}/{made['id']}/test")).json()
    path, theirs = f"{PATH}/{made['id']}", await other.made()
    asked = [
        ("GET", path, None),
        ("PATCH", path, {"enabled": False}),
        ("DELETE", path, None),
        ("POST", f"{path}/rotate-secret", None),
        ("POST", f"{path}/test", None),
        ("POST", f"{path}/recover", None),
        ("GET", f"{path}/deliveries", None),
        ("GET", f"{path}/deliveries/{delivery['id']}", None),
        ("POST", f"{path}/deliveries/{delivery['id']}/redeliver", None),
        ("GET", f"{PATH}/{theirs['id']}/deliveries/{delivery['id']}", None),
        ("POST", f"{PATH}/{theirs['id']}/deliveries/{delivery['id']}/redeliver", None),
    ]
    for method, place, body in asked:
        assert (await other.send(method, place, body)).status_code == 404, (method, place)
    assert (await api.send("GET", path)).json()["enabled"] is True


async def test_the_number_of_endpoints_is_limited(api: Api, other: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    monkeypatch.setenv("CLEARWAY_LIMITS__WEBHOOK_ENDPOINTS_MAX", "3")
    get_settings.cache_clear()
    await other.made()
    answers = await asyncio.gather(*(api.send("POST", PATH, {"url": PUBLIC}) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 3
    await api.send("DELETE", f"{PATH}/{next(a.json()['id'] for a in answers if a.status_code == 201)}")
    await api.made()


async def test_a_test_event_goes_to_its_endpoint_alone_whatever_the_filter(
    api: Api, shop: Shop, receiver: Receiver, second_receiver: Receiver
) -> None:
    made, _ = await api.made(receiver.url, event_types=["invoice.paid"]), await api.made(second_receiver.url)
    answer = await api.send("POST", f"{PATH}/{made['id']}/test")
    assert (answer.status_code, answer.json()["state"]) == (201, "pending")
    from webhook_driving import work_off

    from orchestrator.notifications import deliveries
    from orchestrator.notifications.service import FAN_OUT

    await work_off(FAN_OUT, deliveries.TOPIC)
    (message,) = receiver.messages()
    assert (message["type"], message["object_id"]) == ("webhook_endpoint.test", made["id"])
    assert second_receiver.received == []


async def failed_once(api: Api, shop: Shop, receiver: Receiver) -> tuple[str, DeliveryRow]:
    receiver.replies = [Reply(500, body=b"oh dear")]
    made = await api.made(receiver.url)
    await shop.happens()
    endpoint = await shop.endpoint(made["id"])
    await deliver(endpoint)
    return f"{PATH}/{made['id']}", await shop.only_delivery(endpoint)


async def test_the_log_shows_each_try(api: Api, shop: Shop, receiver: Receiver) -> None:
    path, row = await failed_once(api, shop, receiver)
    found = (await api.send("GET", f"{path}/deliveries/{row.id}")).json()
    (one,) = found["log"]
    assert (one["number"], one["status"], one["response"]) == (1, 500, "oh dear")
    assert one["duration_ms"] >= 0
    assert (found["state"], found["tries"], found["event_id"]) == ("pending", 1, row.event_id)


async def test_the_list_is_filtered_and_paged(api: Api, shop: Shop, receiver: Receiver) -> None:
    path, row = await failed_once(api, shop, receiver)
    made = [await shop.happens() for _ in range(4)]
    await deliver(await shop.endpoint(row.endpoint_id))
    first = (await api.send("GET", f"{path}/deliveries?limit=3")).json()
    rest = (await api.send("GET", f"{path}/deliveries?limit=3&starting_after={first['next_cursor']}")).json()
    assert [one["event_id"] for one in first["data"] + rest["data"]] == [*made[::-1], row.event_id]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    pending = (await api.send("GET", f"{path}/deliveries?state=pending")).json()["data"]
    assert [one["id"] for one in pending] == [row.id]
    of_one = (await api.send("GET", f"{path}/deliveries?event_id={made[1]}")).json()["data"]
    assert [one["event_id"] for one in of_one] == [made[1]]
    assert (await api.send("GET", f"{path}/deliveries?state=nothing")).status_code == 400


async def test_a_redelivery_goes_now_and_under_the_same_id(api: Api, shop: Shop, receiver: Receiver) -> None:
    path, row = await failed_once(api, shop, receiver)
    endpoint = await shop.endpoint(row.endpoint_id)
    answer = await api.send("POST", f"{path}/deliveries/{row.id}/redeliver")
    assert (answer.status_code, answer.json()["state"]) == (200, "pending")
    await deliver(endpoint)
    await api.send("POST", f"{path}/deliveries/{row.id}/redeliver")  # one that was delivered, too
    await deliver(endpoint)
    assert [request.headers["webhook-id"] for request in receiver.received] == [row.event_id] * 3
    log = (await api.send("GET", f"{path}/deliveries/{row.id}")).json()["log"]
    assert [(one["number"], one["status"]) for one in log] == [(1, 500), (2, 204), (3, 204)]


async def test_a_disabled_endpoint_takes_no_redelivery(api: Api, shop: Shop, receiver: Receiver) -> None:
    path, row = await failed_once(api, shop, receiver)
    await api.send("PATCH", path, {"enabled": False})
    answer = await api.send("POST", f"{path}/deliveries/{row.id}/redeliver")
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "This webhook endpoint is disabled. Enable it first.",
    )


async def test_recovery_sends_what_was_canceled_or_missed_and_nothing_twice(
    api: Api, shop: Shop, receiver: Receiver
) -> None:
    made = await api.made(receiver.url, event_types=["payment.*"])
    path, endpoint = f"{PATH}/{made['id']}", await shop.endpoint(made["id"])
    told = await shop.happens()
    await deliver(endpoint)
    canceled = await shop.happens()
    await api.send("PATCH", path, {"enabled": False})
    missed = await shop.happens()
    await shop.happens(EventType.INVOICE_PAID)
    await api.send("PATCH", path, {"enabled": True})
    await api.send("POST", f"{path}/test")
    answer = (await api.send("POST", f"{path}/recover")).json()
    assert (answer["events"], answer["has_more"]) == (2, False)
    await deliver(endpoint)
    ids = [message["id"] for message in receiver.messages() if message["type"] != "webhook_endpoint.test"]
    assert sorted(ids) == sorted([told, canceled, missed])
    assert (await api.send("POST", f"{path}/recover")).json()["events"] == 0


async def test_recovery_is_bounded_in_number_and_in_time(
    api: Api, shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARWAY_LIMITS__WEBHOOK_OUT_RECOVER_MAX", "2")
    get_settings.cache_clear()
    made = await api.made(receiver.url)
    path = f"{PATH}/{made['id']}"
    await api.send("PATCH", path, {"enabled": False})
    events = [await shop.happens() for _ in range(3)]
    await api.send("PATCH", path, {"enabled": True})
    first, second = [(await api.send("POST", f"{path}/recover")).json() for _ in range(2)]
    assert [(one["events"], one["has_more"]) for one in (first, second)] == [(2, True), (1, False)]
    await deliver(await shop.endpoint(made["id"]))
    assert sorted(message["id"] for message in receiver.messages()) == sorted(events)
    now = clock_port.now()
    for since, until in ((now, now), (now - timedelta(days=31), now)):
        span = {"since": since.isoformat(), "until": until.isoformat()}
        answer = await api.send("POST", f"{path}/recover", span)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "since")


async def test_the_list_of_events_has_their_sequence_numbers(api: Api, shop: Shop) -> None:
    for _ in range(3):
        await shop.happens_quietly(object_id="pay_7")
    found = (await api.send("GET", "/v1/events?object_id=pay_7")).json()["data"]
    assert [event["sequence"] for event in found] == [3, 2, 1]
