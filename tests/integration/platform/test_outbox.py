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


async def test_work_that_was_begun_and_never_ended_is_suspected(database: str) -> None:
    bell = await ring_once()
    for _ in range(outbox.SUSPECT_AFTER):
        assert (await outbox.begin([bell])).free == (bell,)
    assert await outbox.begin([bell]) == outbox.Begun((), (bell,))
    assert await outbox.begin_suspect(bell) == outbox.SUSPECT_AFTER + 1


async def test_work_that_ended_in_any_way_is_not_suspected(database: str) -> None:
    bell = await ring_once()
    for number in range(2 * outbox.BEGUN_MAX):
        assert (await outbox.begin([bell])).free == (bell,)
        if number % 2:
            await outbox.finish(bell, Later(NOW))
        else:
            await outbox.fail(bell, "ValueError: no", NOW)


async def test_work_that_always_has_news_when_it_ends_is_not_suspected(database: str) -> None:
    bell = await ring_once()
    for number in range(2 * outbox.BEGUN_MAX):
        assert (await outbox.begin([bell])).free == (bell,)
        async with transaction():
            await outbox.enqueue("topic", "subject", NOW)
        await outbox.finish(bell, Later(NOW) if number % 2 else None)
        (bell,) = await outbox.take_due(after(60 * number))


async def test_news_about_what_killed_its_workers_is_worth_one_more_try(database: str) -> None:
    bell = await ring_once()
    await outbox.begin([bell])
    for _ in range(outbox.BEGUN_MAX):
        await outbox.begin_suspect(bell)
    await outbox.park(bell, "it kills", NOW)
    assert await outbox.begin([bell]) == outbox.Begun((), ())
    async with transaction():
        await outbox.enqueue("topic", "subject", NOW)
    assert await outbox.begin_suspect(bell) == outbox.BEGUN_MAX
    assert await outbox.begin_suspect(bell) == outbox.BEGUN_MAX + 1


async def test_a_bell_that_the_broker_repeats_when_its_work_is_done_is_not_answered(database: str) -> None:
    bell = await ring_once()
    await outbox.finish(bell, None)
    assert await outbox.begin([bell]) == outbox.Begun((), ())
