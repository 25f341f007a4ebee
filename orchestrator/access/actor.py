"""Who is acting just now, for the audit log: set at the door of a request, read where something is done."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    KEY = "key"
    USER = "user"
    SHELL = "shell"
    """Whoever has the machine: the command line."""
    SYSTEM = "system"
    """A job, a webhook, the clock."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts, and from where (empty when not over the network)."""

    kind: ActorKind
    id: str = ""
    ip: str = ""


SYSTEM = Actor(ActorKind.SYSTEM)
SHELL = Actor(ActorKind.SHELL)

_current: ContextVar[Actor] = ContextVar("clearway_actor", default=SYSTEM)


def act_as(actor: Actor) -> None:
    """From now on, in this task and those that it starts, this one acts."""
    _current.set(actor)


def current() -> Actor:
    return _current.get()
