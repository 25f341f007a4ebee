"""Five days of work are due at once: they are done in bounded steps, and what is new does not wait behind all of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestrator import clock, clock_port, outbox
from orchestrator.db import transaction
from orchestrator.jobs.bells import bells
from orchestrator.outbox import Outbox

pytestmark = pytest.mark.asyncio(loop_scope="session")
BACKLOG = 3 * outbox.RELAY_BATCH_MAX + 17
OUTAGE = timedelta(days=5)


async def leave_undone(count: int) -> None:
    begun = clock_port.now() - OUTAGE
    async with transaction():
        for number in range(count):
            await outbox.enqueue("payment.advance", f"pay_{number:032}", begun + timedelta(minutes=number))


async def test_one_look_of_the_clock_takes_a_bounded_part_of_the_backlog(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[list[tuple[str, str, int]]] = []
    monkeypatch.setattr(bells, "send", sent.append)
    await leave_undone(BACKLOG)
    assert await clock.relay() == outbox.RELAY_BATCH_MAX
    assert max(len(message) for message in sent) <= clock.BELLS_A_MESSAGE


async def test_the_backlog_is_rung_once_each_and_the_oldest_first(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[list[tuple[str, str, int]]] = []
    monkeypatch.setattr(bells, "send", sent.append)
    await leave_undone(BACKLOG)
    looks = 0
    while await clock.relay():
        looks += 1
    rung = [subject for message in sent for _, subject, _ in message]
    assert (looks, len(rung), len(set(rung))) == (4, BACKLOG, BACKLOG)
    first = rung[: outbox.RELAY_BATCH_MAX]
    assert set(first) == {f"pay_{number:032}" for number in range(outbox.RELAY_BATCH_MAX)}
    assert await Outbox.count().where(Outbox.parked_at.is_not_null()) == 0


async def test_what_was_rung_in_vain_for_days_is_not_given_up_at_the_first_failure(database: str) -> None:
    """The clock rings every fifteen seconds while no worker is there; that says nothing of the work."""
    await leave_undone(1)
    now = clock_port.now()
    for _ in range(2 * outbox.TRIES_MAX):
        (bell,) = await outbox.take_due(now)
        now += timedelta(seconds=outbox.RING_AGAIN_S)
    await outbox.fail(bell, "the database was in recovery mode", now)
    assert await outbox.parked() == 0
    assert await outbox.take_due(now + timedelta(seconds=outbox.BACKOFF_S[1])) == [bell]
