"""Conditions made ready to be asked often: what the common facts decide is decided once, the rest becomes closures.

`routing.conditions.evaluate` says what a condition means; a property test holds the two together. Here a truth is
True, False, or None for unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    Truth,
    begins_with,
    evaluate,
)
from routing.facts import PaymentFacts

Test = Callable[[PaymentFacts], bool | None]

# Facts by which payments fall into few groups: within a group most rules are out, or need only their rest to be asked.
_GROUPING = frozenset({TextFact.CURRENCY, TextFact.METHOD, TextFact.COUNTRY, TextFact.BRAND})
TESTS_MAX = 200_000  # remembered of all groups together: some 400 bytes each

_VERDICTS: dict[Truth, bool | None] = {Truth.TRUE: True, Truth.FALSE: False, Truth.UNKNOWN: None}


@dataclass(frozen=True, slots=True)
class _Decided:
    """A condition whose truth is the same for every payment of the group."""

    truth: bool | None


class FirstMatch:
    """Finds the first of several conditions that is true, by groups of payments. Remembers at most TESTS_MAX tests.

    Safe to use from several threads: at worst a group is prepared twice.
    """

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self._conditions = tuple(conditions)
        self._groups: dict[tuple[object, ...], tuple[tuple[int, Test], ...]] = {}
        self._of_every_group: dict[int, tuple[int, Test]] = {}
        self._remembered = 0

    def __call__(self, facts: PaymentFacts) -> int | None:
        """The place of the condition, or None."""
        key = (
            facts.amount.currency,
            facts.method,
            facts.country,
            facts.brand,
            facts.customer_present,
            facts.merchant_initiated,
        )
        tests = self._groups.get(key)
        if tests is None:
            tests = self._remember(key, tuple(self._prepared(facts)))
        for place, test in tests:
            if test(facts) is True:
                return place
        return None

    def _remember(self, key: tuple[object, ...], tests: tuple[tuple[int, Test], ...]) -> tuple[tuple[int, Test], ...]:
        if self._remembered + len(tests) + 1 > TESTS_MAX:
            self._groups.clear()
            self._remembered = 0
        self._groups[key] = tests
        self._remembered += len(tests) + 1
        return tests

    def _prepared(self, facts: PaymentFacts) -> list[tuple[int, Test]]:
        tests: list[tuple[int, Test]] = []
        for place, condition in enumerate(self._conditions):
            known = self._of_every_group.get(place)
            if known is not None:
                tests.append(known)
                continue
            test = _prepared(condition, facts)
            if isinstance(test, _Decided):
                if test.truth is True:
                    tests.append((place, _always))
                    break
                continue
            tests.append((place, test))
            if not _asks_for_group(condition):
                self._of_every_group[place] = tests[-1]
        return tests


def _asks_for_group(condition: Condition) -> bool:
    """Whether a part of the condition comes out otherwise in another group."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            return any(_asks_for_group(part) for part in parts)
        case Not(part):
            return _asks_for_group(part)
        case TextIn(fact):
            return fact in _GROUPING
        case _:
            return isinstance(condition, RegionIn | CustomerPresent | MerchantInitiated)


def _always(_: PaymentFacts) -> bool:
    return True


def _prepared(condition: Condition, facts: PaymentFacts) -> Test | _Decided:
    """The condition with all that the group's facts decide taken out."""
    match condition:
        case AllOf(parts):
            return _joined(parts, facts, decisive=False)
        case AnyOf(parts):
            return _joined(parts, facts, decisive=True)
        case Not(part):
            rest = _prepared(part, facts)
            if isinstance(rest, _Decided):
                return _Decided(None if rest.truth is None else not rest.truth)
            return _negated(rest)
        case TextIn(fact, values):
            return _of_group(condition, facts) if fact in _GROUPING else _text_in(fact.value, values)
        case RegionIn() | CustomerPresent() | MerchantInitiated():
            return _of_group(condition, facts)
        case MetadataIn(key, values):
            return _metadata_in(key, values)
        case BinStartsWith(prefixes):
            return _bin_in(prefixes)
        case AmountBetween():
            return _amount_between(condition)
        case RiskScoreBetween(low, high):
            return _score_between(low, high)
        case TimeWithin():
            return lambda facts: _VERDICTS[evaluate(condition, facts)]
        case _:
            assert_never(condition)


def _of_group(condition: Condition, facts: PaymentFacts) -> _Decided:
    return _Decided(_VERDICTS[evaluate(condition, facts)])


def _joined(parts: tuple[Condition, ...], facts: PaymentFacts, *, decisive: bool) -> Test | _Decided:
    """ "And" where False is decisive, "or" where True is. An unknown part keeps it from the opposite, for good."""
    tests: list[Test] = []
    otherwise: bool | None = not decisive
    for part in parts:
        rest = _prepared(part, facts)
        if not isinstance(rest, _Decided):
            tests.append(rest)
        elif rest.truth is decisive:
            return rest
        elif rest.truth is None:
            otherwise = None
    if not tests:
        return _Decided(otherwise)
    if len(tests) == 1 and otherwise is not None:
        return tests[0]
    return _ended_by(decisive, tests, otherwise)


def _ended_by(decisive: bool, tests: list[Test], otherwise: bool | None) -> Test:
    """The decisive truth as soon as one part has it; else `otherwise`, unless a part is unknown."""

    def test(facts: PaymentFacts) -> bool | None:
        verdict = otherwise
        for part in tests:
            found = part(facts)
            if found is decisive:
                return decisive
            if found is None:
                verdict = None
        return verdict

    return test


def _negated(part: Test) -> Test:
    def test(facts: PaymentFacts) -> bool | None:
        found = part(facts)
        return None if found is None else not found

    return test


def _text_in(name: str, values: frozenset[str]) -> Test:
    def test(facts: PaymentFacts) -> bool | None:
        value = getattr(facts, name)
        return None if value is None else value in values

    return test


def _metadata_in(key: str, values: frozenset[str]) -> Test:
    def test(facts: PaymentFacts) -> bool | None:
        value = facts.metadata.get(key)
        return None if value is None else value in values

    return test


def _bin_in(prefixes: tuple[str, ...]) -> Test:
    def test(facts: PaymentFacts) -> bool | None:
        return None if facts.bin is None else begins_with(facts.bin, prefixes)

    return test


def _amount_between(condition: AmountBetween) -> Test:
    currency, low, high = condition.currency, condition.low, condition.high

    def test(facts: PaymentFacts) -> bool | None:
        amount = facts.amount
        if amount.currency == currency:
            return (low is None or low <= amount.minor) and (high is None or amount.minor <= high)
        return _VERDICTS[evaluate(condition, facts)]

    return test


def _score_between(low: int, high: int) -> Test:
    def test(facts: PaymentFacts) -> bool | None:
        score = facts.risk_score
        return None if score is None else low <= score <= high

    return test
