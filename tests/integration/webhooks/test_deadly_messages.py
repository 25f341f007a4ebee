"""A webhook whose handling kills the worker: it parks like any other that cannot be applied, and blocks nobody."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from payment_shop import Shop
from signed import column, stripe_event, told_by_stripe

from orchestrator.db import fetch
from orchestrator.notifications import store as events
from orchestrator.webhooks import store

sys.path.append(str(Path(__file__).parents[1] / "platform"))
from mortal_worker import mortal_workers

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def states(shop: Shop) -> list[str]:
    return sorted(row.state for row in await store.latest([shop.accounts["stripe"]], 10))


async def test_a_message_whose_handling_kills_its_worker_parks_and_the_others_are_applied(shop: Shop) -> None:
    await told_by_stripe(shop, stripe_event())
    (deadly,) = await column("SELECT id FROM webhook_message")
    await fetch("UPDATE webhook_message SET content = jsonb_set(content, '{kind}', '\"deadly.news\"')")
    for _ in range(3):
        await told_by_stripe(shop, stripe_event())
    async with mortal_workers() as workers:

        async def nothing_waits() -> bool:
            return await column("SELECT count(*) FROM outbox WHERE topic = 'webhook.apply'") == [0]

        await workers.work_until(nothing_waits)
    assert await states(shop) == ["ignored", "ignored", "ignored", "parked"]
    row = await store.message(deadly)
    assert row is not None
    assert row.state == "parked"
    assert "its worker was killed" in row.note
    told = [it for it in await events.events_of(shop.merchant_id, limit=50) if it.type == "webhook.parked"]
    assert [it.object_id for it in told] == [deadly]
