"""What Adyen remembers beside the shared world: open challenges, answers by key, reports to download."""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from simulators.replays import Replays
from simulators.world import Charge, World


@dataclass(slots=True)
class Challenge:
    """A payment that waits for its shopper. `passed` is None until the page was answered."""

    charge: Charge
    brand: str
    return_url: str
    auto_capture: bool
    redirect_result: str
    passed: bool | None = None
    recorded: bool = False


@dataclass(slots=True)
class State:
    replays: Replays = field(default_factory=Replays)
    challenges: dict[str, Challenge] = field(default_factory=dict)
    brands: dict[str, str] = field(default_factory=dict)  # by pspReference
    refused_for: dict[str, str] = field(default_factory=dict)  # by pspReference, a word of our taxonomy
    reports: dict[tuple[str, str], bytes] = field(default_factory=dict)  # by account and file name
    base_url: str = ""  # as the last caller addressed us

    def by_result(self, redirect_result: str) -> Challenge | None:
        return next((c for c in self.challenges.values() if c.redirect_result == redirect_result), None)


_states: WeakKeyDictionary[World, State] = WeakKeyDictionary()


def state_of(world: World) -> State:
    return _states.setdefault(world, State())
