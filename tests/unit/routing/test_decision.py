"""Which accounts a payment is planned for."""

from datetime import UTC, datetime, timedelta

from currency.money import Money
from routing.breaker import BreakerPhase, HealthState
from routing.candidates import Candidate
from routing.decision import RoutePlan, decide
from routing.facts import PaymentFacts
from routing.rules import parse_rule_set

NOW = datetime(2026, 10, 1, tzinfo=UTC)
STRIPE = Candidate("ga_stripe", "stripe", priority=1)
ADYEN = Candidate("ga_adyen", "adyen", priority=2)
PAYPAL = Candidate("ga_paypal", "paypal", priority=3)
ALL = (PAYPAL, ADYEN, STRIPE)
EUROS = PaymentFacts(amount=Money(5000, "EUR"), country="DE")
OPEN = HealthState(BreakerPhase.OPEN, 5, NOW - timedelta(seconds=1), NOW)


def plan_for(
    facts: PaymentFacts = EUROS,
    action: object = None,
    candidates: tuple[Candidate, ...] = ALL,
    health: dict[str, HealthState] | None = None,
) -> RoutePlan:
    rule_set = parse_rule_set({"rules": [], "default": action or {}}, rule_set_id="rs_1", version=4)
    return decide(facts, rule_set, candidates, health or {}, NOW)


def order(plan: RoutePlan) -> list[str]:
    assert [step.position for step in plan.steps] == list(range(1, len(plan.steps) + 1))
    return [step.account_id for step in plan.steps]


def why(plan: RoutePlan, account_id: str) -> str:
    [reason] = [reason for reason in plan.reasons if reason.account_id == account_id]
    return reason.why


def test_without_a_rule_the_priority_gives_the_order() -> None:
    assert order(decide(EUROS, None, ALL, {}, NOW)) == ["ga_stripe", "ga_adyen", "ga_paypal"]


def test_a_rule_names_the_accounts_in_its_own_order_and_leaves_out_the_rest() -> None:
    plan = plan_for(action={"accounts": ["paypal", "ga_stripe"]})
    assert order(plan) == ["ga_paypal", "ga_stripe"]
    assert why(plan, "ga_adyen") == "rule 'default' does not name it"


def test_a_gateway_name_stands_for_all_its_accounts_by_priority() -> None:
    second = Candidate("ga_stripe_us", "stripe", priority=0)
    assert order(plan_for(action={"accounts": ["stripe"]}, candidates=(*ALL, second))) == ["ga_stripe_us", "ga_stripe"]


def test_an_account_that_does_not_exist_is_told() -> None:
    plan = plan_for(action={"accounts": ["ga_gone", "adyen"]})
    assert order(plan) == ["ga_adyen"]
    assert "no such account" in why(plan, "ga_gone")


def test_excluded_and_switched_off_accounts_are_left_out() -> None:
    off = Candidate("ga_off", "stripe", enabled=False)
    plan = plan_for(action={"exclude": ["paypal"]}, candidates=(*ALL, off))
    assert order(plan) == ["ga_stripe", "ga_adyen"]
    assert (why(plan, "ga_paypal"), why(plan, "ga_off")) == (
        "rule 'default' excludes it",
        "the account is switched off",
    )


def test_an_account_that_lacks_a_capability_is_left_out_with_the_reason() -> None:
    dollars = Candidate("ga_usd", "stripe", currencies=frozenset({"USD"}))
    french = Candidate("ga_fr", "stripe", countries=frozenset({"FR"}))
    amex = Candidate("ga_amex", "stripe", brands=frozenset({"amex"}))
    plan = plan_for(candidates=(dollars, french, amex))
    assert order(plan) == ["ga_amex"]
    assert why(plan, "ga_usd") == "the account does not take currency EUR"
    assert why(plan, "ga_fr") == "the account does not take country DE"


def test_an_amount_that_the_gateway_cannot_state_is_not_sent_there() -> None:
    plan = plan_for(PaymentFacts(amount=Money(5124, "KWD")))
    assert order(plan) == ["ga_adyen"]
    assert "multiples of 10" in why(plan, "ga_stripe")
    assert "does not carry KWD" in why(plan, "ga_paypal")


def test_an_open_breaker_makes_an_account_the_last_resort() -> None:
    plan = plan_for(health={"ga_stripe": OPEN})
    assert order(plan) == ["ga_adyen", "ga_paypal", "ga_stripe"]
    assert "last resort" in why(plan, "ga_stripe")


def test_an_open_breaker_is_tried_when_nothing_else_remains() -> None:
    assert order(plan_for(candidates=(STRIPE,), health={"ga_stripe": OPEN})) == ["ga_stripe"]


def test_the_plan_names_the_rule_and_the_version_and_what_the_rule_asks_for() -> None:
    plan = plan_for(action={"require_3ds": True, "max_attempts": 2})
    assert (plan.rule, plan.rule_set_id, plan.rule_set_version) == ("default", "rs_1", 4)
    assert (plan.require_3ds, plan.max_attempts) == (True, 2)
