"""Laws of decisions by whole rule sets: strategies, splits, records and breakers all together."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from currency.exponents import require_representable
from currency.money import Money
from routing.breaker import BreakerPhase, HealthState
from routing.candidates import Candidate
from routing.conditions import Condition, RiskScoreBetween, TextFact, TextIn
from routing.decision import RoutePlan, decide
from routing.facts import PaymentFacts
from routing.fees import Fee, FeeSchedule
from routing.rules import Action, Rule, RuleSet
from routing.scoring import Ordering, Strategy
from routing.segments import Record, Segment, Tally, widened

NOW = datetime(2026, 10, 1, tzinfo=UTC)
IDS = [f"ga_{number}" for number in range(5)]
EXTRA = "ga_extra"
CURRENCIES = ["EUR", "JPY", "KWD", "MGA"]

few = lambda *words: st.frozensets(st.sampled_from(words), max_size=2)  # noqa: E731 - a shorthand
fees = st.builds(
    lambda bps, fixed: FeeSchedule((Fee(bps, (Money(fixed, "EUR"),)),)), st.integers(0, 400), st.integers(0, 50)
)
accounts = st.builds(
    Candidate,
    account_id=st.sampled_from(IDS),
    gateway=st.sampled_from(["stripe", "adyen", "paypal"]),
    priority=st.integers(0, 2),
    currencies=few(*CURRENCIES),
    countries=few("DE", "US"),
    brands=few("visa", "amex"),
    methods=few("card", "ideal"),
    fees=fees,
    enabled=st.sampled_from([True, True, False]),
    held_back=st.sampled_from(["", "", "maintenance"]),
    breaker_off=st.booleans(),
)
shops = st.lists(accounts, max_size=5, unique_by=lambda it: it.account_id)
names = st.sampled_from([*IDS, "stripe", "adyen", "ga_gone"])
orderings = st.builds(
    Ordering,
    st.sampled_from(Strategy),
    st.sampled_from([0, 2_000]),
    st.sampled_from([0, 100_000]),
    st.none() | st.integers(100, 900),
)
splits = st.lists(st.tuples(names, st.integers(0, 3)), min_size=2, max_size=4, unique_by=lambda it: it[0]).filter(
    lambda parts: any(weight for _, weight in parts)
)
actions = (
    st.builds(Action, ordering=st.none() | orderings, exclude=st.frozensets(names, max_size=1))
    | st.builds(Action, st.lists(names, unique=True, max_size=3).map(tuple), ordering=st.none() | orderings)
    | st.builds(Action, split=splits.map(tuple))
)
conditions: st.SearchStrategy[Condition] = st.builds(
    RiskScoreBetween, st.integers(0, 60), st.integers(40, 100)
) | st.builds(TextIn, st.just(TextFact.CURRENCY), st.frozensets(st.sampled_from(CURRENCIES), min_size=1))
rule_sets = st.builds(
    lambda parts, default: RuleSet(tuple(Rule(f"r{n}", *part) for n, part in enumerate(parts)), default, "rs_1", 3),
    st.lists(st.tuples(conditions, actions), max_size=3),
    actions,
)
facts = st.builds(
    PaymentFacts,
    amount=st.builds(Money, st.integers(1, 10**6), st.sampled_from(CURRENCIES)),
    country=st.none() | st.sampled_from(["DE", "FR"]),
    brand=st.none() | st.sampled_from(["visa", "jcb"]),
    method=st.sampled_from(["card", "ideal"]),
    risk_score=st.none() | st.integers(0, 100),
    seed=st.integers(0, 500).map(lambda number: f"pay_{number}"),
)
tallies = st.builds(
    lambda tried, share, latency: Tally(tried, tried * share // 10, latency),
    st.integers(0, 200),
    st.integers(0, 10),
    st.none() | st.integers(50, 1_000),
)
records: st.SearchStrategy[Record] = st.dictionaries(st.sampled_from([*IDS, EXTRA]), tallies).map(
    lambda found: widened((name, Segment("EUR", "card", "visa", ""), tally) for name, tally in found.items())
)
healths = st.dictionaries(
    st.sampled_from(IDS), st.builds(HealthState, st.sampled_from(BreakerPhase), st.just(5), st.just(NOW))
)


@settings(max_examples=300)
@given(facts, rule_sets, shops, healths, records, orderings, st.randoms(use_true_random=False))
def test_the_same_facts_rules_health_and_seed_give_the_same_plan(
    payment: PaymentFacts,
    rules: RuleSet,
    shop: list[Candidate],
    health: dict[str, HealthState],
    record: Record,
    ordering: Ordering,
    chance: object,
) -> None:
    plan = decide(payment, rules, shop, health, NOW, record=record, ordering=ordering)
    fresh = RuleSet(rules.rules, rules.default, rules.id, rules.version)  # nothing remembered from the first time
    shuffled = sorted(shop, key=lambda _: chance.random())  # type: ignore[attr-defined]
    again = decide(replace(payment), fresh, shuffled, dict(health), NOW, record=dict(record), ordering=ordering)
    assert again == plan
    assert (plan.rule_set_id, plan.rule_set_version) == ("rs_1", 3)


@settings(max_examples=300)
@given(facts, rule_sets, shops, healths, records, orderings)
def test_no_plan_ever_holds_an_account_that_cannot_take_the_payment(
    payment: PaymentFacts,
    rules: RuleSet,
    shop: list[Candidate],
    health: dict[str, HealthState],
    record: Record,
    ordering: Ordering,
) -> None:
    by_id = {account.account_id: account for account in shop}
    plan = decide(payment, rules, shop, health, NOW, record=record, ordering=ordering)
    for step in plan.steps:
        account = by_id[step.account_id]
        assert account.enabled
        assert not account.held_back
        for said, known in (
            (account.currencies, payment.amount.currency),
            (account.methods, payment.method),
            (account.countries, payment.country),
            (account.brands, payment.brand),
        ):
            assert not said or known is None or known in said
        require_representable(payment.amount, account.gateway)


@settings(max_examples=300)
@given(facts, rule_sets, shops, healths, records, orderings)
def test_adding_an_account_that_every_rule_excludes_changes_nothing(
    payment: PaymentFacts,
    rules: RuleSet,
    shop: list[Candidate],
    health: dict[str, HealthState],
    record: Record,
    ordering: Ordering,
) -> None:
    def without_extra(action: Action) -> Action:
        return replace(action, exclude=action.exclude | {EXTRA})

    excluding = RuleSet(
        tuple(Rule(rule.name, rule.when, without_extra(rule.then)) for rule in rules.rules),
        without_extra(rules.default),
    )

    def plan_of(candidates: list[Candidate]) -> RoutePlan:
        return decide(payment, excluding, candidates, health, NOW, record=record, ordering=ordering)

    # the cheapest, the first by priority and of a gateway that rules name: it would be tempting
    plain, with_extra = plan_of(shop), plan_of([Candidate(EXTRA, "stripe", -1), *shop])
    assert with_extra.steps == plain.steps
    assert [it for it in with_extra.reasons if it.account_id != EXTRA and it.gateway] == [
        it for it in plain.reasons if it.gateway
    ]


_PRINT_PLANS = """
from datetime import UTC, datetime
from currency.money import Money
from routing.candidates import Candidate
from routing.decision import decide
from routing.facts import PaymentFacts
from routing.rules import parse_rule_set
from routing.scoring import Ordering, Strategy
split = [{"account": name, "weight": weight} for name, weight in (("a", 50), ("adyen", 30), ("c", 20), ("d", 0))]
rules = parse_rule_set({"rules": [{"name": "euros", "when": {"currency": ["EUR", "CHF"]}, "then": {"split": split}}]})
shop = [Candidate(name, gateway) for name, gateway in (("d", "x"), ("a", "stripe"), ("c", "paypal"), ("b", "adyen"))]
ordering = Ordering(Strategy.SUCCESS_RATE, explore_ppm=100_000)
for number in range(300):
    facts = PaymentFacts(Money(100, ("EUR", "USD")[number % 2]), seed=f"pay_{number}")
    plan = decide(facts, rules, shop, {}, datetime(2026, 1, 1, tzinfo=UTC), ordering=ordering)
    print(*(step.account_id for step in plan.steps), [reason.why for reason in plan.reasons])
"""


def test_another_process_with_another_seed_of_hashes_comes_to_the_same_plans() -> None:
    root = Path(__file__).parents[3]
    printed = {
        subprocess.run(
            [sys.executable, "-c", _PRINT_PLANS],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert len({line.split("[")[0] for line in printed.pop().splitlines()}) > 5
