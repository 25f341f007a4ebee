"""Messages that are rung together ask the database together, and each still gets what is its own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from payment_shop import Shop, euros
from signed import column, stripe_event, told_by_stripe
from test_webhooks_in import pay_at

from orchestrator.payments import service
from orchestrator.payments import store as payment_store
from orchestrator.payments.service import NewPayment
from orchestrator.webhooks import service as webhooks
from orchestrator.webhooks import store

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_messages_that_are_rung_together_share_their_statements(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: dict[str, list[int]] = {}
    for owner, name in ((store, "messages"), (store, "mark_without_effect")):
        monkeypatch.setattr(owner, name, _measured(getattr(owner, name), sizes.setdefault(name, [])))
    await asyncio.gather(*(told_by_stripe(shop, stripe_event()) for _ in range(30)))
    await asyncio.gather(*(webhooks.apply(str(one)) for one in await column("SELECT id FROM webhook_message")))
    assert {name: (sum(of), len(of) <= 4) for name, of in sizes.items()} == {
        "messages": (30, True),
        "mark_without_effect": (30, True),
    }
    assert await column("SELECT DISTINCT note FROM webhook_message") == ["nothing of ours is meant"]


async def test_stories_read_together_are_those_of_their_payments(shop: Shop) -> None:
    payments = [await pay_at(shop, "stripe") for _ in range(3)]
    payments += [await service.create(NewPayment(shop.merchant_id, euros(500)))]  # without any attempt
    told = {one.payment.id: one for one in await payment_store.stories([payment.id for payment in payments])}
    assert told == {payment.id: await payment_store.story_of(payment) for payment in payments}
    (attempt,) = told[payments[0].id].attempts
    assert await payment_store.attempts([attempt.id, "att_nobody"]) == [attempt]


def _measured(run: Any, sizes: list[int]) -> Any:
    async def measured(items: Any) -> Any:
        sizes.append(len(items))
        return await run(items)

    return measured
