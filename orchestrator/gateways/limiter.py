"""Threads of one gateway account: its slow calls fill its own threads and its own queue, never another's.

An account whose gateway asks for a pause is left alone until it is over; others go on.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from orchestrator.errors import Busy

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_MAX_CALLS = 8
DEFAULT_MAX_WAITING = 64


class AccountBusy(Busy):
    """The account's threads and queue are full, or its gateway asked for a pause. Nothing was sent."""


class AccountThreads:
    """A thread pool with a bounded queue. `max_calls` run at once, `max_waiting` more may wait; then AccountBusy."""

    def __init__(
        self, account_id: str, *, max_calls: int = DEFAULT_MAX_CALLS, max_waiting: int = DEFAULT_MAX_WAITING
    ) -> None:
        self.account_id = account_id
        self._limit = max_calls + max_waiting
        self._taken = 0
        self._paused_until = 0.0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max_calls, thread_name_prefix=f"gateway-{account_id}")

    async def run(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a blocking call in one of the account's threads. Raises AccountBusy, and whatever `fn` raises.

        A caller that is cancelled gives up waiting; a call that has started runs to its end and its result is lost.
        """
        pause_s = self._paused_until - time.monotonic()
        if pause_s > 0:
            raise AccountBusy(f"{self.account_id} asked for a pause, of which {pause_s:.0f} s are left")
        return await self.run_in_pause(fn, *args, **kwargs)

    async def run_in_pause(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """As `run`, for what the gateway does not count as a call: its webhooks come in a pause too."""
        with self._lock:
            if self._taken >= self._limit:
                raise AccountBusy(f"{self.account_id} has {self._taken} calls running or waiting")
            self._taken += 1
        try:
            future = self._pool.submit(fn, *args, **kwargs)
        except BaseException:
            self._release()
            raise
        future.add_done_callback(lambda _: self._release())
        return await asyncio.wrap_future(future)

    def pause(self, seconds: float) -> None:
        """Start nothing for so long: what a gateway asks for with `Retry-After`. In this process only."""
        with self._lock:
            self._paused_until = max(self._paused_until, time.monotonic() + seconds)

    def close(self) -> None:
        """Take no more calls, drop those not started; running ones end by their own time-outs."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _release(self) -> None:
        with self._lock:
            self._taken -= 1
