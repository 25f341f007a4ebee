"""The door: acknowledged is kept, many at once share a commit, one that cannot be kept fails nobody else."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from msgspec import structs
from payment_shop import Shop
from raw_webhooks import Raw, Receiver
from signed import column, stripe_event, stripe_headers, told_by_stripe

from orchestrator.access import secrets
from orchestrator.webhooks import arrivals, log, store
from orchestrator.webhooks import service as webhooks

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_webhooks_that_arrive_at_once_share_few_statements(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    real = store.keep

    async def counted(deliveries: Any, topic: str) -> list[int]:
        sizes.append(len(deliveries))
        return await real(deliveries, topic)

    monkeypatch.setattr(store, "keep", counted)
    assert await asyncio.gather(*(told_by_stripe(shop, stripe_event()) for _ in range(60))) == [1] * 60
    assert (sum(sizes), len(sizes) <= 6) == (60, True), sizes
    assert await column("SELECT count(*) FROM outbox WHERE topic = $1", webhooks.TOPIC) == [60]


async def test_one_that_cannot_be_kept_fails_nobody_else(shop: Shop) -> None:
    good = [_delivery(shop, f"evt_{number}") for number in range(5)]
    broken = _delivery(shop, "evt_broken")
    broken = structs.replace(broken, messages=(structs.replace(broken.messages[0], kind="x" * 41),))
    puts = [arrivals._keeping.put(one) for one in (*good[:3], broken, *good[3:])]
    results = await asyncio.gather(*puts, return_exceptions=True)
    assert [it for it in results if not isinstance(it, Exception)] == [1] * 5
    assert [type(it).__name__ for it in results if isinstance(it, Exception)] == ["StringDataRightTruncationError"]


async def test_writing_a_batch_again_after_a_lost_answer_changes_nothing(shop: Shop) -> None:
    batch = [_delivery(shop, f"evt_{number}") for number in range(3)]
    assert await store.keep(batch, webhooks.TOPIC) == [1, 1, 1]
    await store.keep(batch, webhooks.TOPIC)
    for table, count in (("webhook_delivery", 3), ("webhook_message", 3), ("outbox", 3)):
        assert await column(f"SELECT count(*) FROM {table}") == [count], table


async def test_an_event_that_comes_twice_at_once_is_new_once(shop: Shop) -> None:
    body = stripe_event()
    news = await asyncio.gather(*(told_by_stripe(shop, body) for _ in range(8)))
    assert sorted(news) == [0] * 7 + [1]
    (row,) = await store.latest([shop.accounts["stripe"]], 10)
    assert row.duplicates == 7
    assert await column("SELECT count(*) FROM webhook_delivery") == [1]


@pytest.mark.parametrize("oddity", ["a\x00b", "\ud800 half a pair", "long" * 100])
async def test_what_postgresql_cannot_keep_is_made_keepable(shop: Shop, oddity: str) -> None:
    body = stripe_event(id=f"evt_{oddity}")
    assert [await told_by_stripe(shop, body) for _ in range(2)] == [1, 0]


async def test_the_body_is_kept_sealed_with_card_numbers_masked(shop: Shop) -> None:
    body = stripe_event(object={"description": "card 4242 4242 4242 4242, thanks", "note": "é"})
    await told_by_stripe(shop, body)
    (row,) = await store.latest([shop.accounts["stripe"]], 1)
    (sealed,) = await column("SELECT sealed_body FROM webhook_delivery")
    assert b"payment_intent" not in bytes(sealed)
    assert await column("SELECT body FROM webhook_delivery") == [None]
    kept = (await log.request_of(row.delivery_id)).body
    assert kept == secrets.unseal_bytes(bytes(sealed))
    assert b"4242 4242" not in kept
    assert b"thanks" in kept
    assert len(kept) == len(body)


async def test_a_flood_of_forgeries_is_counted_and_not_kept(shop: Shop, limits: Any) -> None:
    limits(webhook_rejections_kept_max=5)
    for size in (2, 10, 8):
        forged = [webhooks.receive(shop.accounts["stripe"], {}, b"{}") for _ in range(size)]
        answers = await asyncio.gather(*forged, return_exceptions=True)
        assert {type(it) for it in answers} == {webhooks.Rejected}
    assert await column("SELECT count(*) FROM webhook_rejection") == [5]
    assert (await store.counts([shop.accounts["stripe"]])).rejected == 20


async def test_another_hour_and_another_account_have_room_of_their_own(shop: Shop) -> None:
    from datetime import UTC, datetime

    said = store.NewRejection(shop.accounts["stripe"], "no", datetime(2026, 1, 1, 10, 59, 59, tzinfo=UTC))
    later = structs.replace(said, rejected_at=datetime(2026, 1, 1, 11, 0, 0, tzinfo=UTC))
    other = structs.replace(said, gateway_account_id=shop.accounts["adyen"])
    await store.reject([said, later, said, other, said, later], kept_max=2)
    await store.reject([said, other], kept_max=2)
    kept = "SELECT count(*) FROM webhook_rejection GROUP BY gateway_account_id, date_trunc('hour', rejected_at)"
    assert await column(kept) == [2, 2, 2]
    assert sorted(await column("SELECT rejected FROM webhook_rejection_hour")) == [2, 2, 4]


async def test_the_gateways_get_the_answers_they_want(
    shop: Shop, receiver: Receiver, client: httpx.AsyncClient
) -> None:
    body = stripe_event()
    answer = await client.post(f"/webhooks/{shop.accounts['stripe']}", content=body, headers=stripe_headers(body))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["x-request-id"].startswith("req_")
    raw = await adyens_capture(shop, receiver)
    answer = await client.post(f"/webhooks/{shop.accounts['adyen']}", content=raw.body, headers=raw.headers)
    assert (answer.status_code, answer.content) == (202, b"[accepted]")


async def test_what_is_no_webhook_is_refused_in_words(shop: Shop, client: httpx.AsyncClient) -> None:
    at = f"/webhooks/{shop.accounts['stripe']}"
    for answer, status, code in (
        (await client.post(at, content=b"{}"), 401, "webhook_rejected"),
        (await client.post("/webhooks/ga_none", content=b"{}"), 404, "not_found"),
        (await client.post("/webhooks/%00", content=b"{}"), 404, "not_found"),
        (await client.post("/webhooks/", content=b"{}"), 404, "not_found"),
        (await client.get(at), 405, "method_not_allowed"),
        (await client.post(at, content=b" " * 1_000_001), 413, "body_too_large"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await client.get(at)).headers["allow"] == "POST"


async def test_a_body_without_a_length_is_read_only_so_far(shop: Shop, client: httpx.AsyncClient, limits: Any) -> None:
    limits(webhook_body_max_bytes=2_000)
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        for _ in range(100):
            sent += 500
            yield b" " * 500

    answer = await client.post(f"/webhooks/{shop.accounts['stripe']}", content=endless())
    assert answer.status_code == 413


async def adyens_capture(shop: Shop, receiver: Receiver) -> Raw:
    from test_webhooks_in import pay_at

    return await receiver.told(await pay_at(shop, "adyen"), "CAPTURE")


def _delivery(shop: Shop, event_key: str) -> store.NewDelivery:
    from orchestrator.clock_port import now
    from orchestrator.ids import new_id

    message = store.NewMessage(new_id("whk"), event_key, "test", "payment.captured", {"event_key": event_key})
    return store.NewDelivery(new_id("whd"), shop.accounts["stripe"], "{}", b"sealed", now(), (message,))
