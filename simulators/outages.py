"""Outages: a simulator's port is closed, until it is opened again or the clock reaches a time."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from simulators.server import Listener
from simulators.world import World

KERNEL = "kernel"
"""The name under which the kernel's own timers go, in place of a gateway's."""


@dataclass(frozen=True, slots=True)
class Outage:
    """`until` is None where it lasts until somebody ends it."""

    until: datetime | None = None
    timer: int | None = None


class Outages:
    """Which simulators are down is a part of the world; what it means to be down is done here."""

    def __init__(self, world: World, listeners: Mapping[str, Listener]) -> None:
        self._world = world
        self._listeners = listeners
        self._down: dict[str, Outage] = world.part("outages", dict[str, Outage])
        for name, listener in listeners.items():
            listener.on_fall = partial(self._fall, name)

    def restore(self) -> None:
        """Closes again what was closed when the world was put away."""
        for name in self._down:
            self._listeners[name].close()

    def __getitem__(self, name: str) -> Outage | None:
        return self._down.get(name)

    def begin(self, name: str, seconds: float | None = None) -> None:
        """Refuses connections from now on and drops those that are there; for so many seconds of world time."""
        self._note(name, seconds)
        self._listeners[name].close()

    async def end(self, name: str) -> None:
        self._forget(name)
        await self._listeners[name].open()

    def end_when_due(self, world: World, facts: dict[str, Any]) -> Coroutine[Any, Any, None]:
        """The timer's handler."""
        return self.end(facts["name"])

    def _fall(self, name: str, seconds: float) -> None:
        self._note(name, seconds)
        self._listeners[name].close()

    def _note(self, name: str, seconds: float | None) -> None:
        self._forget(name)
        if not seconds:
            self._down[name] = Outage()
            return
        until = self._world.clock.now() + timedelta(seconds=seconds)
        self._down[name] = Outage(until, self._world.at(until, KERNEL, "end_outage", name=name).id)

    def _forget(self, name: str) -> None:
        outage = self._down.pop(name, None)
        if outage is not None and outage.timer is not None:
            self._world.timers.cancel(outage.timer)
