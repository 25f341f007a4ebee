"""Rule sets: JSON documents that say which gateway accounts a payment may go to. The first rule that holds wins.

{"rules": [{"name": "…", "when": CONDITION, "then": ACTION}, …], "default": ACTION}

CONDITION is an object with one key: `all` or `any` (a list of conditions), `not` (a condition), `currency`, `country`,
`issuer_country`, `brand`, `funding`, `method`, `channel`, `merchant_category` (a list of words), `region` (of EU EEA UK
NA APAC MENA LATAM), `amount` ({"currency", "min", "max"}, minor units), `bin` (a list of prefixes and ranges),
`customer_present`, `merchant_initiated` (a bool), `risk_score` ({"min", "max"}), `time` ({"from", "to", "zone",
"days"}), `metadata` ({"key", "in"}). What a missing fact does is said in `routing.conditions`.
ACTION: `accounts` (the only ones to try, in that order; account ids or gateway names) or `split` (a list of {"account",
"weight"}: each goes first in as many of a hundred payments as its weight says), `exclude`, `require_3ds`,
`max_attempts`, `strategy` (priority, least_cost, success_rate, expected_value, or an object of its name with its
numbers); each may be left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from routing.compiled import FirstMatch
from routing.conditions import Condition
from routing.facts import PaymentFacts
from routing.rule_reader import Problem, Reader
from routing.scoring import EXPLORE_PPM_MAX, Ordering, Strategy

MAX_RULES = 1_000
MAX_ATTEMPTS_IN_RULE = 10
MAX_NAME_CHARS = 100
MAX_SPLIT = 20
MAX_WEIGHT = 1_000
DEFAULT_RULE = "default"

_ACTION_KEYS = ("accounts", "split", "exclude", "require_3ds", "max_attempts", "strategy")
_STRATEGY_NUMBERS = {"margin_bps": 10_000, "explore_ppm": EXPLORE_PPM_MAX, "latency_max_ms": 60_000}


class RuleSetInvalid(ValueError):
    """The document is no rule set. `problems` are all that was found, each a (path, message) pair."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{problem.path or 'document'}: {problem.message}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Action:
    """What a rule asks for. Empty `accounts` means all; names are account ids or gateway names.

    `ordering` None: in the order of `accounts`, else as the merchant's own strategy has it.
    """

    accounts: tuple[str, ...] = ()
    exclude: frozenset[str] = frozenset()
    require_3ds: bool = False
    max_attempts: int | None = None
    split: tuple[tuple[str, int], ...] = ()
    ordering: Ordering | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A named condition and what follows when it is true."""

    name: str
    when: Condition
    then: Action


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in order and the action when none fires. `id` and `version` name the stored version for the route plan."""

    rules: tuple[Rule, ...] = ()
    default: Action = field(default_factory=Action)
    id: str = ""
    version: int = 0
    _first_match: FirstMatch = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_first_match", FirstMatch([rule.when for rule in self.rules]))

    def action_for(self, facts: PaymentFacts) -> tuple[str, Action]:
        """Name and action of the first rule whose condition is TRUE (unknown does not fire), else the default."""
        place = self._first_match(facts)
        if place is None:
            return DEFAULT_RULE, self.default
        return self.rules[place].name, self.rules[place].then


def parse_rule_set(document: object, *, rule_set_id: str = "", version: int = 0) -> RuleSet:
    """Read a decoded JSON document. Raises RuleSetInvalid with every problem and its place (`rules[2].when.all[0]`)."""
    reader = Reader()
    parsed = _rule_set(reader, document, rule_set_id, version)
    if reader.problems or parsed is None:
        raise RuleSetInvalid(tuple(reader.problems))
    return parsed


def _rule_set(reader: Reader, document: object, rule_set_id: str, version: int) -> RuleSet | None:
    fields = reader.fields(document, "", required=("rules",), optional=("default",))
    if fields is None:
        return None
    entries = reader.items(fields.get("rules", []), "rules", low=0, high=MAX_RULES)
    rules = [_rule(reader, entry, f"rules[{index}]") for index, entry in enumerate(entries)]
    default = _action(reader, fields["default"], "default") if "default" in fields else Action()
    seen = {DEFAULT_RULE}
    for index, rule in enumerate(rules):
        if rule is not None and rule.name in seen:
            reader.problem(f"rules[{index}].name", f"{rule.name!r} is taken")
        if rule is not None:
            seen.add(rule.name)
    return RuleSet(tuple(rule for rule in rules if rule is not None), default, rule_set_id, version)


def _rule(reader: Reader, value: object, path: str) -> Rule | None:
    fields = reader.fields(value, path, required=("name", "when", "then"))
    if fields is None:
        return None
    name = reader.text(fields["name"], f"{path}.name", MAX_NAME_CHARS) if "name" in fields else None
    when = reader.condition(fields["when"], f"{path}.when") if "when" in fields else None
    then = _action(reader, fields["then"], f"{path}.then") if "then" in fields else None
    return None if name is None or when is None or then is None else Rule(name, when, then)


def _action(reader: Reader, value: object, path: str) -> Action:
    fields = reader.fields(value, path, optional=_ACTION_KEYS)
    if fields is None:
        return Action()
    if "accounts" in fields and "split" in fields:
        reader.problem(path, "has accounts and split: the accounts of a split are the only ones to try already")
    accounts = reader.words(fields["accounts"], f"{path}.accounts") if "accounts" in fields else ()
    exclude = reader.words(fields["exclude"], f"{path}.exclude") if "exclude" in fields else ()
    require_3ds = reader.boolean(fields["require_3ds"], f"{path}.require_3ds") if "require_3ds" in fields else False
    max_attempts = None
    if "max_attempts" in fields:
        max_attempts = reader.integer(fields["max_attempts"], f"{path}.max_attempts", low=1, high=MAX_ATTEMPTS_IN_RULE)
    split = _split(reader, fields["split"], f"{path}.split") if "split" in fields else ()
    ordering = read_ordering(reader, fields["strategy"], f"{path}.strategy") if "strategy" in fields else None
    if split and ordering is not None:
        reader.problem(f"{path}.strategy", "orders nothing where a split does")
    return Action(accounts, frozenset(exclude), bool(require_3ds), max_attempts, split, ordering)


def _split(reader: Reader, value: object, path: str) -> tuple[tuple[str, int], ...]:
    found: dict[str, int] = {}
    for index, item in enumerate(reader.items(value, path, low=2, high=MAX_SPLIT)):
        fields = reader.fields(item, f"{path}[{index}]", required=("account", "weight"))
        if fields is None or len(fields) != 2:
            continue
        name = reader.text(fields["account"], f"{path}[{index}].account")
        weight = reader.integer(fields["weight"], f"{path}[{index}].weight", low=0, high=MAX_WEIGHT)
        if name in found:
            reader.problem(f"{path}[{index}].account", f"{name!r} is there twice")
        elif name is not None and weight is not None:
            found[name] = weight
    if found and not any(found.values()):
        reader.problem(path, "needs a weight above zero")
    return tuple(found.items())


def read_ordering(reader: Reader, value: object, path: str) -> Ordering | None:
    """A strategy by its name alone, or an object with its numbers."""
    fields: dict[str, object] | None = {"name": value}
    if isinstance(value, dict):
        fields = reader.fields(
            value, path, required=("name",), optional=("margin_bps", "explore_ppm", "latency_max_ms")
        )
    if fields is None or "name" not in fields:
        return None
    if not isinstance(fields["name"], str) or fields["name"] not in set(Strategy):
        reader.problem(path, f"must be one of {' '.join(Strategy)}")
        return None
    known = {
        name: found
        for name, high in _STRATEGY_NUMBERS.items()
        if name in fields and (found := reader.integer(fields[name], f"{path}.{name}", low=0, high=high)) is not None
    }
    return Ordering(Strategy(str(fields["name"])), **known)
