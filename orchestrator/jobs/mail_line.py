"""Mails stand in line: few are sent at once, few wait for that in a worker, the others in the outbox.

After an outage hundreds may be due together. A mail server would turn the sender away, and a worker's thread is taken
until all that came in its message is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from orchestrator import clock_port
from orchestrator.outbox import Later

AT_ONCE_MAX = 4  # of one process
WAITING_MAX = 8  # of one process
PAUSE_S = 2  # until one that found no place in the line rings again

_counter = asyncio.Semaphore(AT_ONCE_MAX)
_waiting: set[str] = set()

Handler = Callable[[str], Awaitable[Later | None]]


def in_line(send: Handler) -> Handler:
    """The handler of a topic that sends mails, taking its turn."""

    async def take_turn(subject: str) -> Later | None:
        if _counter.locked() and len(_waiting) >= WAITING_MAX:
            return Later(clock_port.now() + timedelta(seconds=PAUSE_S), tried=False)
        _waiting.add(subject)
        try:
            await _counter.acquire()
        finally:
            _waiting.discard(subject)
        try:
            return await send(subject)
        finally:
            _counter.release()

    return take_turn
