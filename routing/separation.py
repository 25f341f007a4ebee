"""Which rules can be told apart at a glance: those that never hold for one payment, by the facts that each must have.

What a condition needs of a fact is widened wherever it is not simple, so that two rules are called apart only where no
payment fits both. The index keeps, for each word of a fact, the rules that may have it, as bits of a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce

from routing.conditions import (
    AllOf,
    AmountBetween,
    AnyOf,
    BinStartsWith,
    Condition,
    CustomerPresent,
    MerchantInitiated,
    MetadataIn,
    RegionIn,
    RiskScoreBetween,
    TextFact,
    TextIn,
)
from routing.facts import REGION_COUNTRIES

Dimension = tuple[str, str]
Words = frozenset[str]
Span = tuple[int | None, int | None]  # both ends included; None is open
Prefixes = tuple[str, ...]
Need = Words | Span | Prefixes | None


@dataclass(frozen=True, slots=True)
class Needs:
    """What a condition cannot be true without. A fact that is not named may be anything, or unknown."""

    words: dict[Dimension, Words] = field(default_factory=dict)
    spans: dict[Dimension, Span] = field(default_factory=dict)
    bins: Prefixes | None = None

    def apart_from(self, other: Needs) -> bool:
        """Whether no payment fits both."""
        return (
            any(not words & other.words[at] for at, words in self.words.items() if at in other.words)
            or any(_apart(span, other.spans[at]) for at, span in self.spans.items() if at in other.spans)
            or (self.bins is not None and other.bins is not None and not _common(self.bins, other.bins))
        )


class RuleIndex:
    """Rules in their order; asks which of those before a rule may hold where it does."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self._needs = [needs_of(condition) for condition in conditions]
        self._with: dict[Dimension, int] = {}  # rules that need something of the fact
        self._word: dict[tuple[Dimension, str], int] = {}  # and those that can do with this word
        for place, needs in enumerate(self._needs):
            for dimension, words in needs.words.items():
                self._with[dimension] = self._with.get(dimension, 0) | 1 << place
                for word in words:
                    self._word[dimension, word] = self._word.get((dimension, word), 0) | 1 << place

    def before(self, place: int) -> Iterator[int]:
        """Earlier rules that are not apart from this one, first ones first."""
        needs, everybody = self._needs[place], (1 << place) - 1
        left = everybody
        for dimension, words in needs.words.items():
            fitting = reduce(lambda found, word: found | self._word.get((dimension, word), 0), words, 0)
            left &= fitting | ~self._with.get(dimension, 0)
        while left:
            lowest = left & -left
            left ^= lowest
            other = lowest.bit_length() - 1
            if not needs.apart_from(self._needs[other]):
                yield other


def needs_of(condition: Condition) -> Needs:
    """Widened where it is not simple: `not` and hours of the day need nothing."""
    match condition:
        case AllOf(parts):
            return reduce(_both, map(needs_of, parts), Needs())
        case AnyOf(parts):
            alternatives = [needs_of(part) for part in parts]
            return reduce(_either, alternatives) if alternatives else Needs()
        case TextIn(fact, values):
            return Needs({(fact.value, ""): values})
        case RegionIn(regions):
            countries = frozenset(country for region in regions for country in REGION_COUNTRIES[region])
            return Needs({(TextFact.COUNTRY.value, ""): countries})
        case MetadataIn(key, values):
            return Needs({("metadata", key): values})
        case CustomerPresent(value):
            return Needs({("customer_present", ""): frozenset({str(value)})})
        case MerchantInitiated(value):
            return Needs({("merchant_initiated", ""): frozenset({str(value)})})
        case AmountBetween(currency, low, high):
            return Needs(spans={("amount", currency): (low, high)})
        case RiskScoreBetween(low, high):
            return Needs(spans={("risk_score", ""): (low, high)})
        case BinStartsWith(prefixes):
            return Needs(bins=prefixes)
        case _:
            return Needs()


def _both(one: Needs, other: Needs) -> Needs:
    words, spans = dict(one.words), dict(one.spans)
    for at, more in other.words.items():
        words[at] = words[at] & more if at in words else more
    for at, span in other.spans.items():
        spans[at] = _narrower(spans[at], span) if at in spans else span
    # which first digits two lists have in common is not worked out: the first list is wide enough
    return Needs(words, spans, one.bins if one.bins is not None else other.bins)


def _either(one: Needs, other: Needs) -> Needs:
    words = {at: found | other.words[at] for at, found in one.words.items() if at in other.words}
    spans = {at: _wider(span, other.spans[at]) for at, span in one.spans.items() if at in other.spans}
    bins = (*one.bins, *other.bins) if one.bins is not None and other.bins is not None else None
    return Needs(words, spans, bins)


def _apart(one: Span, other: Span) -> bool:
    low, high = _narrower(one, other)
    return low is not None and high is not None and low > high


def _narrower(one: Span, other: Span) -> Span:
    lows = [low for low, _ in (one, other) if low is not None]
    highs = [high for _, high in (one, other) if high is not None]
    return max(lows, default=None), min(highs, default=None)


def _wider(one: Span, other: Span) -> Span:
    low = None if one[0] is None or other[0] is None else min(one[0], other[0])
    return low, None if one[1] is None or other[1] is None else max(one[1], other[1])


def _common(one: Prefixes, other: Prefixes) -> bool:
    return any(a.startswith(b) or b.startswith(a) for a in one for b in other)
