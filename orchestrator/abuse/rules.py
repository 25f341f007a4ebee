"""How much trying is too much: rules as data, and the decision that the counts give. Pure.

Card testing tries many stolen cards with small amounts from few places, and most of them are declined. One shopper
with a wrong card tries the same few cards a few times. The rules count what tells the two apart; see docs/abuse.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, TypeVar


class Subject(StrEnum):
    """Whose tries are counted."""

    IP = "ip"
    DEVICE = "device"
    CARD = "card"
    MERCHANT = "merchant"


class Measure(StrEnum):
    """What is counted of them."""

    TRIES = "tries"
    CARDS = "cards"
    DECLINES = "declines"
    SMALL_TRIES = "small_tries"
    NOT_PASSED = "not_passed"  # besides this try: what was declined, and what has no answer yet


class Decision(StrEnum):
    """From lenient to strict. `challenge`: the payment is to be authenticated (3-D Secure)."""

    ALLOW = "allow"
    CHALLENGE = "challenge"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Rule:
    """At `challenge_at` or `block_at` of the measure within the window; 0 is never.

    `attack_block_at` instead of `block_at` while the merchant is under attack. The rule holds only where at least
    `declined_percent` of the subject's tries in the window were declined.
    """

    name: str
    of: Subject
    measure: Measure
    window_min: int
    challenge_at: int = 0
    block_at: int = 0
    attack_block_at: int = 0
    declined_percent: int = 0


@dataclass(frozen=True, slots=True)
class AttackRule:
    """A merchant is under attack while so many tries of small amounts, and of them so many declined, are in the window.

    Then small amounts are challenged, whoever pays them.
    """

    name: str = "merchant_small_declines"
    window_min: int = 10
    small_tries: int = 20
    declined_percent: int = 60


@dataclass(frozen=True, slots=True)
class Counts:
    """What one subject did in one minute."""

    minute: int
    tries: int = 0
    cards: int = 0
    declines: int = 0
    small_tries: int = 0
    small_declines: int = 0
    blocked: int = 0
    passed: int = 0

    @property
    def not_passed(self) -> int:
        return max(self.tries - self.blocked - self.passed - 1, self.declines)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do, by which rule, and after how many seconds to come again.

    `watched`: it is to be told as well that the try passed.
    """

    decision: Decision = Decision.ALLOW
    rule: str = ""
    retry_after_s: int = 0
    watched: bool = False


RULES: tuple[Rule, ...] = (
    # many cards from one place, most of them declined
    Rule("ip_cards_declined", Subject.IP, Measure.CARDS, 10, 4, 8, 4, declined_percent=50),
    # declined or not yet: what is sent all at once is judged before any answer is there
    Rule("ip_cards", Subject.IP, Measure.CARDS, 10, 12, 25, 8),
    Rule("ip_tries", Subject.IP, Measure.TRIES, 1, 15, 30, 10),
    Rule("ip_declines", Subject.IP, Measure.DECLINES, 10, 5, 12, 5, declined_percent=50),
    Rule("ip_declines_day", Subject.IP, Measure.DECLINES, 1440, 15, 40, 20, declined_percent=50),
    Rule("device_cards", Subject.DEVICE, Measure.CARDS, 60, 4, 8, 5),
    Rule("device_declines", Subject.DEVICE, Measure.DECLINES, 60, 5, 10, 5),
    Rule("card_tries", Subject.CARD, Measure.TRIES, 60, 6, 12, 8),
    # what comes all at once has no answer yet, a merchant's program's too
    Rule("card_at_once", Subject.CARD, Measure.NOT_PASSED, 10, 6, 10, 8),
    Rule("card_declines_day", Subject.CARD, Measure.DECLINES, 1440, 6, 10, 8),
)
ATTACK = AttackRule()
WATCHED_FROM = 4  # tries of a card within a rule's window: to tell of each that passed would cost every payment a write
WINDOW_MAX_MIN = max(rule.window_min for rule in RULES)
_NUMBERS = frozenset(field.name for field in fields(Rule)) - {"name", "of", "measure"}


def configured(changes: Mapping[str, Mapping[str, int]]) -> tuple[tuple[Rule, ...], AttackRule]:
    """The rules with an installation's changes. Raises ValueError for a rule or number that there is not."""
    known = {rule.name for rule in RULES} | {ATTACK.name}
    for name, numbers in changes.items():
        if name not in known:
            raise ValueError(f"there is no rule {name!r}; the rules are {', '.join(sorted(known))}")
        names = _NUMBERS if name != ATTACK.name else {"window_min", "small_tries", "declined_percent"}
        for number, value in numbers.items():
            if number not in names or value < 0 or (number == "window_min" and not 1 <= value <= WINDOW_MAX_MIN):
                raise ValueError(f"{name}.{number}={value} cannot be used; it has {', '.join(sorted(names))}")
    rules = tuple(_changed(rule, changes.get(rule.name, {})) for rule in RULES)
    return rules, _changed(ATTACK, changes.get(ATTACK.name, {}))


Numbered = TypeVar("Numbered", Rule, AttackRule)


def _changed(rule: Numbered, numbers: Mapping[str, Any]) -> Numbered:
    return replace(rule, **numbers)


def judge(
    counts: Mapping[Subject, Iterable[Counts]],
    minute: int,
    *,
    small: bool,
    rules: tuple[Rule, ...] = RULES,
    attack: AttackRule = ATTACK,
    by_program: bool = False,
) -> Verdict:
    """The strictest of what the rules say of the counts, this try among them. `minute` is the present one.

    `by_program`: a program may charge a good card often, so that tries alone say nothing.
    """
    lists = {subject: list(found) for subject, found in counts.items()}
    watched = _is_watched(lists.get(Subject.CARD, []), minute, rules)
    attacked = _under_attack(lists.get(Subject.MERCHANT, []), minute, attack)
    strictest = Verdict(Decision.CHALLENGE, attack.name) if attacked and small else Verdict()
    strictest = replace(strictest, watched=watched)
    for rule in rules:
        if by_program and rule.measure is Measure.TRIES:
            continue
        total = _within(lists.get(rule.of, []), minute, rule.window_min)
        said = _said_by(rule, total, attacked=attacked and small)
        if said is Decision.BLOCK:
            return Verdict(said, rule.name, _eases_after_s(rule))
        if said is Decision.CHALLENGE and strictest.decision is Decision.ALLOW:
            strictest = Verdict(said, rule.name, watched=watched)
    return strictest


def _is_watched(counts: list[Counts], minute: int, rules: tuple[Rule, ...]) -> bool:
    windows = [rule.window_min for rule in rules if rule.measure is Measure.NOT_PASSED]
    return any(_within(counts, minute, window_min).tries >= WATCHED_FROM for window_min in windows)


def _said_by(rule: Rule, total: Counts, *, attacked: bool) -> Decision:
    # what was blocked and the try that is being judged have no result, so they are no part of the share
    answered = total.tries - total.blocked - 1
    if rule.declined_percent and total.declines * 100 < rule.declined_percent * answered:
        return Decision.ALLOW
    count = int(getattr(total, rule.measure.value))
    block_at = rule.attack_block_at if attacked and rule.attack_block_at else rule.block_at
    if block_at and count >= block_at:
        return Decision.BLOCK
    return Decision.CHALLENGE if rule.challenge_at and count >= rule.challenge_at else Decision.ALLOW


def _under_attack(counts: list[Counts], minute: int, attack: AttackRule) -> bool:
    total = _within(counts, minute, attack.window_min)
    if not attack.small_tries or total.small_tries < attack.small_tries:
        return False
    return total.small_declines * 100 >= attack.declined_percent * (total.small_tries - 1)


def _within(counts: list[Counts], minute: int, window_min: int) -> Counts:
    recent = [found for found in counts if found.minute > minute - window_min]
    return Counts(
        minute,
        sum(found.tries for found in recent),
        sum(found.cards for found in recent),
        sum(found.declines for found in recent),
        sum(found.small_tries for found in recent),
        sum(found.small_declines for found in recent),
        sum(found.blocked for found in recent),
        sum(found.passed for found in recent),
    )


def _eases_after_s(rule: Rule) -> int:
    """When it is worth coming again: after the window, and within an hour, for others may share the address."""
    return min(rule.window_min, 60) * 60
