"""A merchant's failover policy and strategy as a JSON document.

{"max_attempts": 3, "max_issuer_declines": 2, "total_deadline_s": 30, "not_after": ["do_not_honor"],
 "merchant_initiated": true, "strategy": "priority"}

Each may be left out. `strategy` is as in a rule set and orders what no rule does.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from routing.failover import FailoverPolicy
from routing.reasons import CLASS_OF
from routing.rule_reader import Problem, Reader, Shape
from routing.rules import MAX_ATTEMPTS_IN_RULE, read_ordering
from routing.scoring import PLAIN, Ordering

MAX_DEADLINE_S = 120

_REASON_SHAPE = Shape(CLASS_OF.__contains__, "a reason of the decline taxonomy")
_KEYS = ("max_attempts", "max_issuer_declines", "total_deadline_s", "not_after", "merchant_initiated", "strategy")


class PolicyInvalid(ValueError):
    """The document is no policy. `problems` are all that was found."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{problem.path or 'document'}: {problem.message}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class RoutingPolicy:
    """How a merchant's payments are ordered and fail over where no rule says otherwise."""

    failover: FailoverPolicy = field(default_factory=FailoverPolicy)
    ordering: Ordering = PLAIN


def parse_policy(document: object) -> RoutingPolicy:
    """Read a decoded JSON document. Raises PolicyInvalid with every problem and its place."""
    reader = Reader()
    fields = reader.fields(document, "", optional=_KEYS)
    plain = FailoverPolicy()
    numbers = {
        "max_attempts": (plain.max_attempts, 1, MAX_ATTEMPTS_IN_RULE),
        "max_issuer_declines": (plain.max_issuer_declines, 1, MAX_ATTEMPTS_IN_RULE),
        "total_deadline_s": (int(plain.total_deadline_s), 1, MAX_DEADLINE_S),
    }
    given = fields or {}
    read = {
        name: reader.integer(given.get(name, default), name, low=low, high=high)
        for name, (default, low, high) in numbers.items()
    }
    not_after = reader.words(given["not_after"], "not_after", _REASON_SHAPE) if "not_after" in given else ()
    merchant_initiated = reader.boolean(given.get("merchant_initiated", True), "merchant_initiated")
    ordering = read_ordering(reader, given["strategy"], "strategy") if "strategy" in given else None
    if reader.problems:
        raise PolicyInvalid(tuple(reader.problems))
    return RoutingPolicy(
        FailoverPolicy(
            max_attempts=read["max_attempts"] or plain.max_attempts,
            max_issuer_declines=read["max_issuer_declines"] or plain.max_issuer_declines,
            total_deadline_s=float(read["total_deadline_s"] or plain.total_deadline_s),
            not_after=frozenset(not_after),
            merchant_initiated=merchant_initiated is not False,
        ),
        ordering or PLAIN,
    )
