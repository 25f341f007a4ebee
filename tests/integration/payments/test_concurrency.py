"""Two of everything at once: processes, tabs, verbs, and news from two sides."""

from __future__ import annotations

import asyncio
import contextvars
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from msgspec import structs
from payment_shop import CHALLENGED, Shop, driven, euros, story_of
from raw_webhooks import Receiver, deliver

from orchestrator import clock_port, db, outbox
from orchestrator.db import transaction
from orchestrator.errors import Conflict
from orchestrator.ledger import service as ledger
from orchestrator.outbox import Outbox
from orchestrator.payments import driver, service, store
from orchestrator.payments.records import OperationRow, OperationState, PaymentRow, PaymentStatus, Story
from orchestrator.payments.service import NewPayment

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUERIES_MAX = 17  # with BEGIN and COMMIT


async def clearing(shop: Shop) -> int:
    rows = await ledger.balances(shop.merchant_id)
    return sum(row.balance_minor for row in rows if row.kind == "gateway_clearing")


async def started(shop: Shop, **more: str) -> PaymentRow:
    return await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card(), **more))


async def test_several_processes_driving_one_payment_charge_once(shop: Shop) -> None:
    hosted = await service.create(NewPayment(shop.merchant_id, euros(1999)))
    paying = asyncio.create_task(service.pay(hosted.public_token, await shop.card()))
    for _ in range(10):
        await asyncio.gather(*(driver.drive(hosted.id) for _ in range(3)))
    payment = await paying
    assert (payment.status, len((await story_of(payment)).attempts)) == (PaymentStatus.CAPTURED, 1)
    assert (len(await shop.kept(payment)), await clearing(shop)) == (1, 1999)


async def test_two_tabs_paying_one_hosted_payment_at_once_charge_once(shop: Shop) -> None:
    hosted = await service.create(NewPayment(shop.merchant_id, euros(1999)))
    cards = [await shop.card(), await shop.card("5555555555554444")]
    results = await asyncio.gather(*(service.pay(hosted.public_token, card) for card in cards), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "PaymentRow"]
    assert (len(await shop.kept(hosted)), await clearing(shop)) == (1, 1999)


async def test_another_card_is_refused_while_the_first_is_unknown(shop: Shop) -> None:
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="lose_reply")
    hosted = await service.create(NewPayment(shop.merchant_id, euros(1999)))
    paying = asyncio.create_task(service.pay(hosted.public_token, await shop.card()))
    async with asyncio.timeout(90):
        while not any(op.state is OperationState.UNKNOWN for op in (await story_of(hosted)).operations):
            await asyncio.sleep(0.02)
    with pytest.raises(Conflict):
        await service.pay(hosted.public_token, await shop.card("5555555555554444"))
    await driven(hosted, paying)
    assert (await paying).status is PaymentStatus.CAPTURED
    assert len(await shop.charges(hosted)) == 1


@pytest.mark.parametrize("pause_s", [0.0, 0.005, 0.02])
async def test_of_cancel_and_capture_at_once_one_wins_and_the_gateway_agrees(shop: Shop, pause_s: float) -> None:
    payment = await started(shop, capture_method="manual")

    async def cancel() -> PaymentRow:
        await asyncio.sleep(pause_s)
        return await service.cancel(shop.merchant_id, payment.id)

    results = await asyncio.gather(
        service.capture(shop.merchant_id, payment.id, None), cancel(), return_exceptions=True
    )
    (won,) = [result for result in results if isinstance(result, PaymentRow)]
    (charge,) = await shop.charges(payment)
    assert won.status in (PaymentStatus.CAPTURED, PaymentStatus.CANCELED)
    assert charge["voided"] is (won.status is PaymentStatus.CANCELED)
    assert await clearing(shop) == charge["captured_minor"] == won.amount_captured_minor


async def test_a_webhook_and_the_returning_shopper_at_once_take_the_money_once(shop: Shop) -> None:
    receiver = Receiver()
    server = await receiver.start()
    await receiver.listen_to(shop, "stripe")
    card = await shop.card(CHALLENGED)
    payment = await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=card))
    (attempt,) = (await story_of(payment)).attempts
    assert attempt.next_action is not None
    await shop.world.post(attempt.next_action["url"], data={"password": "password"})
    raw = await receiver.told(payment, "payment_intent.amount_capturable_updated")
    returned, _ = await asyncio.gather(service.complete(payment.id, {}), deliver(shop, raw))
    server.close()
    assert (returned.status, len(await shop.kept(payment))) == (PaymentStatus.CAPTURED, 1)
    assert await clearing(shop) == 1999


async def test_a_bell_of_the_past_does_not_strike_out_a_watchdog_of_the_present(database: str) -> None:
    now = clock_port.now()
    async with transaction():
        await outbox.enqueue("payment.advance", "pay_1", now)
    (bell,) = await outbox.take_due(now + timedelta(seconds=1))
    async with transaction():  # its handler finds nothing to do, and then another process begins a refund
        await outbox.dismiss(bell.topic, bell.subject)
    async with transaction():
        await outbox.postpone(bell.topic, bell.subject, now + timedelta(seconds=49))
    await outbox.finish(bell, None)
    assert await Outbox.count() == 1


async def test_a_happy_payment_needs_few_queries(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a budget to be used up: create, confirm and capture, each written down before it is sent."""
    queries: list[str] = []
    for name in ("_execute", "execute"):  # what takes arguments, and what does not, such as COMMIT
        monkeypatch.setattr(asyncpg.Connection, name, _counted(getattr(asyncpg.Connection, name), queries))
    card = await shop.card()
    await started(shop)  # the connections and the ledger's accounts are there from now on
    asked: list[list[str]] = []
    for _ in range(3):  # what is remembered for a second is asked for again after a slow one
        queries.clear()
        payment = await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=card))
        assert payment.status is PaymentStatus.CAPTURED
        asked.append(queries[:])
        card = await shop.card()
    fewest = min(asked, key=len)
    assert len(fewest) <= QUERIES_MAX, "\n".join(query[:120] for query in fewest)


async def test_a_locked_story_is_all_that_is_stored(shop: Shop) -> None:
    payment = await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card()))
    async with transaction():
        locked = await store.lock_story(payment.id)
        names = await db.fetch("SELECT json_object_keys(operations->0) AS it FROM locked_payment($1)", payment.id)
    assert locked == await story_of(payment)
    assert {row["it"] for row in names} == set(OperationRow.__struct_fields__)
    assert await store.lock_story("pay_nobody") is None


async def test_who_waited_for_a_payment_reads_what_was_written_meanwhile(shop: Shop) -> None:
    payment = await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card()))
    operation = (await story_of(payment)).operations[-1]

    async def read() -> Story | None:
        async with transaction():
            return await store.lock_story(payment.id)

    async with transaction():
        await store.lock_payment(payment.id)
        waiting = asyncio.create_task(read(), context=contextvars.Context())
        await _until_somebody_waits()
        await store.update_operation(operation, {"detail": "written meanwhile"})
    story = await waiting
    assert story is not None
    assert story.operations[-1].detail == "written meanwhile"


async def _until_somebody_waits() -> None:
    for _ in range(6000):
        (row,) = await db.fetch("SELECT count(*) AS n FROM pg_locks WHERE NOT granted")
        if row["n"]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits for the lock")


def _counted(run: Any, queries: list[str]) -> Any:
    def counted(connection: Any, query: str, *args: Any, **kwargs: Any) -> Any:
        queries.append(query)
        return run(connection, query, *args, **kwargs)

    return counted


async def test_an_operation_that_was_moved_meanwhile_is_not_moved_again(shop: Shop) -> None:
    payment = await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card()))
    operation = (await story_of(payment)).operations[-1]
    stale = structs.replace(operation, state=OperationState.SENT)

    async def move() -> None:
        async with transaction():
            await store.lock_payment(payment.id)
            await store.update_payment(payment.id, {"amount_captured_minor": 0}, clock_port.now())
            await store.update_operation(stale, {"state": OperationState.UNKNOWN})

    with pytest.raises(store.OperationMoved):
        await move()
    found = await store.payment(payment.id)
    assert found == payment
    assert (await story_of(payment)).operations[-1] == operation
