"""Every reason of a decline, with the customer present and without, under each limit of the card networks."""

from datetime import UTC, datetime, timedelta

import pytest

from currency.money import Money
from routing.decision import PlanStep, RoutePlan
from routing.failover import AttemptResult, AwaitNews, FailoverPolicy, GiveUp, NextStep, TryNext, next_step
from routing.network_limits import CardTry, Ceiling, ceiling, counts
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
        ({"strategy": ["priority"]}, "strategy"),
        ({"strategy": {"name": {}}}, "strategy"),
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


# How many declines of one amount bring a card of the brand to its network's limit, and how far they are apart.
LIMITS = {
    "visa": (15, timedelta(hours=1)),
    "mastercard": (10, timedelta(hours=1)),
    "mastercard/amount": (35, timedelta(hours=3)),
}
NOW = datetime(2026, 10, 30, 12, tzinfo=UTC)
AMOUNT = Money(1999, "EUR")


def worn(reason: str, limit: str, count: int) -> Ceiling | None:
    """What stands against a card after so many declines for the reason."""
    step = LIMITS[limit][1]
    tries = [CardTry(NOW - step * number, OutcomeKind.DECLINED, AMOUNT, reason) for number in range(1, count + 1)]
    return ceiling(limit.partition("/")[0], tries, AMOUNT, NOW)


@pytest.mark.parametrize("present", [True, False])
@pytest.mark.parametrize("limit", list(LIMITS))
@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_wears_a_card_out_as_its_network_counts_it(reason: str, limit: str, present: bool) -> None:
    below, at = worn(reason, limit, LIMITS[limit][0] - 1), worn(reason, limit, LIMITS[limit][0])
    never = ceiling("amex", [CardTry(NOW - timedelta(days=1), OutcomeKind.DECLINED, AMOUNT, reason)], AMOUNT, NOW)
    if never is not None:  # once is enough, whatever the brand
        assert (below, at, never.until) == (never, never, None)
    elif counts(CardTry(NOW, OutcomeKind.DECLINED, AMOUNT, reason)):
        assert below is None
        assert at is not None
        assert at.until is not None
    else:
        assert (below, at) == (None, None)
    for standing in (below, at):
        first = next_step(FailoverPolicy(), PLAN, [], present, 0.0, standing)
        assert isinstance(first, TryNext if standing is None else GiveUp)
        after = after_decline("gateway_unavailable", present, standing)
        assert isinstance(after, TryNext if standing is None else GiveUp)


@pytest.mark.parametrize("present", [True, False])
@pytest.mark.parametrize(
    ("advice", "hours"),
    [("03", None), ("21", None), ("24", 1), ("25", 24), ("26", 48), ("27", 96), ("28", 144), ("29", 192), ("30", 240)],
)
def test_each_advice_of_mastercard_is_kept_with_the_customer_and_without(
    advice: str, hours: int | None, present: bool
) -> None:
    def standing(now: datetime) -> Ceiling | None:
        tried = CardTry(NOW, OutcomeKind.DECLINED, AMOUNT, "do_not_honor", advice)
        return ceiling("mastercard", [tried], AMOUNT, now)

    end = NOW + timedelta(hours=hours) if hours else NOW + timedelta(days=29)
    for now in (NOW, end - timedelta(seconds=1)):
        step = next_step(FailoverPolicy(), PLAN, [], present, 0.0, standing(now))
        assert isinstance(step, GiveUp)
        assert step.action is (RetryAction.RETRY_SAME_LATER if hours else RetryAction.HARD_NEVER)
    if hours:
        assert isinstance(next_step(FailoverPolicy(), PLAN, [], present, 0.0, standing(end)), TryNext)
