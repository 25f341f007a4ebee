"""What follows after each kind of result."""

import pytest

from routing.decision import PlanStep, RoutePlan
from routing.failover import (
    AttemptResult,
    AwaitCustomer,
    AwaitNews,
    FailoverPolicy,
    GiveUp,
    NextStep,
    Succeed,
    TryNext,
    next_step,
)
from routing.outcomes import Decline, OutcomeKind, RetryAction

PLAN = RoutePlan(
    steps=tuple(PlanStep(f"ga_{name}", "stripe", n) for n, name in enumerate("abcde", start=1)), reasons=(), rule="r"
)


def declined(account: str, reason: str, cit: RetryAction, mit: RetryAction | None = None) -> AttemptResult:
    decline = Decline(reason, cit, cit if mit is None else mit, gateway_code="x")
    return AttemptResult(account, OutcomeKind.DECLINED, decline)


def after(
    *results: AttemptResult, customer_present: bool = True, elapsed_s: float = 0, plan: RoutePlan = PLAN
) -> NextStep:
    return next_step(FailoverPolicy(), plan, results, customer_present, elapsed_s)


def test_the_first_account_of_the_plan_goes_first() -> None:
    assert after() == TryNext("ga_a", "first in the plan")


def test_an_empty_plan_is_given_up() -> None:
    assert isinstance(after(plan=RoutePlan((), (), "r")), GiveUp)


def test_a_gateway_that_was_not_reached_is_followed_by_the_next() -> None:
    assert after(AttemptResult("ga_a", OutcomeKind.NOT_REACHED)) == TryNext("ga_b", "ga_a was not reached")


def test_an_approval_ends_it() -> None:
    reached = AttemptResult("ga_b", OutcomeKind.APPROVED)
    assert after(AttemptResult("ga_a", OutcomeKind.NOT_REACHED), reached) == Succeed("ga_b")


@pytest.mark.parametrize("kind", [OutcomeKind.UNKNOWN, OutcomeKind.PENDING])
def test_unknown_outcome_never_fails_over(kind: OutcomeKind) -> None:
    step = after(AttemptResult("ga_a", kind))
    assert isinstance(step, AwaitNews)
    assert step.account_id == "ga_a"


def test_a_customer_who_must_act_is_awaited() -> None:
    assert after(AttemptResult("ga_a", OutcomeKind.ACTION_REQUIRED)) == AwaitCustomer("ga_a")


def test_a_decline_that_allows_failover_is_followed_by_the_next_account() -> None:
    result = declined("ga_a", "do_not_honor", RetryAction.FAILOVER_NOW, RetryAction.RETRY_SAME_LATER)
    assert after(result) == TryNext("ga_b", "ga_a declined: do_not_honor")


def test_the_same_decline_without_the_customer_is_for_later() -> None:
    result = declined("ga_a", "do_not_honor", RetryAction.FAILOVER_NOW, RetryAction.RETRY_SAME_LATER)
    assert after(result, customer_present=False) == GiveUp("declined: do_not_honor", RetryAction.RETRY_SAME_LATER)


@pytest.mark.parametrize(
    "action",
    [
        RetryAction.FRAUD_NEVER,
        RetryAction.HARD_NEVER,
        RetryAction.CUSTOMER_ACTION,
        RetryAction.RETRY_SAME_LATER,
        RetryAction.FIX_INTEGRATION,
        RetryAction.NONE,
    ],
)
def test_every_other_decline_stops(action: RetryAction) -> None:
    assert after(declined("ga_a", "some_reason", action)) == GiveUp("declined: some_reason", action)


def test_a_decline_that_looks_like_a_duplicate_waits_for_an_inquiry() -> None:
    assert isinstance(after(declined("ga_a", "duplicate_transaction", RetryAction.UNKNOWN_INQUIRE)), AwaitNews)


def test_an_unmapped_decline_stops_whatever_its_action_says() -> None:
    assert isinstance(after(declined("ga_a", "unmapped", RetryAction.FAILOVER_NOW)), GiveUp)
    assert isinstance(after(AttemptResult("ga_a", OutcomeKind.DECLINED)), GiveUp)


def test_the_issuer_is_asked_one_extra_time() -> None:
    declines = [declined(account, "do_not_honor", RetryAction.FAILOVER_NOW) for account in ("ga_a", "ga_b")]
    assert after(*declines) == GiveUp("the issuer has declined 2 times")


def test_a_decline_before_the_issuer_does_not_use_up_its_patience() -> None:
    declines = [declined(account, "processing_error", RetryAction.FAILOVER_NOW) for account in ("ga_a", "ga_b")]
    assert after(*declines) == TryNext("ga_c", "ga_b declined: processing_error")


def test_the_attempts_have_a_limit() -> None:
    failed = [AttemptResult(account, OutcomeKind.NOT_REACHED) for account in ("ga_a", "ga_b", "ga_c")]
    assert after(*failed) == GiveUp("3 attempts are allowed")


def test_a_rule_may_allow_fewer_attempts() -> None:
    plan = RoutePlan(PLAN.steps, (), "r", max_attempts=1)
    assert after(AttemptResult("ga_a", OutcomeKind.NOT_REACHED), plan=plan) == GiveUp("1 attempts are allowed")


def test_no_attempt_starts_after_the_deadline() -> None:
    assert isinstance(after(AttemptResult("ga_a", OutcomeKind.NOT_REACHED), elapsed_s=30), GiveUp)


def test_a_plan_that_is_used_up_is_given_up() -> None:
    plan = RoutePlan(PLAN.steps[:1], (), "r")
    tried = AttemptResult("ga_a", OutcomeKind.NOT_REACHED)
    assert after(tried, plan=plan) == GiveUp("every account of the plan has been tried")
