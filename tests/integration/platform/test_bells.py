"""Bells that come in one message: each is answered by itself."""

from __future__ import annotations

from typing import Any

from orchestrator import clock_port, outbox
from orchestrator.db import transaction
from orchestrator.jobs.bells import bells
from orchestrator.outbox import Outbox
from orchestrator.payments import driver


async def test_a_bell_that_fails_does_not_keep_its_neighbours_from_their_answer(database: str) -> None:
    now = clock_port.now()
    async with transaction():
        await outbox.enqueue(driver.TOPIC, "pay_of_nobody", now)
        await outbox.enqueue(outbox.HEARTBEAT, "worker", now)
    due = await outbox.take_due(now)
    inside: Any = bells.fn.__wrapped__  # type: ignore[attr-defined] # as its process runs it, in a loop of its own
    await inside([(bell.topic, bell.subject, bell.version) for bell in due])
    assert await outbox.last_beat("worker") is not None
    (left,) = await Outbox.select(Outbox.subject, Outbox.error)
    assert left["subject"] == "pay_of_nobody"
    assert "NotFound" in left["error"]
