"""When an account is held back, and when it is let through again."""

from datetime import UTC, datetime, timedelta

import pytest

from routing.breaker import DEFAULT_POLICY, HEALTHY, BreakerPhase, HealthState, allows, record, start_probe
from routing.outcomes import OutcomeKind

NOW = datetime(2026, 10, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
COOLED = NOW + DEFAULT_POLICY.cooldown


def after(*kinds: OutcomeKind, state: HealthState = HEALTHY) -> HealthState:
    for kind in kinds:
        state = record(state, kind, NOW)
    return state


OPEN = after(*[OutcomeKind.NOT_REACHED] * DEFAULT_POLICY.failures_to_open)


def test_repeated_technical_failures_open_it() -> None:
    assert OPEN.phase is BreakerPhase.OPEN
    assert not allows(OPEN, COOLED - SECOND)


def test_one_failure_fewer_leaves_it_closed() -> None:
    almost = after(*[OutcomeKind.UNKNOWN] * (DEFAULT_POLICY.failures_to_open - 1))
    assert allows(almost, NOW)


@pytest.mark.parametrize(
    "kind", [OutcomeKind.DECLINED, OutcomeKind.APPROVED, OutcomeKind.PENDING, OutcomeKind.ACTION_REQUIRED]
)
def test_any_answer_ends_the_run_of_failures(kind: OutcomeKind) -> None:
    almost = after(*[OutcomeKind.NOT_REACHED] * (DEFAULT_POLICY.failures_to_open - 1))
    assert after(kind, OutcomeKind.NOT_REACHED, state=almost).failures == 1


def test_failures_far_apart_do_not_add_up() -> None:
    almost = after(*[OutcomeKind.NOT_REACHED] * (DEFAULT_POLICY.failures_to_open - 1))
    later = record(almost, OutcomeKind.NOT_REACHED, NOW + DEFAULT_POLICY.window + SECOND)
    assert (later.phase, later.failures) == (BreakerPhase.CLOSED, 1)


def test_an_answer_from_a_healthy_account_changes_nothing() -> None:
    assert record(HEALTHY, OutcomeKind.APPROVED, NOW) is HEALTHY


def test_after_the_cool_down_one_probe_is_let_by_and_the_next_is_not() -> None:
    assert allows(OPEN, COOLED)
    probing = start_probe(OPEN, COOLED)
    assert probing.phase is BreakerPhase.HALF_OPEN
    assert not allows(probing, COOLED + SECOND)


def test_a_probe_whose_result_never_comes_is_followed_by_another() -> None:
    assert allows(start_probe(OPEN, COOLED), COOLED + DEFAULT_POLICY.cooldown)


def test_a_probe_that_is_answered_closes_it() -> None:
    closed = record(start_probe(OPEN, COOLED), OutcomeKind.DECLINED, COOLED)
    assert closed.phase is BreakerPhase.CLOSED


def test_a_probe_that_fails_opens_it_for_another_cool_down() -> None:
    reopened = record(start_probe(OPEN, COOLED), OutcomeKind.UNKNOWN, COOLED + SECOND)
    assert reopened.phase is BreakerPhase.OPEN
    assert not allows(reopened, COOLED + DEFAULT_POLICY.cooldown)


def test_a_late_failure_does_not_put_the_probe_off() -> None:
    assert allows(record(OPEN, OutcomeKind.NOT_REACHED, COOLED - SECOND), COOLED)


def test_no_probe_starts_before_it_is_due() -> None:
    assert start_probe(OPEN, NOW) is OPEN
    assert start_probe(HEALTHY, NOW) is HEALTHY


def test_a_failure_after_the_cool_down_holds_back_again_though_no_probe_was_announced() -> None:
    assert not allows(record(OPEN, OutcomeKind.NOT_REACHED, COOLED), COOLED + SECOND)
