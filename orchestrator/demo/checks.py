"""What the story claims, held against what is there: checks that are collected, and waiting that has an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

WAIT_S = 25
LOOK_EVERY_S = 0.05

T = TypeVar("T")


class StoryFailed(Exception):
    """A scene cannot go on; the text says at what."""


@dataclass(slots=True)
class Checks:
    """Every claim of the story. A claim that does not hold is kept, and the story goes on."""

    held: int = 0
    failures: list[str] = field(default_factory=list)

    def that(self, claim: str, holds: bool) -> None:
        if holds:
            self.held += 1
        else:
            self.failures.append(claim)

    def equal(self, claim: str, found: object, expected: object) -> None:
        self.that(f"{claim}: expected {expected!r}, found {found!r}", found == expected)

    @property
    def ok(self) -> bool:
        return not self.failures


def until(what: str, look: Callable[[], T | None], timeout_s: int = WAIT_S) -> T:
    """Look again and again until there is something. Raises StoryFailed after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            raise StoryFailed(f"waited {timeout_s} s in vain: {what}")
        time.sleep(LOOK_EVERY_S)
