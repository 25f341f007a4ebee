"""How often each gateway account is approved for payments of a kind, learned from what came of earlier ones.

A kind is (currency, method, brand, issuer country). Where little is known of a kind, its estimate leans on the wider
one (without the issuer country, then the brand, …), by as much as PRIOR_WEIGHT payments would: shrinkage, the simplest
estimate that is neither wild for few payments nor blind for many. Why no bandit: `docs/decisions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from routing.facts import PaymentFacts
from routing.outcomes import Decline, OutcomeKind
from routing.reasons import SAYS_NOTHING_OF_THE_GATEWAY

MILLION = 1_000_000
PRIOR_WEIGHT = 30  # payments' worth of trust in the wider kind
PRIOR_PPM = 850_000  # of an account about which nothing is known: what card payments on the web usually reach


class Segment(NamedTuple):
    """A kind of payment; empty where any will do. The narrowest has all four."""

    currency: str = ""
    method: str = ""
    brand: str = ""
    issuer_country: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the tries of a window: how many told something of the gateway, how many of them were approved.

    `latency_ms` is the 95th percentile of the time to an answer; None where it was not measured.
    """

    tried: int = 0
    approved: int = 0
    latency_ms: int | None = None

    def __add__(self, other: Tally) -> Tally:
        known = [it for it in (self.latency_ms, other.latency_ms) if it is not None]
        return Tally(self.tried + other.tried, self.approved + other.approved, max(known, default=None))


Record = Mapping[tuple[str, Segment], Tally]
"""By account id and kind, narrow and wide kinds alike (`widened` makes the wide ones)."""


def segments_of(facts: PaymentFacts) -> tuple[Segment, ...]:
    """The kinds that a payment belongs to, the widest first."""
    currency, method = facts.amount.currency, facts.method
    brand, issuer = facts.brand or "", facts.issuer_country or ""
    return (
        Segment(),
        Segment(currency),
        Segment(currency, method),
        Segment(currency, method, brand),
        Segment(currency, method, brand, issuer),
    )


def widened(narrow: Iterable[tuple[str, Segment, Tally]]) -> dict[tuple[str, Segment], Tally]:
    """The tallies of narrowest kinds, and with them those of all wider kinds."""
    found: dict[tuple[str, Segment], Tally] = {}
    for account_id, kind, tally in narrow:
        for wide in _widths(kind):
            key = (account_id, wide)
            found[key] = found[key] + tally if key in found else tally
    return found


def approval_ppm(account_id: str, facts: PaymentFacts, record: Record) -> int:
    """The chance of approval in millionths."""
    estimate = PRIOR_PPM
    for kind in segments_of(facts):
        tally = record.get((account_id, kind))
        if tally is not None and tally.tried:
            estimate = (tally.approved * MILLION + PRIOR_WEIGHT * estimate) // (tally.tried + PRIOR_WEIGHT)
    return estimate


def latency_ms(account_id: str, facts: PaymentFacts, record: Record) -> int | None:
    """How long nearly all answers take, for the narrowest kind that was measured."""
    for kind in reversed(segments_of(facts)):
        tally = record.get((account_id, kind))
        if tally is not None and tally.latency_ms is not None:
            return tally.latency_ms
    return None


def teaches(kind: OutcomeKind, decline: Decline | None) -> bool:
    """Whether a result says something of the gateway, and not only of the card, its owner or our request."""
    match kind:
        case OutcomeKind.APPROVED | OutcomeKind.UNKNOWN | OutcomeKind.NOT_REACHED:
            return True
        case OutcomeKind.DECLINED:
            return decline is not None and decline.reason not in SAYS_NOTHING_OF_THE_GATEWAY
        case _:  # waiting for the customer or the gateway: no result yet
            return False


def _widths(kind: Segment) -> set[Segment]:
    return {
        Segment(),
        Segment(kind.currency),
        Segment(kind.currency, kind.method),
        Segment(kind.currency, kind.method, kind.brand),
        kind,
    }
