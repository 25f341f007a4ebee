"""Whether some payment makes a condition true while others are not: what the linter's "unreachable" rests on.

Facts are looked at by representatives. All values that no condition tells apart (a currency that none mentions, amounts
between two limits) behave alike, so one of each kind is enough and the search over them is exhaustive. Where facts hang
together in ways that are not followed (hours of the day, an amount in two currencies) every combination is allowed:
more payments than there can be, so that "no such payment" stays true.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from routing.conditions import (
    AllOf,
    AmountBetween,
    AnyOf,
    BinStartsWith,
    Condition,
    CustomerPresent,
    MerchantInitiated,
    MetadataIn,
    Not,
    RegionIn,
    RiskScoreBetween,
    TextFact,
    TextIn,
    TimeWithin,
    begins_with,
)
from routing.facts import REGION_COUNTRIES

STEPS_MAX = 20_000  # of a search; beyond it nothing is claimed

TRUE, FALSE, UNKNOWN = 1, 2, 4  # as bits: what a condition may still turn out to be
ANYTHING = TRUE | FALSE | UNKNOWN

Dimension = tuple[str, str]  # a fact, and for amounts, metadata and hours which one
Value = object  # of a dimension; None is "not known"
OTHER = "\x00other"  # stands for all words that no condition mentions

_ALWAYS_KNOWN = frozenset({"currency", "method", "customer_present", "merchant_initiated"})


class TooMuch(Exception):
    """The search was given up: nothing is known."""


@dataclass(frozen=True, slots=True)
class Question:
    """Is there a payment for which all of `true` hold, none of `not_true` does, and none of `not_false` is false?"""

    true: tuple[Condition, ...]
    not_true: tuple[Condition, ...] = ()
    not_false: tuple[Condition, ...] = ()

    def narrowed(self, known: dict[Dimension, Value]) -> Question | None:
        """What is still to be settled once so much is known; None where no completion of it can be the payment."""
        true, not_true, not_false = [], [], []
        for condition in self.true:
            bits = possible(condition, known)
            if not bits & TRUE:
                return None
            if bits != TRUE:
                true.append(condition)
        for condition in self.not_true:
            bits = possible(condition, known)
            if bits == TRUE:
                return None
            if bits & TRUE:
                not_true.append(condition)
        for condition in self.not_false:
            bits = possible(condition, known)
            if bits == FALSE:
                return None
            if bits & FALSE:
                not_false.append(condition)
        return Question(tuple(true), tuple(not_true), tuple(not_false))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return (*self.true, *self.not_true, *self.not_false)


@dataclass(slots=True)
class Effort:
    """How many conditions may still be looked at, over many questions."""

    left: int


def exists(question: Question, effort: Effort | None = None) -> bool:
    """The answer. Raises TooMuch where it takes more than STEPS_MAX steps, or more than the effort that is left."""
    values = representatives(question.conditions)
    order = _order(question, values)
    needed = {_dimension(leaf) for condition in question.true for leaf in _leaves(condition)}
    steps = 0

    def search(known: dict[Dimension, Value], asked: Question, place: int) -> bool:
        nonlocal steps
        steps += 1
        if effort is not None:
            effort.left -= len(asked.conditions)
        if steps > STEPS_MAX or (effort is not None and effort.left < 0):
            raise TooMuch
        left = asked.narrowed(known)
        if left is None:
            return False
        open_conditions = left.conditions
        if not open_conditions:
            return True
        asks_for = {_dimension(leaf) for condition in open_conditions for leaf in _leaves(condition)}
        while place < len(order) and (order[place] not in asks_for or order[place] in known):
            place += 1  # what nobody asks for any more may be anything
        if place == len(order):
            return False
        dimension = order[place]
        return any(
            search({**known, dimension: value}, left, place + 1)
            for value in values[dimension]
            if _fits(dimension, value, known)
        )

    # what is not known makes nothing true: mostly that is the payment that is looked for
    unknown: dict[Dimension, Value] = {
        at: None for at in order if at not in needed and at[0] not in _ALWAYS_KNOWN and at[0] != "amount"
    }
    return (bool(unknown) and search(unknown, question, 0)) or search({}, question, 0)


def possible(condition: Condition, known: dict[Dimension, Value]) -> int:
    """The truths that the condition may still have, as bits."""
    match condition:
        case AllOf(parts):
            return _all_of([possible(part, known) for part in parts])
        case AnyOf(parts):
            return _negated(_all_of([_negated(possible(part, known)) for part in parts]))
        case Not(part):
            return _negated(possible(part, known))
        case _:
            dimension = _dimension(condition)
            return _leaf(condition, known[dimension]) if dimension in known else ANYTHING


def representatives(conditions: Sequence[Condition]) -> dict[Dimension, list[Value]]:
    """For each fact that a condition asks for, one value of each kind that they tell apart."""
    by_dimension: dict[Dimension, list[Condition]] = {}
    for condition in conditions:
        for leaf in _leaves(condition):
            by_dimension.setdefault(_dimension(leaf), []).append(leaf)
    found: dict[Dimension, list[Value]] = {}
    for dimension, leaves in by_dimension.items():
        kinds = list(_values(leaves))
        found[dimension] = kinds if dimension[0] in _ALWAYS_KNOWN else [*kinds, None]
    return found


def _order(question: Question, values: dict[Dimension, list[Value]]) -> list[Dimension]:
    """What must hold first, and of that what has few values: contradictions show early."""
    first = {_dimension(leaf) for condition in question.true for leaf in _leaves(condition)}
    return sorted(values, key=lambda dimension: (dimension not in first, len(values[dimension]), dimension))


def _fits(dimension: Dimension, value: Value, known: dict[Dimension, Value]) -> bool:
    """An amount in the payment's own currency is known; a customer who is present does not leave it to the merchant."""
    if dimension[0] == "amount":
        return value is not None or known.get(("currency", "")) != dimension[1]
    if dimension[0] == "currency":
        return known.get(("amount", str(value)), 0) is not None
    if dimension[0] == "customer_present":
        return not (value and known.get(("merchant_initiated", "")))
    if dimension[0] == "merchant_initiated":
        return not (value and known.get(("customer_present", "")))
    return True


def _leaves(condition: Condition) -> Iterator[Condition]:
    match condition:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _leaves(part)
        case Not(part):
            yield from _leaves(part)
        case _:
            yield condition


def _dimension(leaf: Condition) -> Dimension:
    match leaf:
        case TextIn(fact):
            return (fact.value, "")
        case RegionIn():
            return (TextFact.COUNTRY.value, "")
        case AmountBetween(currency):
            return ("amount", currency)
        case BinStartsWith():
            return ("bin", "")
        case CustomerPresent():
            return ("customer_present", "")
        case MerchantInitiated():
            return ("merchant_initiated", "")
        case RiskScoreBetween():
            return ("risk_score", "")
        case TimeWithin(days, start, end, zone):
            return ("time", f"{sorted(days)} {start} {end} {zone}")
        case MetadataIn(key):
            return ("metadata", key)
        case AllOf() | AnyOf() | Not():
            raise TypeError("not a leaf")
        case _:
            assert_never(leaf)


def _values(leaves: list[Condition]) -> Iterator[Value]:
    """One value of each kind; the leaves are all of one dimension."""
    match leaves[0]:
        case TextIn(TextFact.COUNTRY) | RegionIn():
            yield from _countries(leaves)
        case TextIn() | MetadataIn():
            words = {word for leaf in leaves if isinstance(leaf, TextIn | MetadataIn) for word in leaf.values}
            yield from [*sorted(words), OTHER]
        case AmountBetween():
            spans = [_edges(leaf.low, leaf.high) for leaf in leaves if isinstance(leaf, AmountBetween)]
            yield from sorted({0, *(edge for span in spans for edge in span)})
        case RiskScoreBetween():
            edges = [
                edge for leaf in leaves if isinstance(leaf, RiskScoreBetween) for edge in _edges(leaf.low, leaf.high)
            ]
            yield from sorted({0, *(edge for edge in edges if edge <= 100)})
        case BinStartsWith():
            yield from _bins({prefix for leaf in leaves if isinstance(leaf, BinStartsWith) for prefix in leaf.prefixes})
        case CustomerPresent() | MerchantInitiated() | TimeWithin():
            yield from (True, False)
        case _:
            raise TypeError("not a leaf")


def _edges(low: int | None, high: int | None) -> Iterator[int]:
    """Where a span begins, and where it is over."""
    if low is not None:
        yield low
    if high is not None:
        yield high + 1


def _countries(leaves: list[Condition]) -> list[Value]:
    mentioned = {word for leaf in leaves if isinstance(leaf, TextIn) for word in leaf.values}
    regions = sorted({region for leaf in leaves if isinstance(leaf, RegionIn) for region in leaf.regions})
    in_regions = {code for region in regions for code in REGION_COUNTRIES[region]}
    kinds: dict[tuple[bool, ...], str] = {}
    for code in sorted(in_regions - mentioned):
        kinds.setdefault(tuple(code in REGION_COUNTRIES[region] for region in regions), code)
    return [*sorted(mentioned), *kinds.values(), OTHER]


def _bins(prefixes: set[str]) -> Iterator[str]:
    """First digits, six and eight of them, for every way to match some of the prefixes and not the others."""
    for length in (6, 8):
        starts = {""} | {prefix[:length] for prefix in prefixes}
        for start in sorted(starts):
            digits = start if len(start) == length else _free(start, prefixes, length)
            if digits is not None:
                yield digits


def _free(start: str, prefixes: set[str], length: int) -> str | None:
    """Digits of that length after `start` that run into no longer prefix; None where prefixes cover them all."""
    for digit in "0123456789":
        longer = start + digit
        if longer in prefixes:
            continue
        if not any(prefix.startswith(longer) for prefix in prefixes):
            return longer.ljust(length, "0")
        if len(longer) < length and (found := _free(longer, prefixes, length)) is not None:
            return found
    return None


def _leaf(leaf: Condition, value: Value) -> int:
    if value is None:
        return UNKNOWN
    match leaf:
        case TextIn(_, values) | MetadataIn(_, values):
            return _bit(value in values)
        case RegionIn(regions):
            return _bit(any(value in REGION_COUNTRIES[region] for region in regions))
        case AmountBetween(_, low, high):
            assert isinstance(value, int)
            return _bit((low is None or low <= value) and (high is None or value <= high))
        case RiskScoreBetween(low, high):
            assert isinstance(value, int)
            return _bit(low <= value <= high)
        case BinStartsWith(prefixes):
            matches = begins_with(str(value), prefixes)
            return UNKNOWN if matches is None else _bit(matches)
        case CustomerPresent(wanted) | MerchantInitiated(wanted):
            return _bit(value is wanted)
        case TimeWithin():
            return _bit(value is True)
        case AllOf() | AnyOf() | Not():
            raise TypeError("not a leaf")
        case _:
            assert_never(leaf)


def _bit(truth: bool) -> int:
    return TRUE if truth else FALSE


def _negated(bits: int) -> int:
    return (bits & UNKNOWN) | (TRUE if bits & FALSE else 0) | (FALSE if bits & TRUE else 0)


def _all_of(parts: list[int]) -> int:
    """Kleene's "and" of parts that may each still be several things."""
    bits = FALSE if any(part & FALSE for part in parts) else 0
    if all(part & TRUE for part in parts):
        bits |= TRUE
    # unknown: one part can be unknown while no part needs to be false
    if any(part & UNKNOWN for part in parts) and all(part & (TRUE | UNKNOWN) for part in parts):
        bits |= UNKNOWN
    return bits
