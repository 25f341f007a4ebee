"""Rule sets: JSON documents that say which gateway accounts a payment may go to. The first rule that holds wins.

{"rules": [{"name": "…", "when": CONDITION, "then": ACTION}, …], "default": ACTION}

CONDITION is an object with one key: `all` or `any` (a list of conditions), `not` (a condition), `currency`, `country`,
`issuer_country`, `brand`, `method`, `channel` (a list of words), `region` (of EU EEA UK NA APAC MENA LATAM), `amount`
({"currency", "min", "max"}, minor units), `bin` (a list of prefixes), `customer_present` (a bool), `metadata`
({"key", "in"}). What a missing fact does is said in `routing.conditions`.
ACTION: `accounts` (the only ones to try, in that order; account ids or gateway names), `exclude`, `require_3ds`,
`max_attempts`; each may be left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from routing.candidates import PaymentFacts
from routing.conditions import Condition, Truth, evaluate
from routing.rule_reader import Problem, Reader

MAX_RULES = 200
MAX_ATTEMPTS_IN_RULE = 10
MAX_NAME_CHARS = 100
DEFAULT_RULE = "default"


class RuleSetInvalid(ValueError):
    """The document is no rule set. `problems` are all that was found, each a (path, message) pair."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{problem.path or 'document'}: {problem.message}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Action:
    """What a rule asks for. Empty `accounts` means all; names are account ids or gateway names."""

    accounts: tuple[str, ...] = ()
    exclude: frozenset[str] = frozenset()
    require_3ds: bool = False
    max_attempts: int | None = None


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

    def action_for(self, facts: PaymentFacts) -> tuple[str, Action]:
        """Name and action of the first rule whose condition is TRUE (unknown does not fire), else the default."""
        for rule in self.rules:
            if evaluate(rule.when, facts) is Truth.TRUE:
                return rule.name, rule.then
        return DEFAULT_RULE, self.default


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
    fields = reader.fields(value, path, optional=("accounts", "exclude", "require_3ds", "max_attempts"))
    if fields is None:
        return Action()
    accounts = reader.words(fields["accounts"], f"{path}.accounts") if "accounts" in fields else ()
    exclude = reader.words(fields["exclude"], f"{path}.exclude") if "exclude" in fields else ()
    require_3ds = reader.boolean(fields["require_3ds"], f"{path}.require_3ds") if "require_3ds" in fields else False
    max_attempts = None
    if "max_attempts" in fields:
        max_attempts = reader.integer(fields["max_attempts"], f"{path}.max_attempts", low=1, high=MAX_ATTEMPTS_IN_RULE)
    return Action(accounts, frozenset(exclude), bool(require_3ds), max_attempts)
