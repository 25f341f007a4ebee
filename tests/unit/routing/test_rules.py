"""Reading rule sets: what is accepted, and where an error is said to be."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from currency.money import Money
from currency.rates import PairTable, Rate
from routing.facts import PaymentFacts
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
    ({"rules": [rule({"country": ["DE", "UK"]})]}, "rules[0].when.country[1]"),
    ({"rules": [rule({"issuer_country": ["EL"]})]}, "rules[0].when.issuer_country[0]"),
    ({"rules": [rule({"all": []})]}, "rules[0].when.all"),
    ({"rules": [rule({"region": ["Mars"]})]}, "rules[0].when.region[0]"),
    ({"rules": [rule({"bin": ["42x"]})]}, "rules[0].when.bin[0]"),
    ({"rules": [rule({"bin": ["42", "520000-51"]})]}, "rules[0].when.bin[1]"),
    ({"rules": [rule({"bin": ["559999-510000"]})]}, "rules[0].when.bin[0]"),
    ({"rules": [rule({"bin": [f"{n}0001-{n}9998" for n in range(4000, 4100)]})]}, "rules[0].when.bin"),
    ({"rules": [rule({"currency": ["EUR"]}, {"strategy": []})]}, "rules[0].then.strategy"),
    ({"rules": [rule({"currency": ["EUR"]}, {"strategy": {"name": {}}})]}, "rules[0].then.strategy"),
    ({"rules": [rule({"currency": ["EUR"]}, name="a\x00b")]}, "rules[0].name"),
    ({"rules": [rule({"metadata": {"key": "k", "in": ["\ud800"]}})]}, "rules[0].when.metadata.in[0]"),
    ({"rules": [rule({"time": {"from": "22:00", "to": "06:00", "zone": "\x00"}})]}, "rules[0].when.time.zone"),
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


NIGHT = {"from": "22:00", "to": "06:00", "zone": "UTC"}


def split_of(*parts: tuple[str, object]) -> dict[str, object]:
    return {"rules": [], "default": {"split": [{"account": name, "weight": weight} for name, weight in parts]}}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"rules": [rule({"funding": ["charge"]})]}, "rules[0].when.funding[0]"),
        ({"rules": [rule({"merchant_category": ["12"]})]}, "rules[0].when.merchant_category[0]"),
        ({"rules": [rule({"risk_score": {}})]}, "rules[0].when.risk_score"),
        ({"rules": [rule({"risk_score": {"min": 101}})]}, "rules[0].when.risk_score.min"),
        ({"rules": [rule({"risk_score": {"min": 9, "max": 8}})]}, "rules[0].when.risk_score"),
        ({"rules": [rule({"time": {"from": "24:00", "to": "06:00", "zone": "UTC"}})]}, "rules[0].when.time.from"),
        ({"rules": [rule({"time": {"from": "22:00", "to": "06:00", "zone": "Mars"}})]}, "rules[0].when.time.zone"),
        ({"rules": [rule({"time": {"from": "22:00", "to": "06:00", "zone": "../x"}})]}, "rules[0].when.time.zone"),
        ({"rules": [rule({"time": NIGHT | {"days": ["sunday"]}})]}, "rules[0].when.time.days[0]"),
        (split_of(("a", 100)), "default.split"),
        (split_of(("a", 1), ("a", 2)), "default.split[1].account"),
        (split_of(("a", 0), ("b", 0)), "default.split"),
        (split_of(("a", 50.0), ("b", 50)), "default.split[0].weight"),
        ({"rules": [], "default": {"strategy": "cheapest"}}, "default.strategy"),
        ({"rules": [], "default": {"strategy": {"name": "priority", "margin_bps": -1}}}, "default.strategy.margin_bps"),
    ],
)  # fmt: skip
def test_an_error_in_a_newer_key_points_at_its_place(document: object, path: str) -> None:
    with pytest.raises(RuleSetInvalid) as caught:
        parse_rule_set(document)
    assert [problem.path for problem in caught.value.problems] == [path]


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        ("2026-10-02T21:30:00+00:00", True),  # Friday, 23:30 in Berlin
        ("2026-10-03T03:59:00+00:00", True),  # Saturday morning still belongs to Friday night
        ("2026-10-03T04:00:00+00:00", False),
        ("2026-10-02T03:00:00+00:00", False),  # Friday morning belongs to Thursday
        ("2026-10-02T19:59:00+00:00", False),
    ],
)
def test_a_span_over_midnight_belongs_to_the_day_on_which_it_begins(at: str, holds: bool) -> None:
    night = {"time": {"from": "22:00", "to": "06:00", "zone": "Europe/Berlin", "days": ["fri"]}}
    facts = PaymentFacts(amount=Money(1, "EUR"), at=datetime.fromisoformat(at))
    assert (parse_rule_set({"rules": [rule(night)]}).action_for(facts)[0] == "r") is holds


@pytest.mark.parametrize(
    ("span", "at", "holds"),
    [
        # Clocks in Berlin go from 02:00 to 03:00 on 2026-03-29, and from 03:00 back to 02:00 on 2026-10-25.
        (("02:00", "03:00"), "2026-03-29T00:59:00+00:00", False),
        (("02:00", "03:00"), "2026-03-29T01:00:00+00:00", False),  # there is no 02:00 on that night
        (("02:00", "03:00"), "2026-10-25T00:30:00+00:00", True),
        (("02:00", "03:00"), "2026-10-25T01:30:00+00:00", True),  # and two of them on this one
        (("02:00", "03:00"), "2026-10-25T02:00:00+00:00", False),
        (("22:00", "03:00"), "2026-10-25T01:59:00+00:00", True),
        (("00:00", "00:00"), "2026-10-25T22:59:00+00:00", True),  # a whole day, here of 25 hours
        (("00:00", "00:00"), "2026-10-25T23:00:00+00:00", False),
    ],
)
def test_a_time_of_day_is_what_a_clock_on_the_wall_shows(span: tuple[str, str], at: str, holds: bool) -> None:
    start, end = span
    when = {"time": {"from": start, "to": end, "zone": "Europe/Berlin", "days": ["sat", "sun"]}}
    facts = PaymentFacts(amount=Money(1, "EUR"), at=datetime.fromisoformat(at))
    assert (parse_rule_set({"rules": [rule(when)]}).action_for(facts)[0] == "r") is holds


def test_the_day_of_a_rate_is_the_same_wherever_the_moment_was_written() -> None:
    rates = [
        Rate("EUR", "USD", Decimal(1), Decimal(units), date(2026, 10, day), "hand") for day, units in ((1, 1), (2, 2))
    ]
    table = PairTable("hand", rates)
    moments = (datetime.fromisoformat(it) for it in ("2026-10-01T20:00:00+00:00", "2026-10-02T08:00:00+12:00"))
    assert {PaymentFacts(Money(100, "EUR"), at=at, rates=table).amount_in("USD") for at in moments} == {
        Money(100, "USD")
    }


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        PaymentFacts(amount=Money(1, "EUR"), at=datetime(2026, 10, 1))  # noqa: DTZ001 - that is what is refused


def test_an_amount_in_another_currency_is_compared_by_the_rate_of_the_day() -> None:
    rates = PairTable("hand", [Rate("EUR", "USD", Decimal(1), Decimal("1.10"), date(2026, 10, 1), "hand")])
    rules = parse_rule_set({"rules": [rule({"amount": {"currency": "USD", "min": 5500}})]})
    at = datetime(2026, 10, 2, tzinfo=UTC)
    assert rules.action_for(PaymentFacts(Money(5000, "EUR"), at=at, rates=rates))[0] == "r"
    assert rules.action_for(PaymentFacts(Money(4999, "EUR"), at=at, rates=rates))[0] == "default"
    assert rules.action_for(PaymentFacts(Money(5000, "EUR"), at=at))[0] == "default"


def test_what_is_remembered_of_many_kinds_of_payments_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.compiled.TESTS_MAX", 100)
    by_currency = [{"all": [{"currency": [code]}, {"risk_score": {"min": n}}]} for n, code in enumerate(["EUR", "USD"])]
    conditions = [*by_currency, *({"metadata": {"key": "k", "in": [str(n)]}} for n in range(10))]
    rules = parse_rule_set({"rules": [rule(it, name=f"r{place}") for place, it in enumerate(conditions)]})
    for number in range(200):
        facts = PaymentFacts(Money(1, "EUR"), brand=f"brand_{number}", metadata={"k": str(number % 10)})
        assert rules.action_for(facts)[0] == f"r{2 + number % 10}"
    assert sum(len(tests) for tests in rules._first_match._groups.values()) <= 100
