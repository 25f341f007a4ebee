"""Reading rule sets: what is accepted, and where an error is said to be."""

from typing import Any

import pytest

from currency.money import Money
from routing.candidates import PaymentFacts
from routing.rules import Action, RuleSetInvalid, parse_rule_set

FACTS = PaymentFacts(amount=Money(5000, "EUR"), country="DE")


def rule(when: object, then: object | None = None, name: str = "r") -> dict[str, object]:
    return {"name": name, "when": when, "then": {} if then is None else then}


def test_the_first_rule_that_holds_wins() -> None:
    rules = [
        rule({"currency": ["USD"]}, {"accounts": ["paypal"]}, "dollars"),
        rule({"currency": ["EUR"]}, {"accounts": ["adyen"], "require_3ds": True, "max_attempts": 2}, "euros"),
        rule({"country": ["DE"]}, {"accounts": ["stripe"]}, "germany"),
    ]
    action = Action(accounts=("adyen",), require_3ds=True, max_attempts=2)
    assert parse_rule_set({"rules": rules}).action_for(FACTS) == ("euros", action)


def test_a_rule_that_is_unknown_does_not_fire_and_the_default_follows() -> None:
    rules = [rule({"not": {"brand": ["amex"]}}, {"accounts": ["adyen"]})]
    parsed = parse_rule_set({"rules": rules, "default": {"exclude": ["paypal"]}})
    assert parsed.action_for(FACTS) == ("default", Action(exclude=frozenset({"paypal"})))


def test_an_empty_rule_set_asks_for_nothing() -> None:
    assert parse_rule_set({"rules": []}).action_for(FACTS) == ("default", Action())


BROKEN: list[tuple[Any, str]] = [
    ([], ""),
    ({}, "rules"),
    ({"rules": {}}, "rules"),
    ({"rules": [], "extra": 1}, "extra"),
    ({"rules": [{"name": "r", "when": {"currency": ["EUR"]}}]}, "rules[0].then"),
    ({"rules": [rule({})]}, "rules[0].when"),
    ({"rules": [rule({"currency": ["EUR"], "country": ["DE"]})]}, "rules[0].when"),
    ({"rules": [rule({"colour": ["red"]})]}, "rules[0].when.colour"),
    ({"rules": [rule({"currency": ["EUR", "EURO"]})]}, "rules[0].when.currency[1]"),
    ({"rules": [rule({"currency": "EUR"})]}, "rules[0].when.currency"),
    ({"rules": [rule({"currency": []})]}, "rules[0].when.currency"),
    ({"rules": [rule({"country": ["DE", "DE"]})]}, "rules[0].when.country[1]"),
    ({"rules": [rule({"all": [{"country": ["de"]}]})]}, "rules[0].when.all[0].country[0]"),
    ({"rules": [rule({"all": []})]}, "rules[0].when.all"),
    ({"rules": [rule({"region": ["Mars"]})]}, "rules[0].when.region[0]"),
    ({"rules": [rule({"bin": ["42x"]})]}, "rules[0].when.bin[0]"),
    ({"rules": [rule({"customer_present": 1})]}, "rules[0].when.customer_present"),
    ({"rules": [rule({"amount": {"currency": "EUR", "min": 1.5}})]}, "rules[0].when.amount.min"),
    ({"rules": [rule({"amount": {"currency": "EUR", "min": True}})]}, "rules[0].when.amount.min"),
    ({"rules": [rule({"amount": {"currency": "EUR", "min": 2, "max": 1}})]}, "rules[0].when.amount"),
    ({"rules": [rule({"amount": {"currency": "EUR"}})]}, "rules[0].when.amount"),
    ({"rules": [rule({"metadata": {"key": "k"}})]}, "rules[0].when.metadata.in"),
    ({"rules": [rule({"currency": ["EUR"]}, {"max_attempts": 0})]}, "rules[0].then.max_attempts"),
    ({"rules": [rule({"currency": ["EUR"]}, {"max_attempts": "2"})]}, "rules[0].then.max_attempts"),
    ({"rules": [rule({"currency": ["EUR"]}), rule({"currency": ["USD"]})]}, "rules[1].name"),
    ({"rules": [rule({"currency": ["EUR"]}, name="default")]}, "rules[0].name"),
    ({"rules": [], "default": {"accounts": [7]}}, "default.accounts[0]"),
]


@pytest.mark.parametrize(("document", "path"), BROKEN)
def test_an_error_points_at_its_place(document: object, path: str) -> None:
    with pytest.raises(RuleSetInvalid) as caught:
        parse_rule_set(document)
    assert [problem.path for problem in caught.value.problems] == [path]


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(RuleSetInvalid) as caught:
        parse_rule_set({"rules": [rule({"currency": ["EURO"]}, {"max_attempts": 99})], "default": 1})
    assert len(caught.value.problems) == 3


def test_conditions_nested_too_deep_are_refused() -> None:
    condition: object = {"currency": ["EUR"]}
    for _ in range(1000):
        condition = {"not": condition}
    with pytest.raises(RuleSetInvalid, match="nested"):
        parse_rule_set({"rules": [rule(condition)]})
