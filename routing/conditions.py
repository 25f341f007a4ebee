"""The conditions of routing rules and their three-valued truth.

A fact that is not known makes a condition neither true nor false but unknown (Kleene's strong logic), so that `not`
over a missing fact does not become true by accident.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from typing import assert_never
from zoneinfo import ZoneInfo

from routing.facts import REGION_COUNTRIES, PaymentFacts, Region


class Truth(StrEnum):
    """True, false, or not to be told from what is known."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


class TextFact(StrEnum):
    """The facts that a rule compares with a list of words."""

    CURRENCY = "currency"
    COUNTRY = "country"
    ISSUER_COUNTRY = "issuer_country"
    BRAND = "brand"
    FUNDING = "funding"
    METHOD = "method"
    CHANNEL = "channel"
    MERCHANT_CATEGORY = "merchant_category"


@dataclass(frozen=True, slots=True)
class AllOf:
    """True when every part is; false as soon as one is."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True as soon as one part is; false when every part is."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Swaps true and false; unknown stays unknown."""

    part: Condition


@dataclass(frozen=True, slots=True)
class TextIn:
    """The fact is one of the words."""

    fact: TextFact
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class RegionIn:
    """The payer's country lies in one of the regions."""

    regions: frozenset[Region]


@dataclass(frozen=True, slots=True)
class AmountBetween:
    """The amount is from `low` to `high` in minor units, both included.

    Another currency's amount is converted by the rate of the day; without such a rate it is unknown.
    """

    currency: str
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class BinStartsWith:
    """The card's first digits begin with one of the prefixes."""

    prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CustomerPresent:
    """Whether the customer takes part in the payment."""

    value: bool


@dataclass(frozen=True, slots=True)
class MerchantInitiated:
    """Whether the merchant charges a kept credential by itself."""

    value: bool


@dataclass(frozen=True, slots=True)
class RiskScoreBetween:
    """The risk score is from `low` to `high`, both included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class TimeWithin:
    """The payment's moment, on a clock of `zone`, is on one of `days` (0 is Monday) from `start` until before `end`.

    Where `end` is not after `start` the span goes over midnight and belongs to the day on which it begins.
    """

    days: frozenset[int]
    start: time
    end: time
    zone: str


@dataclass(frozen=True, slots=True)
class MetadataIn:
    """The payment's metadata has one of the values under the key; without the key it is unknown."""

    key: str
    values: frozenset[str]


Condition = (
    AllOf
    | AnyOf
    | Not
    | TextIn
    | RegionIn
    | AmountBetween
    | BinStartsWith
    | CustomerPresent
    | MerchantInitiated
    | RiskScoreBetween
    | TimeWithin
    | MetadataIn
)


def evaluate(condition: Condition, facts: PaymentFacts) -> Truth:
    """The truth of a condition about a payment. A rule fires only on TRUE.

    This is what conditions mean; `routing.compiled` comes to the same faster.
    """
    match condition:
        case AllOf(parts):
            return conjunction(evaluate(part, facts) for part in parts)
        case AnyOf(parts):
            return disjunction(evaluate(part, facts) for part in parts)
        case Not(part):
            return negation(evaluate(part, facts))
        case TextIn(fact, values):
            return _is_one_of(text_of(fact, facts), values)
        case RegionIn(regions):
            return _in_regions(facts.country, regions)
        case AmountBetween():
            return _between(facts, condition)
        case BinStartsWith(prefixes):
            matches = None if facts.bin is None else begins_with(facts.bin, prefixes)
            return Truth.UNKNOWN if matches is None else _truth(matches)
        case CustomerPresent(value):
            return _truth(facts.customer_present is value)
        case MerchantInitiated(value):
            return _truth(facts.merchant_initiated is value)
        case RiskScoreBetween(low, high):
            return Truth.UNKNOWN if facts.risk_score is None else _truth(low <= facts.risk_score <= high)
        case TimeWithin():
            return Truth.UNKNOWN if facts.at is None else _truth(is_within(condition, facts.at))
        case MetadataIn(key, values):
            return _is_one_of(facts.metadata.get(key), values)
        case _:
            assert_never(condition)


def conjunction(truths: Iterable[Truth]) -> Truth:
    """Kleene's "and": false wins over unknown, unknown over true. Of nothing: true."""
    found = set(truths)
    if Truth.FALSE in found:
        return Truth.FALSE
    return Truth.UNKNOWN if Truth.UNKNOWN in found else Truth.TRUE


def disjunction(truths: Iterable[Truth]) -> Truth:
    """Kleene's "or": true wins over unknown, unknown over false. Of nothing: false."""
    found = set(truths)
    if Truth.TRUE in found:
        return Truth.TRUE
    return Truth.UNKNOWN if Truth.UNKNOWN in found else Truth.FALSE


def negation(truth: Truth) -> Truth:
    """Kleene's "not"."""
    match truth:
        case Truth.TRUE:
            return Truth.FALSE
        case Truth.FALSE:
            return Truth.TRUE
        case Truth.UNKNOWN:
            return Truth.UNKNOWN
        case _:
            assert_never(truth)


def _truth(value: bool) -> Truth:
    return Truth.TRUE if value else Truth.FALSE


def _is_one_of(value: str | None, values: frozenset[str]) -> Truth:
    return Truth.UNKNOWN if value is None else _truth(value in values)


def text_of(fact: TextFact, facts: PaymentFacts) -> str | None:
    """The fact of that name; None where it is not known."""
    if fact is TextFact.CURRENCY:
        return facts.amount.currency
    value: str | None = getattr(facts, fact.value)
    return value


def is_within(span: TimeWithin, moment: datetime) -> bool:
    """Whether an aware moment lies in the span."""
    local = moment.astimezone(ZoneInfo(span.zone))
    clock, day = local.time(), local.weekday()
    if span.start < span.end:
        return day in span.days and span.start <= clock < span.end
    return (day in span.days and clock >= span.start) or ((day - 1) % 7 in span.days and clock < span.end)


def _in_regions(country: str | None, regions: frozenset[Region]) -> Truth:
    if country is None:
        return Truth.UNKNOWN
    return _truth(any(country in REGION_COUNTRIES[region] for region in regions))


def _between(facts: PaymentFacts, condition: AmountBetween) -> Truth:
    amount = facts.amount_in(condition.currency)
    if amount is None:
        return Truth.UNKNOWN
    low_holds = condition.low is None or amount.minor >= condition.low
    high_holds = condition.high is None or amount.minor <= condition.high
    return _truth(low_holds and high_holds)


def prefixes_between(low: str, high: str) -> list[str]:
    """The fewest prefixes with which exactly the numbers from `low` to `high` begin, both of the same length."""
    found: list[str] = []
    first, last = int(low), int(high)
    while first <= last:
        length, span = len(low), 1
        while length > 1 and first % (span * 10) == 0 and first + span * 10 - 1 <= last:
            length, span = length - 1, span * 10
        found.append(str(first // span).zfill(length))
        first += span
    return found


def begins_with(digits: str, prefixes: tuple[str, ...]) -> bool | None:
    """Whether a card's known first digits match; None where a longer prefix could still match the rest of the card."""
    if digits.startswith(prefixes):
        return True
    return None if any(prefix.startswith(digits) for prefix in prefixes) else False
