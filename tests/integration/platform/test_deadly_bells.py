"""Work that kills its worker, over and over: it is given up with its reason, and everything else gets done."""

from __future__ import annotations

from mortal_worker import mortal_workers

from orchestrator import clock_port, outbox
from orchestrator.db import fetch, transaction

NEIGHBOURS = [f"neighbour {number}" for number in range(30)]


async def parked() -> bool:
    return bool(await outbox.parked())


async def test_work_that_kills_its_worker_is_parked_with_its_reason_and_the_rest_is_done(database: str) -> None:
    now = clock_port.now()
    async with transaction():
        await outbox.enqueue("test.deadly", "poison", now)
        for name in NEIGHBOURS:
            await outbox.enqueue("test.harmless", name, now)
    async with mortal_workers() as workers:
        await workers.work_until(parked)

        async def nothing_else_waits() -> bool:
            return not await fetch("SELECT FROM outbox WHERE topic = 'test.harmless'")

        await workers.work_until(nothing_else_waits)
    ((topic, subject, error),) = await fetch("SELECT topic, subject, error FROM outbox WHERE parked_at IS NOT NULL")
    assert (topic, subject) == ("test.deadly", "poison")
    assert f"{outbox.BEGUN_MAX} times" in error
    assert workers.deaths == outbox.BEGUN_MAX
    for name in NEIGHBOURS:
        assert await outbox.last_beat(name) is not None
