"""What is to go wrong: one-time orders for a gateway to misbehave at a named operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Behaviour(StrEnum):
    LOSE_REPLY = "lose_reply"  # do the work, then drop the connection without answering
    LOSE_REQUEST = "lose_request"  # drop the connection, do nothing
    DELAY = "delay"  # wait `seconds`, then work as usual
    HTTP_500 = "http_500"  # do nothing, answer 500
    HTTP_500_AFTER = "http_500_after"  # do the work, answer 500
    HTTP_429 = "http_429"  # do nothing, answer 429
    DECLINE = "decline"  # the issuer says no, for `reason`


OPERATIONS = frozenset({"create", "confirm", "complete", "capture", "void", "refund", "lookup", "*"})


@dataclass(slots=True)
class Scenario:
    """`times` counts down to 0; `when` narrows it to calls whose facts are equal, e.g. {"account": "acct_1"}."""

    gateway: str
    operation: str
    behaviour: Behaviour
    times: int = 1
    seconds: float = 0.0
    reason: str = "do_not_honor"
    when: dict[str, str] = field(default_factory=dict)

    def fits(self, gateway: str, operation: str, facts: Mapping[str, object]) -> bool:
        if self.times < 1 or self.gateway not in (gateway, "*") or self.operation not in (operation, "*"):
            return False
        return all(str(facts.get(name)) == value for name, value in self.when.items())
