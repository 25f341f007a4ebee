"""What arrives while a write is out waits for it, and then goes as one write: many callers share a commit."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from orchestrator.errors import Busy

Item = TypeVar("Item")
Result = TypeVar("Result")


class Gathering(Generic[Item, Result]):
    """One write at a time in this process, of at most `size_max` items; each caller waits for the write of its own.

    `write` answers one result for each item, in their order, and must bear to be repeated: where it raises for several
    items, each is tried once more alone, so that one that cannot be written fails nobody but its own caller.
    """

    def __init__(
        self, write: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], *, size_max: int, waiting_max: int
    ) -> None:
        self._write = write
        self._size_max = size_max
        self._waiting_max = waiting_max
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def put(self, item: Item) -> Result:
        """Write it, outside the caller's transaction. Raises Busy, and what `write` raises for the item."""
        if len(self._waiting) >= self._waiting_max:
            raise Busy("Too much waits to be written already. Nothing was kept; send it again soon.")
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._writer is None or self._writer.done():
            # in a context of its own: what is bound to this caller (its log lines, its transaction) is not the others'
            self._writer = asyncio.create_task(self._write_all(), context=contextvars.Context())
        return await done

    async def _write_all(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._size_max))]
            wanted = [one for one in batch if not one[1].cancelled()]
            if not await self._written(wanted) and len(wanted) > 1:
                for one in wanted:
                    await self._written([one])

    async def _written(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> bool:
        """Whether the write went well. A single item's failure is told to its caller."""
        try:
            results = await self._write([item for item, _ in batch]) if batch else ()
        except Exception as error:
            if len(batch) == 1 and not batch[0][1].done():
                batch[0][1].set_exception(error)
            return False
        for (_, done), result in zip(batch, results, strict=True):
            if not done.done():  # its caller may have gone away meanwhile
                done.set_result(result)
        return True
