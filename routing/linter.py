"""What is wrong with a rule set though it can be read: rules that never fire, weights that do not sum, and the like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from currency.exponents import ENCODINGS
from routing.candidates import Candidate
from routing.conditions import Condition, Not, TextFact, TextIn
from routing.reachability import Effort, Question, TooMuch, exists
from routing.rules import Action, Rule, RuleSet
from routing.separation import RuleIndex

WEIGHTS_SUM = 100
OVERLAPS_MAX = 50  # told of one rule set; a list that nobody reads helps nobody
EFFORT_MAX = 2_000_000  # conditions that are looked at to compare rules: some seconds
STOPPED = (
    "from here on rules are not compared with those before them: too many may hold for the same payment. "
    "Name in each rule what it is about (currency, country, method, brand), or lint the rules in parts"
)


class Kind(StrEnum):
    """What a finding is about."""

    NEVER_TRUE = "never_true"  # the condition contradicts itself
    UNREACHABLE = "unreachable"  # whenever it holds, an earlier rule does
    OVERLAP = "overlap"  # some payments fit two rules with different actions: their order matters
    WEIGHTS = "weights"
    UNKNOWN_ACCOUNT = "unknown_account"
    EXCLUDED = "excluded"  # a rule names an account and excludes it
    CANNOT_TAKE = "cannot_take"  # no payment of the rule can be taken by an account that it names
    TOO_COMPLEX = "too_complex"  # not looked at to the end


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing, and where: `rules[2].then.split`. `rule` is the rule's name."""

    kind: Kind
    path: str
    rule: str
    message: str


def lint(rule_set: RuleSet, candidates: Sequence[Candidate] = ()) -> list[Finding]:
    """All findings, in the order of the rules. Without `candidates` accounts are not looked at.

    "Never true" and "unreachable" are proven, never guessed: see `routing.reachability`.
    """
    found: list[Finding] = []
    overlaps, compared, idle = 0, True, set[int]()
    index, effort = RuleIndex([rule.when for rule in rule_set.rules]), Effort(EFFORT_MAX)
    for place, rule in enumerate(rule_set.rules):
        path = f"rules[{place}]"
        before = index.before(place) if compared else ()
        earlier = [rule_set.rules[other] for other in before if other not in idle]
        reach = _reach(rule, earlier, effort)
        if compared and not reach and overlaps < OVERLAPS_MAX:
            for other in islice(_overlapping(rule, earlier, effort), OVERLAPS_MAX - overlaps):
                overlaps += 1
                message = f"some payments fit {other!r} too, which comes before it and wins"
                found.append(Finding(Kind.OVERLAP, f"{path}.when", rule.name, message))
        if reach and reach[0][0] in (Kind.NEVER_TRUE, Kind.UNREACHABLE):
            idle.add(place)  # others fire wherever it holds, so that they are enough to look at
        if compared and effort.left < 0:
            compared, reach = False, [(Kind.TOO_COMPLEX, STOPPED)]
        found += [Finding(kind, f"{path}.when", rule.name, message) for kind, message in reach]
        found += _action(rule.then, rule.name, f"{path}.then", candidates)
        if candidates and all(kind is not Kind.NEVER_TRUE for kind, _ in reach):
            found += _cannot_take(rule.when, rule.then, rule.name, f"{path}.then", candidates)
    return [*found, *_action(rule_set.default, "default", "default", candidates)]


def _reach(rule: Rule, earlier: Sequence[Rule], effort: Effort) -> list[tuple[Kind, str]]:
    """`earlier` are those that may hold where the rule does; others take nothing from it."""
    try:
        if not exists(Question((rule.when,))):
            return [(Kind.NEVER_TRUE, "no payment can make it true")]
        if earlier and not exists(Question((rule.when,), not_true=tuple(it.when for it in earlier)), effort):
            return [(Kind.UNREACHABLE, "every payment that fits it fits an earlier rule, which wins")]
    except TooMuch:
        return [(Kind.TOO_COMPLEX, "too many combinations to say whether it can be reached")]
    return []


def _overlapping(rule: Rule, earlier: Sequence[Rule], effort: Effort) -> Iterator[str]:
    for other in earlier:
        try:
            if other.then != rule.then and exists(Question((rule.when, other.when)), effort):
                yield other.name
        except TooMuch:
            continue


def _action(action: Action, rule: str, path: str, candidates: Sequence[Candidate]) -> Iterator[Finding]:
    total = sum(weight for _, weight in action.split)
    if action.split and total != WEIGHTS_SUM:
        yield Finding(Kind.WEIGHTS, f"{path}.split", rule, f"the weights sum to {total}, not to {WEIGHTS_SUM}")
    named = _named(action)
    for name in named:
        if name in action.exclude or _all_excluded(name, action, candidates):
            yield Finding(Kind.EXCLUDED, f"{path}.exclude", rule, f"{name!r} is named and excluded")
    known = {word for candidate in candidates for word in (candidate.account_id, candidate.gateway)}
    for name in [*named, *sorted(action.exclude)]:
        if candidates and name not in known:
            yield Finding(Kind.UNKNOWN_ACCOUNT, path, rule, f"there is no account or gateway {name!r}")


def _cannot_take(
    when: Condition, action: Action, rule: str, path: str, candidates: Sequence[Candidate]
) -> Iterator[Finding]:
    names = _named(action)
    for candidate in candidates:
        if candidate.account_id not in names and candidate.gateway not in names:
            continue
        limits = tuple(_limits(candidate))
        try:
            if limits and not exists(Question((when,), not_false=limits)):
                message = f"{candidate.account_id} ({candidate.gateway}) can take no payment that fits the rule"
                yield Finding(Kind.CANNOT_TAKE, path, rule, message)
        except TooMuch:
            continue


def _named(action: Action) -> list[str]:
    return [*action.accounts, *(name for name, _ in action.split)]


def _all_excluded(name: str, action: Action, candidates: Sequence[Candidate]) -> bool:
    """Whether the name stands for accounts each of which is excluded, by its id or its gateway."""
    meant = [{it.account_id, it.gateway} for it in candidates if name in (it.account_id, it.gateway)]
    return bool(meant) and all(words & action.exclude for words in meant)


def _limits(candidate: Candidate) -> Iterator[Condition]:
    """What the account takes, as conditions that must not be false: a fact that is not known keeps nobody out."""
    encoding = ENCODINGS.get(candidate.gateway)
    if encoding is not None and encoding.carried is not None:
        yield TextIn(TextFact.CURRENCY, encoding.carried)
    if encoding is not None and encoding.refused:
        yield Not(TextIn(TextFact.CURRENCY, encoding.refused))
    for fact, words in (
        (TextFact.CURRENCY, candidate.currencies),
        (TextFact.COUNTRY, candidate.countries),
        (TextFact.BRAND, candidate.brands),
        (TextFact.METHOD, candidate.methods),
    ):
        if words:
            yield TextIn(fact, words)
