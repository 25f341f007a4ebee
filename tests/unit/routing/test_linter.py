"""What the linter finds, and what it leaves alone."""

from typing import Any

import pytest

from routing.candidates import Candidate
from routing.linter import Kind, lint
from routing.rules import parse_rule_set


def rule(name: str, when: object, then: object | None = None) -> dict[str, object]:
    return {"name": name, "when": when, "then": then or {}}


def kinds(*rules: dict[str, object], candidates: tuple[Candidate, ...] = ()) -> list[tuple[Kind, str]]:
    return [(finding.kind, finding.rule) for finding in lint(parse_rule_set({"rules": list(rules)}), candidates)]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"currency": ["EUR", "USD"]}, {"currency": ["EUR"]}),
        ({"region": ["EU"]}, {"all": [{"country": ["DE"]}, {"currency": ["EUR"]}]}),
        ({"amount": {"currency": "EUR", "min": 100}}, {"amount": {"currency": "EUR", "min": 150, "max": 180}}),
        ({"bin": ["4242"]}, {"bin": ["42424242", "42421"]}),
        ({"bin": ["420000-429999"]}, {"bin": ["424000-424999", "42424242"]}),
        ({"customer_present": False}, {"merchant_initiated": True}),
        ({"not": {"country": ["DE"]}}, {"country": ["FR"]}),
        ({"risk_score": {"min": 50}}, {"risk_score": {"min": 60, "max": 70}}),
        ({"metadata": {"key": "a", "in": ["1", "2"]}}, {"metadata": {"key": "a", "in": ["2"]}}),
    ],
)
def test_a_rule_behind_a_wider_one_is_unreachable(earlier: object, later: object) -> None:
    assert kinds(rule("wide", earlier), rule("narrow", later)) == [(Kind.UNREACHABLE, "narrow")]


def test_several_earlier_rules_together_may_cover_a_later_one() -> None:
    rules = [
        rule("low", {"amount": {"currency": "EUR", "max": 500}}),
        rule("high", {"amount": {"currency": "EUR", "min": 501}}),
    ]
    assert kinds(*rules, rule("euros", {"currency": ["EUR"]})) == [(Kind.UNREACHABLE, "euros")]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"currency": ["EUR"]}, {"currency": ["USD"]}),
        ({"region": ["EU"]}, {"region": ["EEA"]}),
        ({"country": ["DE"]}, {"currency": ["EUR"]}),  # a country that is not known does not fire the first
        ({"bin": ["42424242"]}, {"bin": ["4242"]}),
        ({"not": {"country": ["DE"]}}, {"currency": ["EUR"]}),
        ({"time": {"from": "08:00", "to": "18:00", "zone": "Europe/Berlin"}}, {"currency": ["EUR"]}),
    ],
)
def test_a_rule_that_some_payment_reaches_is_left_alone(earlier: object, later: object) -> None:
    assert kinds(rule("first", earlier), rule("second", later)) == []


@pytest.mark.parametrize(
    "when",
    [
        {"all": [{"country": ["DE"]}, {"country": ["FR"]}]},
        {"all": [{"currency": ["EUR"]}, {"not": {"currency": ["EUR", "USD"]}}]},
        {"all": [{"region": ["NA"]}, {"country": ["MX"]}]},
        {"all": [{"merchant_initiated": True}, {"customer_present": True}]},
        {"all": [{"amount": {"currency": "EUR", "max": 5}}, {"amount": {"currency": "EUR", "min": 6}}]},
    ],
)
def test_a_condition_that_contradicts_itself_is_told(when: object) -> None:
    assert kinds(rule("r", when)) == [(Kind.NEVER_TRUE, "r")]


def test_overlapping_rules_with_different_actions_are_told() -> None:
    one, other = {"accounts": ["a"]}, {"accounts": ["b"]}
    rules = (rule("germany", {"country": ["DE"]}, one), rule("euros", {"currency": ["EUR"]}, other))
    assert kinds(*rules) == [(Kind.OVERLAP, "euros")]
    assert kinds(rule("germany", {"country": ["DE"]}, one), rule("euros", {"currency": ["EUR"]}, one)) == []


def test_weights_that_do_not_sum_to_a_hundred_are_told() -> None:
    split = {"split": [{"account": "a", "weight": 70}, {"account": "b", "weight": 20}]}
    [finding] = lint(parse_rule_set({"rules": [rule("r", {"currency": ["EUR"]}, split)]}))
    assert (finding.kind, finding.path) == (Kind.WEIGHTS, "rules[0].then.split")
    assert "90" in finding.message


ACCOUNTS = (
    Candidate("ga_1", "stripe", currencies=frozenset({"USD"})),
    Candidate("ga_2", "adyen"),
    Candidate("ga_3", "paypal", currencies=frozenset({"EUR", "KWD"})),
)


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ({"accounts": ["ga_1"]}, [(Kind.CANNOT_TAKE, "r")]),
        ({"accounts": ["ga_2"]}, []),
        ({"accounts": ["ga_9"]}, [(Kind.UNKNOWN_ACCOUNT, "r")]),
        ({"accounts": ["adyen"], "exclude": ["adyen"]}, [(Kind.EXCLUDED, "r")]),
    ],
)
def test_accounts_that_cannot_serve_the_rule_are_told(then: Any, expected: list[tuple[Kind, str]]) -> None:
    assert kinds(rule("r", {"currency": ["EUR"]}, then), candidates=ACCOUNTS) == expected


@pytest.mark.parametrize(
    ("currency", "account", "told"),
    [
        ("KWD", "ga_3", [Kind.CANNOT_TAKE]),  # PayPal carries no dinars, whatever the account says
        ("MGA", "adyen", [Kind.CANNOT_TAKE]),
        ("LYD", "stripe", [Kind.CANNOT_TAKE]),
        ("LYD", "adyen", []),
    ],
)
def test_a_currency_that_the_gateway_itself_does_not_carry_is_told(
    currency: str, account: str, told: list[Kind]
) -> None:
    found = kinds(rule("r", {"currency": [currency]}, {"accounts": [account]}), candidates=ACCOUNTS)
    assert [kind for kind, _ in found] == told


def test_a_named_account_whose_gateway_is_excluded_is_told() -> None:
    found = kinds(rule("r", {"currency": ["EUR"]}, {"accounts": ["ga_2"], "exclude": ["adyen"]}), candidates=ACCOUNTS)
    assert found == [(Kind.EXCLUDED, "r")]
    spared = kinds(rule("r", {"currency": ["EUR"]}, {"accounts": ["adyen"], "exclude": ["ga_9"]}), candidates=ACCOUNTS)
    assert (Kind.EXCLUDED, "r") not in spared


def test_of_a_rule_that_is_never_true_only_that_is_told() -> None:
    never = {"all": [{"currency": ["EUR"]}, {"currency": ["JPY"]}]}
    assert kinds(rule("r", never, {"accounts": ["ga_1"]}), candidates=ACCOUNTS) == [(Kind.NEVER_TRUE, "r")]


def test_an_account_that_takes_some_of_the_rules_payments_is_fine() -> None:
    assert kinds(rule("r", {"currency": ["EUR", "USD"]}, {"accounts": ["ga_1"]}), candidates=ACCOUNTS) == []


MANY = 1_000


def test_of_a_thousand_rules_each_is_compared_with_those_before_it() -> None:
    """Apart by a word, by digits or by amounts; the last rule is behind the first."""
    whens: list[object] = []
    for number in range(MANY // 4):
        whens += [
            {"metadata": {"key": "plan", "in": [str(number)]}},
            {"all": [{"metadata": {"key": "plan", "in": ["other"]}}, {"bin": [str(400_000 + number)]}]},
        ]
        low = 100 * number
        band = {"amount": {"currency": "EUR", "min": low, "max": low + 99}}
        whens.append({"all": [{"metadata": {"key": "plan", "in": ["none"]}}, band]})
        whens.append({"all": [{"currency": ["JPY"]}, {"metadata": {"key": "plan", "in": [f"yen {number}"]}}]})
    whens[-1] = {"all": [{"currency": ["JPY"]}, {"metadata": {"key": "plan", "in": ["0"]}}]}
    told = kinds(*(rule(f"rule {number}", when) for number, when in enumerate(whens)))
    assert told == [(Kind.UNREACHABLE, f"rule {MANY - 1}")]


def test_what_is_unreachable_hides_nothing_from_those_behind_it() -> None:
    same = [rule(f"rule {number}", {"currency": ["EUR"]}) for number in range(MANY)]
    assert kinds(*same) == [(Kind.UNREACHABLE, f"rule {number}") for number in range(1, MANY)]


def test_where_the_linter_stops_it_says_so_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.linter.EFFORT_MAX", 2_000)
    mixed = [
        rule(
            f"rule {number}",
            {"any": [{"risk_score": {"min": number}}, {"metadata": {"key": f"k{number}", "in": ["x"]}}]},
        )
        for number in range(60)
    ]
    found = [finding for finding in lint(parse_rule_set({"rules": mixed})) if finding.kind is Kind.TOO_COMPLEX]
    assert len(found) == 1
    assert "are not compared" in found[0].message
    assert "lint the rules in parts" in found[0].message
