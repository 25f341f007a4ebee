"""The order of the accounts that can take a payment: by priority, cost, chance of approval, or what a sale is worth.

All scores are whole numbers (millionths, minor units): two machines come to the same order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import msgspec

from currency.money import Money, percent
from routing.candidates import Candidate
from routing.facts import PaymentFacts
from routing.fees import in_settlement_currency
from routing.segments import MILLION, Record, approval_ppm, latency_ms

EXPLORE_PPM_MAX = 100_000
EXPLORE_WITHIN_PPM = 100_000  # only accounts that are this near to the best are tried for the sake of learning


class Strategy(StrEnum):
    """What the order is to be good for."""

    PRIORITY = "priority"  # as the merchant ranked them
    LEAST_COST = "least_cost"
    SUCCESS_RATE = "success_rate"
    EXPECTED_VALUE = "expected_value"  # chance of approval times margin, less cost


@dataclass(frozen=True, slots=True)
class Ordering:
    """A strategy with its numbers.

    `margin_bps` is what of a sale is earned (EXPECTED_VALUE). `explore_ppm`: so many of a million payments try another
    good account first, so that its record stays fresh. Accounts slower than `latency_max_ms` go last.
    """

    strategy: Strategy = Strategy.PRIORITY
    margin_bps: int = 2_000
    explore_ppm: int = 0
    latency_max_ms: int | None = None


class Score(msgspec.Struct, frozen=True):
    """What an account's place rests on. `value` is compared, higher is better; the parts are for people.

    `cost` is in the account's settlement currency where a rate is at hand; None where it cannot be told.
    """

    value: int
    approval_ppm: int | None = None
    cost: Money | None = None
    latency_ms: int | None = None
    slow: bool = False

    def __str__(self) -> str:
        parts = []
        if self.approval_ppm is not None:
            parts.append(f"approved {self.approval_ppm / 10_000:.1f} %")
        if self.cost is not None:
            parts.append(f"costs {self.cost.minor} {self.cost.currency} minor units")
        if self.slow:
            parts.append(f"slow, {self.latency_ms} ms")
        return ", ".join(parts) or "nothing known"


class Scored(msgspec.Struct, frozen=True):
    """An account with its score; `explored` where chance has put it first."""

    candidate: Candidate
    score: Score
    explored: bool = False


PLAIN = Ordering()
_UNSCORED = Score(0)


def arrange(candidates: Sequence[Candidate], facts: PaymentFacts, ordering: Ordering, record: Record) -> list[Scored]:
    """The accounts in order of the strategy; among equals the given order stays."""
    if ordering is PLAIN:
        return [Scored(candidate, _UNSCORED) for candidate in candidates]
    scored = [Scored(candidate, _score(candidate, facts, ordering, record)) for candidate in candidates]
    if ordering.strategy is Strategy.PRIORITY:
        return sorted(scored, key=lambda it: it.score.slow)
    best_first = sorted(scored, key=lambda it: (it.score.slow, -it.score.value))
    return _explored(best_first, facts, ordering)


def chance(seed: str, purpose: str, below: int) -> int:
    """A number from 0 to `below` - 1 that is the same each time for a seed: chance that can be asked again."""
    digest = hashlib.blake2b(f"{purpose}:{seed}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % below


def split(weights: Sequence[tuple[str, int]], seed: str, purpose: str) -> list[str]:
    """Names in the order of a weighted draw without putting back: each is first as often as its weight says."""
    left = [it for it in weights if it[1] > 0]
    drawn: list[str] = []
    while left:
        point = chance(f"{seed}:{len(drawn)}", purpose, sum(weight for _, weight in left))
        for place, (name, weight) in enumerate(left):
            point -= weight
            if point < 0:
                drawn.append(name)
                del left[place]
                break
    return drawn


def _score(candidate: Candidate, facts: PaymentFacts, ordering: Ordering, record: Record) -> Score:
    latency = latency_ms(candidate.account_id, facts, record) if ordering.latency_max_ms is not None else None
    slow = latency is not None and ordering.latency_max_ms is not None and latency > ordering.latency_max_ms
    match ordering.strategy:
        case Strategy.PRIORITY:
            return Score(0, latency_ms=latency, slow=slow)
        case Strategy.SUCCESS_RATE:
            approval = approval_ppm(candidate.account_id, facts, record)
            return Score(approval, approval, latency_ms=latency, slow=slow)
        case Strategy.LEAST_COST:
            cost = candidate.fees.expected(facts)
            # an account whose cost cannot be told comes after all whose cost can
            value = -cost.minor if cost is not None else -(2**62)
            return Score(value, cost=_shown(cost, candidate, facts), latency_ms=latency, slow=slow)
        case Strategy.EXPECTED_VALUE:
            return _expected_value(candidate, facts, ordering, record, latency, slow)
        case _:
            assert_never(ordering.strategy)


def _expected_value(
    candidate: Candidate, facts: PaymentFacts, ordering: Ordering, record: Record, latency: int | None, slow: bool
) -> Score:
    """Approved: the margin less the cost. Declined: less what a decline costs. In millionths of a minor unit."""
    approval = approval_ppm(candidate.account_id, facts, record)
    cost, of_decline = candidate.fees.expected(facts), candidate.fees.of_a_decline(facts)
    if cost is None or of_decline is None:
        return Score(-(2**62), approval, latency_ms=latency, slow=slow)
    margin = percent(facts.amount, ordering.margin_bps)
    value = approval * (margin.minor - cost.minor) - (MILLION - approval) * of_decline.minor
    return Score(value, approval, _shown(cost, candidate, facts), latency, slow)


def _shown(cost: Money | None, candidate: Candidate, facts: PaymentFacts) -> Money | None:
    return None if cost is None else in_settlement_currency(cost, candidate.fees, facts)


def _explored(best_first: list[Scored], facts: PaymentFacts, ordering: Ordering) -> list[Scored]:
    """Now and then another account goes first that is nearly as likely to be approved, never one that is much worse."""
    if not ordering.explore_ppm or len(best_first) < 2 or not facts.seed:
        return best_first
    if chance(facts.seed, "explore", MILLION) >= min(ordering.explore_ppm, EXPLORE_PPM_MAX):
        return best_first
    best = best_first[0].score
    near = [it for it in best_first[1:] if not it.score.slow and _is_near(it.score, best)]
    if not near:
        return best_first
    chosen = near[chance(facts.seed, "which", len(near))]
    others = [it for it in best_first if it is not chosen]
    return [Scored(chosen.candidate, chosen.score, explored=True), *others]


def _is_near(score: Score, best: Score) -> bool:
    if score.approval_ppm is None or best.approval_ppm is None:
        return False
    return best.approval_ppm - score.approval_ppm <= EXPLORE_WITHIN_PPM
