"""Laws of routing that hold for whatever happens."""

import json
from datetime import UTC, datetime
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from currency.exponents import require_representable
from currency.money import Money
from routing.breaker import BreakerPhase, HealthState
from routing.candidates import Candidate
from routing.conditions import Truth, conjunction, disjunction, negation
from routing.decision import PlanStep, RoutePlan, decide
from routing.facts import PaymentFacts
from routing.failover import AttemptResult, FailoverPolicy, GiveUp, NextStep, TryNext, next_step
from routing.outcomes import Decline, OutcomeKind, RetryAction
from routing.rules import Action, RuleSet

NOW = datetime(2026, 10, 1, tzinfo=UTC)
ACCOUNTS = [f"ga_{number}" for number in range(6)]
CURRENCIES = ["EUR", "USD", "JPY", "KWD", "ISK", "HUF"]

truths = st.sampled_from(list(Truth))
actions = st.sampled_from(list(RetryAction))
reasons = st.sampled_from(["do_not_honor", "processing_error", "stolen_card", "unmapped", "rate_limited"])
declines = st.builds(Decline, reasons, actions, actions, st.just("code"))
results = st.builds(AttemptResult, st.sampled_from(ACCOUNTS), st.sampled_from(list(OutcomeKind)), st.none() | declines)
histories = st.lists(results, max_size=6)
policies = st.builds(FailoverPolicy, st.integers(1, 6), st.integers(1, 4), st.just(30.0))
plans = st.lists(st.sampled_from(ACCOUNTS), unique=True, max_size=6).map(
    lambda ids: RoutePlan(tuple(PlanStep(account, "stripe", n) for n, account in enumerate(ids, 1)), (), "rule")
)
currency_sets = st.frozensets(st.sampled_from(CURRENCIES), max_size=3)
candidates = st.lists(
    st.builds(
        Candidate,
        account_id=st.sampled_from(ACCOUNTS),
        gateway=st.sampled_from(["stripe", "adyen", "paypal"]),
        priority=st.integers(0, 3),
        currencies=currency_sets,
        countries=st.frozensets(st.sampled_from(["DE", "US"]), max_size=2),
        enabled=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda candidate: candidate.account_id,
)
names = st.sampled_from([*ACCOUNTS, "stripe", "adyen", "paypal", "ga_gone"])
rule_sets = st.builds(
    RuleSet,
    default=st.builds(
        Action,
        st.lists(names, unique=True, max_size=4).map(tuple),
        st.frozensets(names, max_size=2),
        st.booleans(),
        st.none() | st.integers(1, 5),
    ),
    id=st.just("rs_1"),
    version=st.integers(1, 9),
)
facts = st.builds(
    PaymentFacts,
    amount=st.builds(Money, st.integers(1, 10**7), st.sampled_from(CURRENCIES)),
    country=st.none() | st.sampled_from(["DE", "US", "FR"]),
)
healths = st.dictionaries(
    st.sampled_from(ACCOUNTS), st.builds(HealthState, st.sampled_from(list(BreakerPhase)), st.just(5), st.just(NOW))
)


def step_after(
    policy: FailoverPolicy, plan: RoutePlan, history: list[AttemptResult], present: bool, elapsed_s: float = 0
) -> NextStep:
    return next_step(policy, plan, history, present, elapsed_s)


@given(policies, plans, histories, st.booleans(), st.integers(0, 6), st.sampled_from(ACCOUNTS))
def test_an_unknown_anywhere_never_leads_to_another_attempt(
    policy: FailoverPolicy, plan: RoutePlan, history: list[AttemptResult], present: bool, place: int, account: str
) -> None:
    history.insert(place, AttemptResult(account, OutcomeKind.UNKNOWN))
    assert not isinstance(step_after(policy, plan, history, present), TryNext | GiveUp)


@given(
    policies, plans, histories, st.integers(0, 6), st.sampled_from([RetryAction.FRAUD_NEVER, RetryAction.HARD_NEVER])
)
def test_a_fraud_or_hard_decline_anywhere_never_leads_to_another_attempt(
    policy: FailoverPolicy, plan: RoutePlan, history: list[AttemptResult], place: int, action: RetryAction
) -> None:
    decline = Decline("stolen_card", action, action, "code")
    history.insert(place, AttemptResult("ga_0", OutcomeKind.DECLINED, decline))
    assert not isinstance(step_after(policy, plan, history, True), TryNext)


@given(st.just(FailoverPolicy(6, 6)), plans, st.lists(results, max_size=2), st.booleans())
def test_another_attempt_follows_only_proof_that_no_money_moved(
    policy: FailoverPolicy, plan: RoutePlan, history: list[AttemptResult], present: bool
) -> None:
    if not isinstance(step_after(policy, plan, history, present), TryNext):
        return
    for result in history:
        if result.kind is not OutcomeKind.NOT_REACHED:
            assert result.kind is OutcomeKind.DECLINED
            assert result.decline is not None
            action = result.decline.action_cit if present else result.decline.action_mit
            assert action is RetryAction.FAILOVER_NOW


@given(policies, plans, st.lists(results, min_size=6, max_size=6), st.booleans())
def test_attempts_never_exceed_the_policy_and_never_repeat_an_account(
    policy: FailoverPolicy, plan: RoutePlan, outcomes: list[AttemptResult], present: bool
) -> None:
    history: list[AttemptResult] = []
    while isinstance(step := step_after(policy, plan, history, present), TryNext):
        following = outcomes[len(history)]
        history.append(AttemptResult(step.account_id, following.kind, following.decline))
    tried = [result.account_id for result in history]
    assert len(tried) <= policy.max_attempts
    assert len(tried) == len(set(tried))


@given(policies, plans, histories, st.floats(30, 1e6))
def test_nothing_starts_after_the_deadline(
    policy: FailoverPolicy, plan: RoutePlan, history: list[AttemptResult], elapsed_s: float
) -> None:
    assert not isinstance(step_after(policy, plan, history, True, elapsed_s), TryNext)


@given(truths, truths, truths)
def test_three_valued_logic_obeys_the_laws_of_de_morgan_and_distribution(a: Truth, b: Truth, c: Truth) -> None:
    assert negation(conjunction([a, b])) is disjunction([negation(a), negation(b)])
    assert negation(disjunction([a, b])) is conjunction([negation(a), negation(b)])
    assert conjunction([a, disjunction([b, c])]) is disjunction([conjunction([a, b]), conjunction([a, c])])


@given(truths, truths)
def test_three_valued_logic_commutes_absorbs_and_negates_back(a: Truth, b: Truth) -> None:
    assert conjunction([a, b]) is conjunction([b, a])
    assert disjunction([a, b]) is disjunction([b, a])
    assert conjunction([a, disjunction([a, b])]) is a
    assert negation(negation(a)) is a


@given(truths, st.sampled_from([Truth.TRUE, Truth.FALSE]))
def test_learning_a_missing_fact_never_overturns_what_was_settled(a: Truth, learned: Truth) -> None:
    for combine in (conjunction, disjunction):
        before = combine([a, Truth.UNKNOWN])
        assert before is Truth.UNKNOWN or combine([a, learned]) is before


@given(facts, rule_sets, candidates, healths)
def test_a_plan_holds_only_accounts_that_can_take_the_payment(
    payment: PaymentFacts, rule_set: RuleSet, accounts: list[Candidate], health: dict[str, HealthState]
) -> None:
    by_id = {candidate.account_id: candidate for candidate in accounts}
    for step in decide(payment, rule_set, accounts, health, NOW).steps:
        candidate = by_id[step.account_id]
        assert candidate.enabled
        assert not candidate.currencies or payment.amount.currency in candidate.currencies
        assert not {candidate.account_id, candidate.gateway} & rule_set.default.exclude
        require_representable(payment.amount, candidate.gateway)


@given(facts, rule_sets, candidates, healths)
def test_every_account_has_exactly_one_reason_and_the_kept_ones_are_the_steps(
    payment: PaymentFacts, rule_set: RuleSet, accounts: list[Candidate], health: dict[str, HealthState]
) -> None:
    plan = decide(payment, rule_set, accounts, health, NOW)
    existing = [reason.account_id for reason in plan.reasons if reason.gateway]
    assert sorted(existing) == sorted(candidate.account_id for candidate in accounts)
    assert [reason.account_id for reason in plan.reasons if reason.kept] == [step.account_id for step in plan.steps]


@given(facts, rule_sets, candidates, healths, st.randoms(use_true_random=False))
def test_the_order_in_which_accounts_are_listed_does_not_matter(
    payment: PaymentFacts, rule_set: RuleSet, accounts: list[Candidate], health: dict[str, HealthState], rnd: Random
) -> None:
    shuffled = sorted(accounts, key=lambda _: rnd.random())
    assert decide(payment, rule_set, accounts, health, NOW) == decide(payment, rule_set, shuffled, health, NOW)


@given(facts, rule_sets, candidates, healths)
def test_a_plan_survives_json(
    payment: PaymentFacts, rule_set: RuleSet, accounts: list[Candidate], health: dict[str, HealthState]
) -> None:
    plan = decide(payment, rule_set, accounts, health, NOW)
    assert RoutePlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
