"""The outbox: what is due rings, a lost bell rings again, a handler at work is left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from orchestrator import outbox
from orchestrator.db import transaction
from orchestrator.outbox import Bell, Later

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def ring_once() -> Bell:
    async with transaction():
        await outbox.enqueue("topic", "subject", NOW)
    (bell,) = await outbox.take_due(NOW)
    return bell


async def test_a_bell_that_nobody_answers_rings_again(database: str) -> None:
    bell = await ring_once()
    assert await outbox.take_due(after(outbox.RING_AGAIN_S - 1)) == []
    assert await outbox.take_due(after(outbox.RING_AGAIN_S)) == [bell]


async def test_a_bell_whose_handler_is_at_work_does_not_ring_again(database: str) -> None:
    bell = await ring_once()
    await outbox.keep(bell, after(10))
    assert await outbox.take_due(after(outbox.RING_AGAIN_S + 5)) == []
    assert await outbox.take_due(after(outbox.RING_AGAIN_S + 10)) == [bell]


async def test_news_that_comes_while_a_handler_works_is_not_struck_out_with_it(database: str) -> None:
    bell = await ring_once()
    async with transaction():
        await outbox.enqueue("topic", "subject", after(1))
    await outbox.finish(bell, None)
    (again,) = await outbox.take_due(after(1))
    assert again.version != bell.version


async def test_a_handler_that_asks_for_later_is_rung_then(database: str) -> None:
    bell = await ring_once()
    await outbox.finish(bell, Later(after(60)))
    assert await outbox.take_due(after(59)) == []
    assert len(await outbox.take_due(after(60))) == 1


async def test_what_fails_over_and_over_is_parked_with_its_error(database: str) -> None:
    moment = NOW
    bell = await ring_once()
    for _ in range(outbox.TRIES_MAX):
        await outbox.fail(bell, "ValueError: no", moment)
        moment += timedelta(hours=2)
        await outbox.take_due(moment)
    assert await outbox.parked() == 1
    assert await outbox.take_due(moment + timedelta(days=1)) == []
