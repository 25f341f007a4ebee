"""What is known of webhooks on their way: the log of deliveries, and how a gateway's events are treated on purpose."""

from __future__ import annotations

import bisect
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from simulators.world import Endpoint, Notice, World

FIRST_PAUSE_S = 0.03
_LOG_LIMIT = 10_000

EndpointKey = tuple[str, str, str]
"""Gateway, account, endpoint id."""


class Mode(StrEnum):
    NORMAL = "normal"
    LATE = "late"
    DUPLICATE = "duplicate"
    HOLD = "hold"
    REVERSE = "reverse"
    LOSE = "lose"
    FORGED = "forged"


class DeliveryState(StrEnum):
    HELD = "held"
    SENDING = "sending"
    QUEUED = "queued"  # behind an earlier event that the endpoint does not take
    DELIVERED = "delivered"
    FAILED = "failed"  # given up
    LOST = "lost"  # by mode
    NO_ENDPOINT = "no_endpoint"


_UNFINISHED = frozenset({DeliveryState.HELD, DeliveryState.SENDING, DeliveryState.QUEUED})


@dataclass(slots=True)
class Delivery:
    """One event on its way to one endpoint. `status` is the last HTTP status, 0 where it could not be reached.

    `due` is the next try's time; a `forged` one carries a forgery in place of the notice's body.
    """

    id: int
    notice: Notice
    endpoint: str
    made_at: datetime
    due: datetime
    state: DeliveryState
    status: int = 0
    tries: int = 0
    forged: bool = False

    @property
    def key(self) -> EndpointKey:
        return (self.notice.gateway, self.notice.account, self.endpoint)

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "gateway": self.notice.gateway,
            "account": self.notice.account,
            "event": self.notice.event,
            "endpoint": self.endpoint,
            "status": self.status,
            "tries": self.tries,
            "state": self.state,
            "forged": self.forged,
            "made_at": self.made_at.isoformat(),
            "next_try_at": self.due.isoformat() if self.state is DeliveryState.SENDING else None,
        }


@dataclass(slots=True)
class Treatment:
    """What befalls a gateway's events of one name ("*": all): a mode, for the `share` of them that `seed` chooses."""

    gateway: str
    event: str
    mode: Mode
    seconds: float = 0.0
    share: float = 1.0
    seed: int = 0
    _chance: random.Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def strikes(self) -> bool:
        return self.share >= 1 or self._chance.random() < self.share

    def shown(self) -> dict[str, Any]:
        names = ("gateway", "event", "mode", "seconds", "share", "seed")
        return {name: getattr(self, name) for name in names}


@dataclass(slots=True)
class Post:
    """Everything about deliveries that is kept with the world."""

    log: dict[int, Delivery] = field(default_factory=dict)
    treatments: list[Treatment] = field(default_factory=list)
    queues: dict[EndpointKey, list[int]] = field(default_factory=dict)
    last_taken: dict[EndpointKey, datetime] = field(default_factory=dict)
    last_id: int = 0

    def record(self, notice: Notice, endpoint: str, now: datetime, state: DeliveryState) -> Delivery:
        self.last_id += 1
        delivery = Delivery(self.last_id, notice, endpoint, now, now + timedelta(seconds=FIRST_PAUSE_S), state)
        self.log[delivery.id] = delivery
        if len(self.log) > _LOG_LIMIT:
            self._forget_the_oldest()
        return delivery

    def _forget_the_oldest(self) -> None:
        """What is still to be sent is never forgotten."""
        if over := next((id for id, delivery in self.log.items() if delivery.state not in _UNFINISHED), None):
            del self.log[over]

    def held(self, gateway: str) -> list[Delivery]:
        return [d for d in self.log.values() if d.state is DeliveryState.HELD and d.notice.gateway == gateway]

    # treatments

    def treat(self, treatment: Treatment) -> None:
        """An order for one event replaces the one for that event; one for "*" all that the gateway had."""
        kept = [t for t in self.treatments if t.gateway != treatment.gateway or treatment.event not in ("*", t.event)]
        self.treatments = kept if treatment.mode is Mode.NORMAL and treatment.event == "*" else [*kept, treatment]

    def treatment_of(self, notice: Notice) -> Treatment | None:
        """The one for its name before the one for all; None where it goes its normal way."""
        fitting = [t for t in self.treatments if t.gateway == notice.gateway and t.event in (notice.event, "*")]
        treatment = next((t for t in fitting if t.event != "*"), fitting[0] if fitting else None)
        return treatment if treatment is not None and treatment.strikes() else None

    def reverses(self, gateway: str) -> bool:
        return any(t.mode is Mode.REVERSE for t in self.treatments if t.gateway == gateway)

    # queues

    def line_up(self, delivery: Delivery) -> None:
        """Puts it in its endpoint's queue, by age."""
        queue = self.queues.setdefault(delivery.key, [])
        if delivery.id not in queue:
            bisect.insort(queue, delivery.id)

    def first_in_line(self, key: EndpointKey) -> Delivery | None:
        queue = self.queues.get(key)
        return self.log[queue[0]] if queue else None

    def behind(self, delivery: Delivery) -> list[Delivery]:
        """Those in line after it."""
        queue = self.queues[delivery.key]
        return [self.log[id] for id in queue[queue.index(delivery.id) + 1 :]]

    def leave_line(self, delivery: Delivery) -> None:
        queue = self.queues.get(delivery.key, [])
        if delivery.id in queue:
            queue.remove(delivery.id)
        if not queue:
            self.queues.pop(delivery.key, None)

    def took_nothing_since(self, endpoint: Endpoint, moment: datetime) -> bool:
        last = self.last_taken.get((endpoint.gateway, endpoint.account, endpoint.id))
        return last is None or last < moment


def post_of(world: World) -> Post:
    return world.part("post", Post)
