"""Every reason of a decline, with the customer present and without, under each limit of the card networks."""

from datetime import UTC, datetime

import pytest

from routing.decision import PlanStep, RoutePlan
from routing.failover import AttemptResult, AwaitNews, FailoverPolicy, GiveUp, NextStep, TryNext, next_step
from routing.network_limits import Ceiling
from routing.outcomes import Decline, OutcomeKind, RetryAction
from routing.policy_reader import PolicyInvalid, RoutingPolicy, parse_policy
from routing.reasons import ACTIONS, CLASS_OF, DeclineClass
from routing.scoring import Ordering, Strategy

PLAN = RoutePlan((PlanStep("ga_a", "stripe", 1), PlanStep("ga_b", "adyen", 2)), (), "r")
NEVER = Ceiling("never again", None)
LATER = Ceiling("15 tries in 30 days", datetime(2026, 11, 1, tzinfo=UTC))
REASONS = sorted(ACTIONS)


def after_decline(
    reason: str, present: bool, ceiling: Ceiling | None = None, policy: FailoverPolicy | None = None
) -> NextStep:
    result = AttemptResult("ga_a", OutcomeKind.DECLINED, Decline(reason, *ACTIONS[reason], gateway_code="x"))
    return next_step(policy or FailoverPolicy(), PLAN, [result], present, 1.0, ceiling)


@pytest.mark.parametrize("present", [True, False])
@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("ceiling", [None, NEVER, LATER])
def test_only_what_may_go_on_goes_on_and_never_over_a_networks_limit(
    reason: str, present: bool, ceiling: Ceiling | None
) -> None:
    step = after_decline(reason, present, ceiling)
    match ACTIONS[reason][0 if present else 1]:
        case RetryAction.FAILOVER_NOW if ceiling is None:
            assert isinstance(step, TryNext)
            assert step.account_id == "ga_b"
        case RetryAction.FAILOVER_NOW:
            assert isinstance(step, GiveUp)
            assert step.action is (RetryAction.HARD_NEVER if ceiling is NEVER else RetryAction.RETRY_SAME_LATER)
        case RetryAction.UNKNOWN_INQUIRE:
            assert isinstance(step, AwaitNews)
        case stated:
            assert isinstance(step, GiveUp)
            assert step.action is stated


@pytest.mark.parametrize("kind", [OutcomeKind.UNKNOWN, OutcomeKind.PENDING])
@pytest.mark.parametrize("ceiling", [None, NEVER, LATER])
@pytest.mark.parametrize("present", [True, False])
def test_money_that_may_have_moved_is_awaited_under_every_limit(
    kind: OutcomeKind, ceiling: Ceiling | None, present: bool
) -> None:
    step = next_step(FailoverPolicy(), PLAN, [AttemptResult("ga_a", kind)], present, 1.0, ceiling)
    assert isinstance(step, AwaitNews)


@pytest.mark.parametrize("ceiling", [NEVER, LATER])
def test_a_card_at_its_limit_is_not_even_tried_once(ceiling: Ceiling) -> None:
    step = next_step(FailoverPolicy(), PLAN, [], True, 0.0, ceiling)
    assert isinstance(step, GiveUp)
    assert "limit" in step.why


@pytest.mark.parametrize("reason", [it for it in REASONS if ACTIONS[it][0] is RetryAction.FAILOVER_NOW])
def test_a_merchant_may_be_stricter(reason: str) -> None:
    stricter = after_decline(reason, True, policy=FailoverPolicy(not_after=frozenset({reason})))
    assert isinstance(stricter, GiveUp)
    assert isinstance(after_decline(reason, True, policy=FailoverPolicy(merchant_initiated=False)), TryNext)


def test_without_the_customer_a_merchant_may_stay_at_one_account() -> None:
    step = after_decline("gateway_unavailable", False, policy=FailoverPolicy(merchant_initiated=False))
    assert step == GiveUp("charges without the customer are not tried elsewhere")


def test_every_reason_has_a_class_and_fraud_is_never_tried_again() -> None:
    assert CLASS_OF.keys() == ACTIONS.keys()
    for reason, kind in CLASS_OF.items():
        if kind is DeclineClass.HARD:
            assert RetryAction.FAILOVER_NOW not in ACTIONS[reason]


def test_a_policy_is_read_from_a_document() -> None:
    document = {
        "max_attempts": 2,
        "total_deadline_s": 12,
        "not_after": ["do_not_honor"],
        "merchant_initiated": False,
        "strategy": {"name": "least_cost", "latency_max_ms": 900},
    }
    expected = FailoverPolicy(2, total_deadline_s=12.0, not_after=frozenset({"do_not_honor"}), merchant_initiated=False)
    assert parse_policy(document) == RoutingPolicy(expected, Ordering(Strategy.LEAST_COST, latency_max_ms=900))
    assert parse_policy({}) == RoutingPolicy()


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], ""),
        ({"max_attempts": 0}, "max_attempts"),
        ({"max_attempts": True}, "max_attempts"),
        ({"total_deadline_s": "5"}, "total_deadline_s"),
        ({"not_after": ["bad_mood"]}, "not_after[0]"),
        ({"strategy": "luck"}, "strategy"),
        ({"strategy": {"name": "priority", "luck": 1}}, "strategy.luck"),
        ({"strategy": {"name": "priority", "explore_ppm": 900_000}}, "strategy.explore_ppm"),
        ({"merchant_initiated": 1}, "merchant_initiated"),
        ({"attempts": 3}, "attempts"),
    ],
)
def test_an_error_in_a_policy_points_at_its_place(document: object, path: str) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        parse_policy(document)
    assert [problem.path for problem in caught.value.problems] == [path]
