"""Received webhooks and our endpoints over the API: looked through, read raw, applied again."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from http_driving import Api, merchant_api
from payment_shop import Shop
from raw_webhooks import Receiver, apply_all, deliver
from signed import stripe_event, told_by_stripe
from test_webhooks_in import clearing, pay_at

from orchestrator import clock_port
from orchestrator.db import fetch
from orchestrator.webhooks import retention, store

pytestmark = pytest.mark.asyncio(loop_scope="session")
PLACE = "/v1/received-webhooks"


async def a_page_of_news(shop: Shop, receiver: Receiver) -> str:
    """Two applied messages of Adyen, one ignored and one waiting of Stripe; the payment's id."""
    payment = await pay_at(shop, "adyen")
    for event in ("AUTHORISATION", "CAPTURE"):
        await deliver(shop, await receiver.told(payment, event))
    await told_by_stripe(shop, stripe_event())
    await apply_all(shop, "stripe")
    await told_by_stripe(shop, stripe_event(object={"description": "4242 4242 4242 4242"}))
    return payment.id


async def test_received_webhooks_are_listed_filtered_and_paged(shop: Shop, receiver: Receiver, api: Api) -> None:
    payment_id = await a_page_of_news(shop, receiver)
    listed = (await api.get(PLACE)).json()
    assert [row["state"] for row in listed["data"]] == ["received", "ignored", "applied", "applied"]
    tomorrow = (clock_port.now() + timedelta(days=1)).isoformat()
    for params, count in (
        ({"state": "applied"}, 2),
        ({"kind": "payment.captured", "gateway_account_id": shop.accounts["adyen"]}, 1),
        ({"kind": "payment.*"}, 4),
        ({"payment_id": payment_id}, 2),
        ({"until": tomorrow}, 4),
        ({"since": tomorrow}, 0),
    ):
        assert len((await api.get(PLACE, params=params)).json()["data"]) == count, params
    first = (await api.get(PLACE, params={"limit": 3})).json()
    rest = (await api.get(PLACE, params={"limit": 3, "starting_after": first["next_cursor"]})).json()
    assert [row["id"] for row in first["data"] + rest["data"]] == [row["id"] for row in listed["data"]]
    assert (first["has_more"], rest["has_more"]) == (True, False)


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"state": "lost"}, 400, "invalid_parameter"),
        ({"kind": "DROP TABLE"}, 400, "invalid_parameter"),
        ({"since": "2026-11-23T10:00:00"}, 422, "invalid_field"),
        ({"gateway_account_id": "ga_none"}, 404, "not_found"),
    ],
)
async def test_a_filter_that_cannot_be_meant_is_refused(
    api: Api, params: dict[str, str], status: int, code: str
) -> None:
    answer = await api.get(PLACE, params=params)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_the_raw_request_can_be_read_as_long_as_it_is_kept(shop: Shop, receiver: Receiver, api: Api) -> None:
    await a_page_of_news(shop, receiver)
    (newest, *_) = (await api.get(PLACE)).json()["data"]
    told = (await api.get(f"{PLACE}/{newest['id']}")).json()
    assert '"payment_intent.succeeded"' in told["raw_body"]
    assert "4242 4242" not in told["raw_body"]
    assert told["raw_headers"]["content-type"] == "application/json"
    assert told["content"]["kind"] == "payment.captured"
    await retention.purge(clock_port.now() + timedelta(days=91))
    told = (await api.get(f"{PLACE}/{newest['id']}")).json()
    assert (told["raw_body"], told["raw_headers"]) == (None, {})


async def test_only_operators_of_the_merchant_see_anything(
    shop: Shop, receiver: Receiver, api: Api, client: httpx.AsyncClient
) -> None:
    await a_page_of_news(shop, receiver)
    (newest, *_) = (await api.get(PLACE)).json()["data"]
    stranger = await merchant_api(client, "Other Ltd")
    assert (await stranger.get(PLACE)).json()["data"] == []
    assert (await stranger.get(f"{PLACE}/{newest['id']}")).status_code == 404
    assert (await stranger.post(f"{PLACE}/{newest['id']}/replay")).status_code == 404
    reader = await merchant_api(client, "Reader Ltd", ("payments:read",))
    assert (await reader.get(PLACE)).status_code == 403


async def test_one_message_is_applied_again(shop: Shop, receiver: Receiver, api: Api) -> None:
    await a_page_of_news(shop, receiver)
    captured = (await api.get(PLACE, params={"kind": "payment.captured", "state": "applied"})).json()["data"][0]
    for _ in range(2):
        answer = await api.post(f"{PLACE}/{captured['id']}/replay", key="once")
        assert (answer.status_code, answer.json()["state"], answer.json()["replays"]) == (200, "received", 1)
    await apply_all(shop, "adyen")
    again = (await api.get(f"{PLACE}/{captured['id']}")).json()
    assert (again["state"], again["note"], await clearing(shop)) == ("applied", "known already", 1999)


async def test_a_time_span_is_applied_again_in_parts(shop: Shop, receiver: Receiver, api: Api) -> None:
    began = clock_port.now() - timedelta(seconds=1)
    await a_page_of_news(shop, receiver)
    span = {"since": began.isoformat(), "until": (clock_port.now() + timedelta(minutes=1)).isoformat(), "limit": 2}
    first = (await api.post(f"{PLACE}/replay", span)).json()
    rest = (await api.post(f"{PLACE}/replay", {**span, "starting_after": first["next_cursor"]})).json()
    assert (first["messages"], first["has_more"]) == (2, True)
    assert (rest["messages"], rest["has_more"]) == (1, False), "the one that waits is left to itself"
    backwards = {"since": span["until"], "until": span["since"]}
    assert (await api.post(f"{PLACE}/replay", backwards)).json()["code"] == "invalid_field"


async def test_our_endpoint_at_the_gateway_is_registered_checked_and_enabled(shop: Shop, api: Api) -> None:
    place = f"/v1/gateway-accounts/{shop.accounts['stripe']}/webhook-endpoint"
    unknown = (await api.get(place)).json()
    assert (unknown["enabled"], unknown["endpoint_id"]) == (None, None)
    assert (await api.post(f"{place}/check")).json()["code"] == "webhook_endpoint_unknown"
    registered = await api.post(place, key="register")
    assert (registered.status_code, registered.json()["enabled"]) == (200, True)
    assert "whsec" not in registered.text
    assert (await api.post(place, key="register")).json()["endpoint_id"] == registered.json()["endpoint_id"]
    missing = await api.post(f"{place}/check", {"endpoint_id": "we_none"})
    assert (missing.json()["enabled"], "resource_missing" in missing.json()["problem"]) == (False, True)
    refused = await api.post(f"{place}/enable", {"endpoint_id": "we_none"})
    assert (refused.status_code, refused.json()["code"]) == (502, "webhook_endpoint_refused")
    enabled = await api.post(f"{place}/enable", {"endpoint_id": registered.json()["endpoint_id"]})
    assert enabled.json()["enabled"] is True


async def test_prometheus_is_told_of_parked_rejected_and_silent(
    shop: Shop, api: Api, client: httpx.AsyncClient
) -> None:
    account_id = shop.accounts["stripe"]
    await told_by_stripe(shop, stripe_event())
    await fetch("UPDATE webhook_message SET state = 'parked'")
    await store.reject([store.NewRejection(account_id, "no", clock_port.now())] * 3, kept_max=1)
    await fetch(
        "INSERT INTO webhook_watch (gateway_account_id, silent_since, endpoint_id, endpoint_problem) "
        "VALUES ($1, $2, '', '')",
        account_id,
        clock_port.now() - timedelta(hours=2),
    )
    text = (await client.get("/metrics")).text
    assert f'clearway_webhooks_parked{{gateway_account="{account_id}"}} 1.0' in text
    assert f'clearway_webhooks_rejected{{gateway_account="{account_id}"}} 3.0' in text
    assert f'clearway_webhook_silence_seconds{{gateway_account="{account_id}"}} 720' in text
