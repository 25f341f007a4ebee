"""The conditions of routing rules and their three-valued truth.

A fact that is not known makes a condition neither true nor false but unknown (Kleene's strong logic), so that `not`
over a missing fact does not become true by accident.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from currency.money import Money
from routing.candidates import REGION_COUNTRIES, PaymentFacts, Region


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
    METHOD = "method"
    CHANNEL = "channel"


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
    """The amount is from `low` to `high`, both included; unknown in another currency: rules convert nothing."""

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
class MetadataIn:
    """The payment's metadata has one of the values under the key; without the key it is unknown."""

    key: str
    values: frozenset[str]


Condition = AllOf | AnyOf | Not | TextIn | RegionIn | AmountBetween | BinStartsWith | CustomerPresent | MetadataIn


def evaluate(condition: Condition, facts: PaymentFacts) -> Truth:
    """The truth of a condition about a payment. A rule fires only on TRUE."""
    match condition:
        case AllOf(parts):
            return conjunction(evaluate(part, facts) for part in parts)
        case AnyOf(parts):
            return disjunction(evaluate(part, facts) for part in parts)
        case Not(part):
            return negation(evaluate(part, facts))
        case TextIn(fact, values):
            return _is_one_of(_text_of(fact, facts), values)
        case RegionIn(regions):
            return _in_regions(facts.country, regions)
        case AmountBetween():
            return _between(facts.amount, condition)
        case BinStartsWith(prefixes):
            return _starts_with(facts.bin, prefixes)
        case CustomerPresent(value):
            return _truth(facts.customer_present is value)
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


def _text_of(fact: TextFact, facts: PaymentFacts) -> str | None:
    match fact:
        case TextFact.CURRENCY:
            return facts.amount.currency
        case TextFact.COUNTRY:
            return facts.country
        case TextFact.ISSUER_COUNTRY:
            return facts.issuer_country
        case TextFact.BRAND:
            return facts.brand
        case TextFact.METHOD:
            return facts.method
        case TextFact.CHANNEL:
            return facts.channel
        case _:
            assert_never(fact)


def _in_regions(country: str | None, regions: frozenset[Region]) -> Truth:
    if country is None:
        return Truth.UNKNOWN
    return _truth(any(country in REGION_COUNTRIES[region] for region in regions))


def _between(amount: Money, condition: AmountBetween) -> Truth:
    if amount.currency != condition.currency:
        return Truth.UNKNOWN
    low_holds = condition.low is None or amount.minor >= condition.low
    high_holds = condition.high is None or amount.minor <= condition.high
    return _truth(low_holds and high_holds)


def _starts_with(bin_: str | None, prefixes: tuple[str, ...]) -> Truth:
    if bin_ is None:
        return Truth.UNKNOWN
    if bin_.startswith(prefixes):
        return Truth.TRUE
    # Six digits known against a prefix of eight: the rest of the card could still match.
    return Truth.UNKNOWN if any(prefix.startswith(bin_) for prefix in prefixes) else Truth.FALSE
