"""Runs what is due, timers and webhooks, in order of time: as real time passes and when the clock is put forward."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from simulators.clock import Timer
from simulators.registry import TimerHandler
from simulators.webhooks import Sender
from simulators.world import World

_LONGEST_SLEEP_S = 3600.0
_log = logging.getLogger(__name__)


class Timekeeper:
    """`changed` is called whenever something may have changed in the world without a request."""

    def __init__(
        self,
        world: World,
        sender: Sender,
        handlers: Mapping[str, Mapping[str, TimerHandler]],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._world = world
        self._sender = sender
        self._handlers = handlers
        self._changed = changed
        self._bell = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._begun: set[asyncio.Task[None]] = set()  # what handlers have begun and not ended yet

    def start(self) -> None:
        self._world.bell = self._bell.set
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._sender.stop()
        self._sender.accept_notices()

    async def advance(self, seconds: float) -> None:
        """Puts the clock forward, stopping at each thing that is due on the way; webhooks due are tried before it goes
        on. Raises ValueError for a negative number."""
        if seconds < 0:
            raise ValueError("advance_seconds must not be negative: time does not run backwards")
        clock = self._world.clock
        target = clock.offset + timedelta(seconds=seconds)
        while True:
            self._run_due()
            await asyncio.gather(*self._begun)
            await self._sender.finish()
            due = self._next_due()
            if due is None or due - (clock.now() - clock.offset) > target:
                break
            clock.reach(due)
        clock.reach_offset(target)

    async def _run(self) -> None:
        while True:
            self._bell.clear()
            self._run_due()
            due = self._next_due()
            left_s = _LONGEST_SLEEP_S if due is None else (due - self._world.clock.now()).total_seconds()
            try:
                await asyncio.wait_for(self._bell.wait(), min(max(left_s, 0.0), _LONGEST_SLEEP_S))
            except TimeoutError:
                continue

    def _next_due(self) -> datetime | None:
        self._sender.accept_notices()
        dues = [due for due in (self._world.timers.next_due(), self._sender.next_due()) if due is not None]
        return min(dues, default=None)

    def _run_due(self) -> None:
        while timer := self._world.timers.take_due(self._world.clock.now()):
            self._call(timer)
        self._sender.accept_notices()
        self._sender.start_due(self._world.clock.now())
        self._changed()

    def _call(self, timer: Timer) -> None:
        """A handler's mistake is logged and stops no other timer."""
        try:
            begun = self._handlers[timer.gateway][timer.handler](self._world, timer.facts)
        except Exception:
            _log.exception("timer %s of %s failed", timer.handler, timer.gateway)
            return
        if begun is not None:
            task = asyncio.get_running_loop().create_task(begun)
            self._begun.add(task)
            task.add_done_callback(self._begun.discard)
