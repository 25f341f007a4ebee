"""The clock that all simulators share, and what is due on it: real time plus an offset that only grows."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any


class Clock:
    """Starts at real time."""

    def __init__(self) -> None:
        self._offset = timedelta()

    @property
    def offset(self) -> timedelta:
        """How far ahead of real time."""
        return self._offset

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def advance(self, seconds: float) -> None:
        """Moves the hands and nothing else. Raises ValueError for a negative number."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._offset += timedelta(seconds=seconds)

    def reach(self, moment: datetime) -> None:
        """Moves on to `moment`; does nothing where it is past already."""
        self._offset += max(moment - self.now(), timedelta())

    def reach_offset(self, offset: timedelta) -> None:
        self._offset = max(self._offset, offset)


@dataclass(frozen=True, slots=True)
class Timer:
    """A promise to call the `gateway`'s handler `handler` with `facts` once the clock reaches `due`."""

    id: int
    due: datetime
    gateway: str
    handler: str
    facts: dict[str, Any]


@dataclass(slots=True)
class Timers:
    """Waiting timers, by id and in order of due time; of those due together the oldest goes first."""

    _waiting: dict[int, Timer] = field(default_factory=dict)
    _heap: list[tuple[datetime, int]] = field(default_factory=list)
    _last_id: int = 0

    def add(self, due: datetime, gateway: str, handler: str, facts: dict[str, Any]) -> Timer:
        self._last_id += 1
        timer = Timer(self._last_id, due, gateway, handler, facts)
        self._waiting[timer.id] = timer
        heapq.heappush(self._heap, (due, timer.id))
        return timer

    def cancel(self, id: int) -> bool:
        """False where it has run or was cancelled before."""
        return self._waiting.pop(id, None) is not None

    def next_due(self) -> datetime | None:
        while self._heap and self._heap[0][1] not in self._waiting:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take_due(self, now: datetime) -> Timer | None:
        """The earliest timer that is due, removed; None where none is."""
        due = self.next_due()
        return self._waiting.pop(self._heap[0][1]) if due is not None and due <= now else None

    def waiting(self) -> list[Timer]:
        return sorted(self._waiting.values(), key=lambda timer: (timer.due, timer.id))
