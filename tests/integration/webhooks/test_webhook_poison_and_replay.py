"""Messages that cannot be applied park and block nobody; what is applied again has its effect once."""

from __future__ import annotations

import asyncio
import contextvars
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from payment_shop import Shop
from raw_webhooks import Receiver, adyen_says, apply_all, deliver
from signed import column, stripe_event, told_by_stripe
from test_webhooks_in import clearing, now, pay_at

from orchestrator import clock_port
from orchestrator.access import secrets
from orchestrator.db import fetch
from orchestrator.errors import NotFound
from orchestrator.gateways import connections
from orchestrator.ids import new_id
from orchestrator.notifications import store as events
from orchestrator.payments.records import PaymentStatus
from orchestrator.refunds import service as refunds
from orchestrator.refunds.service import RefundStatus
from orchestrator.webhooks import replay, store
from orchestrator.webhooks import service as webhooks
from orchestrator.webhooks.log import Filter
from orchestrator.webhooks.store import WebhookRow

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def lock_out(account_id: str) -> str:
    """Have the account's credentials be sealed with a key that is gone; what they were."""
    (sealed,) = await column("SELECT sealed_credentials FROM gateway_account WHERE id = $1", account_id)
    await fetch("UPDATE gateway_account SET sealed_credentials = 'gAAAAABno' WHERE id = $1", account_id)
    connections.close_all()
    return str(sealed)


async def let_in(account_id: str, sealed: str) -> None:
    await fetch("UPDATE gateway_account SET sealed_credentials = $2 WHERE id = $1", account_id, sealed)


async def only_message(shop: Shop, gateway: str) -> WebhookRow:
    (row,) = await store.latest([shop.accounts[gateway]], 10)
    return row


async def ring_all() -> None:
    """Answer all bells of webhooks side by side, as a worker does."""
    from orchestrator import outbox
    from orchestrator.jobs import bells

    await fetch("UPDATE outbox SET due_at = now() WHERE topic = $1", webhooks.TOPIC)
    due = await outbox.take_due(clock_port.now())
    await asyncio.gather(*(bells._answer(bell) for bell in due if bell.topic == webhooks.TOPIC))


async def test_a_message_for_credentials_that_cannot_be_unsealed_parks_and_is_applied_again(
    shop: Shop, receiver: Receiver, limits: Any
) -> None:
    limits(webhook_apply_tries_max=3)
    payment = await pay_at(shop, "adyen")
    captured, account_id = await receiver.told(payment, "CAPTURE"), shop.accounts["adyen"]
    await webhooks.receive(account_id, captured.headers, captured.body)
    sealed = await lock_out(account_id)
    for tries in (1, 2):
        with pytest.raises(secrets.SecretUnreadable):
            await webhooks.apply((await only_message(shop, "adyen")).id)
        row = await only_message(shop, "adyen")
        assert (row.state, row.tries) == ("received", tries)
    await webhooks.apply(row.id)
    row = await only_message(shop, "adyen")
    assert (row.state, row.tries) == ("parked", 3)
    assert row.note.startswith("SecretUnreadable: ")
    told = [it for it in await events.events_of(shop.merchant_id, limit=50) if it.type == "webhook.parked"]
    assert [it.object_id for it in told] == [row.id]
    assert (await now(payment)).status is PaymentStatus.AUTHORISED

    await let_in(account_id, sealed)
    assert (await replay.one(shop.merchant_id, row.id)).state == "received"
    await ring_all()
    row = await only_message(shop, "adyen")
    assert (row.state, row.replays, row.tries) == ("applied", 1, 0)
    assert ((await now(payment)).status, await clearing(shop)) == (PaymentStatus.CAPTURED, 1999)


@pytest.mark.parametrize("poison", ['{"event_key": 7}', "[]", '{"kind": "payment.captured"}'])
async def test_content_that_breaks_the_parser_parks_and_blocks_nobody(shop: Shop, limits: Any, poison: str) -> None:
    limits(webhook_apply_tries_max=1)
    await told_by_stripe(shop, stripe_event())
    broken = await only_message(shop, "stripe")
    await fetch("UPDATE webhook_message SET content = $2 WHERE id = $1", broken.id, poison)
    for _ in range(3):
        await told_by_stripe(shop, stripe_event())
    await ring_all()
    rows = await store.latest([shop.accounts["stripe"]], 10)
    assert [row.state for row in rows] == ["ignored", "ignored", "ignored", "parked"]
    assert await column("SELECT count(*) FROM outbox WHERE topic = $1", webhooks.TOPIC) == [0]
    assert (await store.counts([shop.accounts["stripe"]])).parked == 1


async def test_a_message_that_fails_now_and_then_is_tried_again_after_a_pause(shop: Shop, limits: Any) -> None:
    limits(webhook_apply_tries_max=5)
    await told_by_stripe(shop, stripe_event())
    row = await only_message(shop, "stripe")
    content = (await column("SELECT content FROM webhook_message"))[0]
    await fetch("UPDATE webhook_message SET content = '[]'")
    await ring_all()
    ((due_at, parked_at),) = [
        (it["due_at"], it["parked_at"])
        for it in await fetch("SELECT due_at, parked_at FROM outbox WHERE subject = $1", row.id)
    ]
    assert due_at > clock_port.now() - timedelta(seconds=30)
    assert parked_at is None
    await fetch("UPDATE webhook_message SET content = $1", content)
    await ring_all()
    assert (await only_message(shop, "stripe")).state == "ignored"


async def test_an_unknown_kind_is_ignored_with_a_note(shop: Shop) -> None:
    await told_by_stripe(shop, stripe_event())
    row = await only_message(shop, "stripe")
    await fetch("UPDATE webhook_message SET content = jsonb_set(content, '{kind}', '\"weather.changed\"')")
    await webhooks.apply(row.id)
    row = await only_message(shop, "stripe")
    assert (row.state, row.note) == ("ignored", "this kind of message changes nothing")


async def test_what_is_applied_again_posts_nothing_twice(shop: Shop, receiver: Receiver) -> None:
    payment = await pay_at(shop, "adyen")
    for event in ("AUTHORISATION", "CAPTURE"):
        await deliver(shop, await receiver.told(payment, event))
    transfers = await column("SELECT count(*) FROM ledger_transfer")
    for _ in range(2):
        for row in await store.latest([shop.accounts["adyen"]], 10):
            await replay.one(shop.merchant_id, row.id)
        await apply_all(shop, "adyen")
    assert await column("SELECT count(*) FROM ledger_transfer") == transfers
    assert await clearing(shop) == 1999
    assert {row.note for row in await store.latest([shop.accounts["adyen"]], 10)} == {"known already"}


async def test_nobody_applies_another_merchants_message(shop: Shop) -> None:
    await told_by_stripe(shop, stripe_event())
    row = await only_message(shop, "stripe")
    with pytest.raises(NotFound):
        await replay.one(new_id("mer"), row.id)


async def test_a_time_span_is_applied_again_in_order_at_its_pace_and_in_parts(shop: Shop, limits: Any) -> None:
    limits(webhook_replays_per_s=4)
    began = clock_port.now()
    for _ in range(7):
        await told_by_stripe(shop, stripe_event())
    await apply_all(shop, "stripe")
    span = Filter((shop.accounts["stripe"],), since=began, until=clock_port.now() + timedelta(seconds=1))
    first = await replay.many(span, count_max=4)
    second = await replay.many(span, count_max=4, after_id=first.next_cursor)
    assert (first.count, second.count, second.next_cursor) == (4, 3, None)
    rows = await fetch("SELECT subject, due_at FROM outbox WHERE topic = $1 ORDER BY subject LIMIT 4", webhooks.TOPIC)
    gaps = {after["due_at"] - before["due_at"] for before, after in pairwise(rows)}
    assert gaps == {timedelta(seconds=0.25)}
    assert (await replay.many(span, count_max=100)).count == 0, "those in line are left to themselves"


async def test_only_what_the_filter_names_is_applied_again(shop: Shop, receiver: Receiver) -> None:
    began = clock_port.now()
    payment = await pay_at(shop, "adyen")
    for event in ("AUTHORISATION", "CAPTURE"):
        await deliver(shop, await receiver.told(payment, event))
    await told_by_stripe(shop, stripe_event())
    await apply_all(shop, "stripe")
    everywhere = tuple(shop.accounts.values())
    until = clock_port.now() + timedelta(seconds=1)
    for more, count in (
        ({"kind": "payment.captured", "state": "applied"}, 1),
        ({"kind": "refund.*"}, 0),
        ({"state": "ignored"}, 1),
        ({"state": "parked"}, 0),
        ({"payment_id": payment.id}, 1),
    ):
        assert (await replay.many(Filter(everywhere, since=began, until=until, **more), count_max=10)).count == count, (
            more
        )


async def test_a_refund_that_failed_before_its_success_was_told_stays_failed(shop: Shop, receiver: Receiver) -> None:
    payment = await pay_at(shop, "adyen")
    await deliver(shop, await receiver.told(payment, "CAPTURE"))
    view = await refunds.create(shop.merchant_id, payment.id, None, "")
    refunded = await receiver.told(payment, "REFUND")
    await deliver(shop, adyen_says(refunded, eventCode="REFUND_FAILED"))
    await deliver(shop, refunded)
    assert (await refunds.view(view.refund)).status is RefundStatus.FAILED
    assert (await clearing(shop), (await now(payment)).amount_refunded_minor) == (1999, 0)


async def test_an_account_that_hangs_holds_up_no_other(shop: Shop, receiver: Receiver) -> None:
    """A message about a payment that somebody else has locked waits; the one after it does not."""
    from orchestrator.db import transaction
    from orchestrator.payments import store as payments

    held = await pay_at(shop, "adyen")
    free = await pay_at(shop, "adyen")
    for payment in (held, free):
        raw = await receiver.told(payment, "CAPTURE")
        await webhooks.receive(shop.accounts["adyen"], raw.headers, raw.body)
    async with transaction():
        await payments.lock_payment(held.id)
        worker = asyncio.create_task(ring_all(), context=contextvars.Context())
        async with asyncio.timeout(90):
            while (await now_apart(free.id)) != "captured":
                await asyncio.sleep(0.05)
        assert not worker.done()
    await worker
    assert (await now(held)).status is PaymentStatus.CAPTURED


async def now_apart(payment_id: str) -> str:
    """The payment's status, read outside the caller's transaction."""
    read = asyncio.create_task(
        column("SELECT status FROM payment WHERE id = $1", payment_id), context=contextvars.Context()
    )
    return str((await read)[0])
