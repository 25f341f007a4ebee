"""Writes that share a commit: each caller gets its own result, and nobody another's error."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from orchestrator.errors import Busy
from orchestrator.gathering import Gathering


class Writer:
    """Doubles numbers, one batch at a time; refuses 13."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def write(self, items: Sequence[int]) -> list[int]:
        await self.gate.wait()
        self.batches.append(list(items))
        if 13 in items:
            raise ValueError("13")
        return [item * 2 for item in items]


async def test_what_comes_while_a_write_is_out_goes_together_in_order() -> None:
    writer = Writer()
    gathering = Gathering(writer.write, size_max=3, waiting_max=100)
    assert await asyncio.gather(*(gathering.put(item) for item in range(7))) == [0, 2, 4, 6, 8, 10, 12]
    assert writer.batches == [[0, 1, 2], [3, 4, 5], [6]]


async def test_one_that_cannot_be_written_fails_alone() -> None:
    writer = Writer()
    gathering = Gathering(writer.write, size_max=10, waiting_max=100)
    results = await asyncio.gather(*(gathering.put(item) for item in (1, 13, 2)), return_exceptions=True)
    assert [str(it) for it in results] == ["2", "13", "4"]
    assert await gathering.put(5) == 10, "and it goes on"


async def test_a_caller_that_went_away_takes_nobody_with_it() -> None:
    writer = Writer()
    writer.gate.clear()
    gathering = Gathering(writer.write, size_max=10, waiting_max=100)
    first, gone, last = (asyncio.create_task(gathering.put(item)) for item in (1, 2, 3))
    await asyncio.sleep(0)
    gone.cancel()
    writer.gate.set()
    assert [await first, await last] == [2, 6]


async def test_more_than_may_wait_is_refused_at_once() -> None:
    writer = Writer()
    gathering = Gathering(writer.write, size_max=1, waiting_max=2)
    results = await asyncio.gather(*(gathering.put(item) for item in range(4)), return_exceptions=True)
    assert [type(it) for it in results] == [int, int, Busy, Busy]
