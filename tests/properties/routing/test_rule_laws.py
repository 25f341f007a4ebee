"""Laws of rules: the fast way means what the conditions mean, and what the linter says is so."""

from datetime import UTC, datetime, time
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from currency.money import Money
from routing.candidates import Candidate
from routing.compiled import FirstMatch
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
    evaluate,
)
from routing.decision import decide
from routing.facts import PaymentFacts, Region
from routing.linter import Kind, lint
from routing.rules import Action, Rule, RuleSet, parse_rule_set
from routing.separation import RuleIndex

NOW = datetime(2026, 10, 1, tzinfo=UTC)
WORDS = {
    TextFact.CURRENCY: ["EUR", "USD", "JPY"],
    TextFact.COUNTRY: ["DE", "NO", "US"],
    TextFact.BRAND: ["visa", "amex"],
}
BINS = ["42", "4242", "424242", "42424242", "51"]

words = st.sampled_from(list(WORDS)).flatmap(
    lambda fact: st.builds(TextIn, st.just(fact), st.frozensets(st.sampled_from(WORDS[fact]), min_size=1))
)
amounts = st.builds(
    AmountBetween, st.sampled_from(["EUR", "USD"]), st.none() | st.integers(0, 6), st.none() | st.integers(0, 6)
)
small_leaves = (
    words
    | st.builds(RegionIn, st.frozensets(st.sampled_from([Region.EU, Region.EEA]), min_size=1))
    | st.builds(CustomerPresent, st.booleans())
    | st.builds(MerchantInitiated, st.booleans())
)
leaves = (
    small_leaves
    | amounts
    | st.builds(BinStartsWith, st.lists(st.sampled_from(BINS), min_size=1, unique=True).map(tuple))
    | st.builds(RiskScoreBetween, st.integers(0, 50), st.integers(0, 100))
    | st.builds(MetadataIn, st.sampled_from(["", "plan"]), st.frozensets(st.sampled_from(["gold", "tin"]), min_size=1))
    | st.builds(
        TimeWithin,
        st.frozensets(st.integers(0, 6), min_size=1),
        st.builds(time, st.integers(0, 23)),
        st.builds(time, st.integers(0, 23)),
        st.sampled_from(["UTC", "Asia/Tokyo"]),
    )
)


def nested(of: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    return st.recursive(
        of,
        lambda inner: (
            st.builds(AllOf, st.lists(inner, min_size=1, max_size=3).map(tuple))
            | st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3).map(tuple))
            | st.builds(Not, inner)
        ),
        max_leaves=5,
    )


facts = st.builds(
    PaymentFacts,
    amount=st.builds(Money, st.integers(1, 8), st.sampled_from(["EUR", "USD", "GBP"])),
    country=st.none() | st.sampled_from(["DE", "NO", "FR", "BR"]),
    brand=st.none() | st.sampled_from(["visa", "jcb"]),
    bin=st.none() | st.sampled_from(["424242", "42424242", "510000", "42990000"]),
    customer_present=st.just(False),
    merchant_initiated=st.booleans(),
    risk_score=st.none() | st.integers(0, 100),
    at=st.none() | st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2026, 2, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    metadata=st.dictionaries(st.sampled_from(["", "plan"]), st.sampled_from(["gold", "zinc"])),
    seed=st.sampled_from(["pay_1", "pay_2", "pay_3"]),
)


@settings(max_examples=300)
@given(st.lists(nested(leaves), max_size=5), st.lists(facts, min_size=1, max_size=4))
def test_the_first_match_is_the_first_condition_that_is_true(
    conditions: list[Condition], payments: list[PaymentFacts]
) -> None:
    first_match = FirstMatch(conditions)
    for payment in [*payments, *payments]:  # the second time a group is remembered
        true = [place for place, condition in enumerate(conditions) if evaluate(condition, payment) is Truth.TRUE]
        assert first_match(payment) == (true[0] if true else None)


digits_of_six = st.integers(0, 999_999).map(lambda number: f"{number:06}")


@given(digits_of_six, digits_of_six, st.sampled_from([1, 2, 4, 6, 7, 8]), st.integers(0, 99_999_999))
def test_a_range_of_first_digits_is_all_that_lie_between(one: str, other: str, length: int, card: int) -> None:
    low, high = sorted((one.ljust(8, "0")[:length], other.ljust(8, "0")[:length]))
    [rule] = parse_rule_set({"rules": [{"name": "r", "when": {"bin": [f"{low}-{high}"]}, "then": {}}]}).rules
    known = f"{card:08}"
    eight = PaymentFacts(Money(1, "EUR"), bin=known)
    assert (evaluate(rule.when, eight) is Truth.TRUE) == (low <= known[:length] <= high)
    ends = {low <= f"{known[:6]}{end:02}"[:length] <= high for end in range(100)}
    expected = Truth.UNKNOWN if len(ends) == 2 else Truth.TRUE if True in ends else Truth.FALSE
    assert evaluate(rule.when, PaymentFacts(Money(1, "EUR"), bin=known[:6])) is expected


def every_small_payment() -> list[PaymentFacts]:
    """All that the small conditions can tell apart, and more."""
    return [
        PaymentFacts(Money(1, code), country=country, brand=brand, customer_present=present, merchant_initiated=mit)
        for code, country, brand, present, mit in product(
            ["EUR", "USD", "JPY", "GBP"],
            [None, "DE", "NO", "US", "FR", "IS", "BR"],
            [None, "visa", "amex", "jcb"],
            [True, False],
            [True, False],
        )
        if not (present and mit)
    ]


SMALL = every_small_payment()


@settings(max_examples=150, deadline=None)
@given(st.lists(nested(small_leaves), min_size=1, max_size=4))
def test_unreachable_is_what_no_payment_of_the_whole_domain_reaches(conditions: list[Condition]) -> None:
    rule_set = RuleSet(tuple(Rule(f"r{place}", it, Action((f"a{place}",))) for place, it in enumerate(conditions)))
    told = {finding.rule for finding in lint(rule_set) if finding.kind in (Kind.UNREACHABLE, Kind.NEVER_TRUE)}
    reached = {rule_set.action_for(payment)[0] for payment in SMALL}
    assert told == {rule.name for rule in rule_set.rules} - reached


@settings(max_examples=150, deadline=None)
@given(st.lists(nested(leaves), min_size=1, max_size=4), st.lists(facts, min_size=5, max_size=30))
def test_no_payment_ever_reaches_what_is_told_to_be_unreachable(
    conditions: list[Condition], payments: list[PaymentFacts]
) -> None:
    rule_set = RuleSet(tuple(Rule(f"r{place}", it, Action()) for place, it in enumerate(conditions)))
    told = {finding.rule for finding in lint(rule_set) if finding.kind in (Kind.UNREACHABLE, Kind.NEVER_TRUE)}
    assert not told & {rule_set.action_for(payment)[0] for payment in payments}


@settings(max_examples=300, deadline=None)
@given(st.lists(nested(leaves), min_size=2, max_size=5), st.lists(facts, min_size=5, max_size=30))
def test_rules_that_hold_for_one_payment_are_never_called_apart(
    conditions: list[Condition], payments: list[PaymentFacts]
) -> None:
    index = RuleIndex(conditions)
    for payment in payments:
        true = [place for place, condition in enumerate(conditions) if evaluate(condition, payment) is Truth.TRUE]
        for place in true:
            assert {earlier for earlier in true if earlier < place} <= set(index.before(place))


@given(facts, st.lists(nested(leaves), max_size=3))
def test_an_excluded_account_changes_nothing_for_the_others(payment: PaymentFacts, conditions: list[Condition]) -> None:
    action = Action(exclude=frozenset({"extra"}))
    rule_set = RuleSet(tuple(Rule(f"r{place}", it, action) for place, it in enumerate(conditions)), action)
    candidates = [Candidate("a", "stripe", 2), Candidate("b", "adyen", 1)]
    with_extra = [Candidate("extra", "paypal", 0), *candidates]
    assert decide(payment, rule_set, with_extra, {}, NOW).steps == decide(payment, rule_set, candidates, {}, NOW).steps
