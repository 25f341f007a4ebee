"""What is to go wrong: orders for a gateway to misbehave at a named operation, so often or for a share of its calls."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from statistics import NormalDist
from typing import Any


class Behaviour(StrEnum):
    LOSE_REPLY = "lose_reply"  # do the work, then drop the connection without answering
    LOSE_REQUEST = "lose_request"  # take the request, drop the connection, do nothing
    HANG = "hang"  # do nothing and do not answer until the client leaves, or `seconds` have passed
    HANG_AFTER = "hang_after"  # do the work, then the same
    REFUSE = "refuse"  # drop every connection and refuse new ones for `seconds`; do nothing
    DELAY = "delay"  # wait, then work as usual; goes together with other scenarios
    HTTP_500 = "http_500"  # do nothing, answer 500
    HTTP_500_AFTER = "http_500_after"  # do the work, answer 500
    HTTP_429 = "http_429"  # do nothing, answer 429, with a Retry-After where `retry_after` is given
    DECLINE = "decline"  # the issuer says no, for `reason` or with the gateway's own `code`
    MALFORMED_JSON = "malformed_json"  # do the work, and answer with what is no JSON
    HTML_INSTEAD = "html_instead"  # do the work; a proxy answers with its own page, status 502 or `status`
    TRUNCATED_BODY = "truncated_body"  # do the work, break off in the middle of the answer
    WRONG_CONTENT_TYPE = "wrong_content_type"  # do the work, call the answer text/html though it is what it always is
    EMPTY_BODY = "empty_body"  # do the work, answer with the status alone


OPERATIONS = (
    *("create", "confirm", "complete", "capture", "void", "refund", "lookup"),
    *("customer", "save", "detach", "product", "checkout"),
    *("dispute", "endpoint", "payout", "report", "forward", "token", "probe", "*"),
)

_RAW = "code:"


def raw_code(declined_for: str | None) -> str:
    """The gateway's own decline code where a scenario ordered one ("code:51" is "51"), else empty."""
    return declined_for.removeprefix(_RAW) if declined_for and declined_for.startswith(_RAW) else ""


class Distribution(StrEnum):
    FIXED = "fixed"
    UNIFORM = "uniform"
    LOGNORMAL = "lognormal"


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a call takes, in seconds: always `low_s`; between `low_s` and `high_s`; or half of the calls below
    `low_s` (p50) and 99 of 100 below `high_s` (p99), with a long tail as real services have it."""

    distribution: Distribution
    low_s: float
    high_s: float

    def draw(self, chance: random.Random) -> float:
        match self.distribution:
            case Distribution.FIXED:
                return self.low_s
            case Distribution.UNIFORM:
                return chance.uniform(self.low_s, self.high_s)
            case Distribution.LOGNORMAL:
                sigma = math.log(self.high_s / self.low_s) / NormalDist().inv_cdf(0.99)
                return chance.lognormvariate(math.log(self.low_s), sigma)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What befalls one call: `delay_s` first, then the behaviour (DELAY where there is nothing more)."""

    behaviour: Behaviour
    delay_s: float = 0.0
    seconds: float = 0.0
    declined_for: str = ""
    retry_after_s: int | None = None
    status: int = 502


@dataclass(slots=True)
class Scenario:
    """`times` counts down to 0, None has no end; `when` narrows it to calls whose facts are equal, e.g.
    {"account": "acct_1"}; of the calls that fit it takes a `share`, chosen by `seed`; after `until` it is over.
    """

    gateway: str
    operation: str
    behaviour: Behaviour
    times: int | None = 1
    seconds: float = 0.0
    reason: str = "do_not_honor"
    when: dict[str, str] = field(default_factory=dict)
    share: float = 1.0
    seed: int = 0
    latency: Latency | None = None
    code: str = ""
    retry_after_s: int | None = None
    until: datetime | None = None
    status: int = 502
    _chance: random.Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def strikes(self, gateway: str, operation: str, facts: Mapping[str, object], now: datetime) -> bool:
        """Whether this call is to go wrong; uses up one of its `times` and of its chances."""
        if self.times == 0 or self.gateway not in (gateway, "*") or self.operation not in (operation, "*"):
            return False
        if self.until is not None and now >= self.until:
            return False
        if any(str(facts.get(name)) != value for name, value in self.when.items()):
            return False
        if self.share < 1 and self._chance.random() >= self.share:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def trouble(self, delay_s: float = 0.0) -> Trouble:
        if self.behaviour is Behaviour.DELAY:
            own_s = self.latency.draw(self._chance) if self.latency else self.seconds
            return Trouble(Behaviour.DELAY, delay_s + own_s)
        declined_for = f"{_RAW}{self.code}" if self.code else self.reason
        return Trouble(self.behaviour, delay_s, self.seconds, declined_for, self.retry_after_s, self.status)

    def shown(self) -> dict[str, Any]:
        latency = self.latency and {
            "distribution": self.latency.distribution,
            "low_seconds": self.latency.low_s,
            "high_seconds": self.latency.high_s,
        }
        return {
            "gateway": self.gateway,
            "operation": self.operation,
            "behaviour": self.behaviour,
            "times": self.times,
            "seconds": self.seconds,
            "reason": self.reason,
            "code": self.code,
            "when": dict(self.when),
            "share": self.share,
            "seed": self.seed,
            "latency": latency,
            "retry_after": self.retry_after_s,
            "until": self.until.isoformat() if self.until else None,
            "status": self.status,
        }
