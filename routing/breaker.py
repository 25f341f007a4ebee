"""A circuit breaker per gateway account: repeated technical failures hold traffic back, then one probe is let by.

A decline is an answer and proves that the gateway works; only "not reached" and "unknown" are technical failures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from routing.outcomes import OutcomeKind


class BreakerPhase(StrEnum):
    """Closed lets everything through, open holds back, half open waits for the answer to one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """`failures_to_open` in a row, none more than `window` after the one before, open it for `cooldown`."""

    failures_to_open: int = 5
    window: timedelta = timedelta(minutes=2)
    cooldown: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class HealthState:
    """How an account has fared. Times are aware; None means never.

    `failures` is the length of the present run; `opened_at` is since when traffic is held back (a probe restarts it);
    `updated_at` is the last result that counted.
    """

    phase: BreakerPhase = BreakerPhase.CLOSED
    failures: int = 0
    opened_at: datetime | None = None
    updated_at: datetime | None = None


HEALTHY = HealthState()
DEFAULT_POLICY = BreakerPolicy()


def record(
    state: HealthState, outcome_kind: OutcomeKind, now: datetime, policy: BreakerPolicy = DEFAULT_POLICY
) -> HealthState:
    """The state after one more result. Any answer closes the breaker; a failed probe opens it for another cool-down.

    The very same state comes back where nothing changed (an answer from a healthy account): nothing to save then.
    """
    if not is_technical_failure(outcome_kind):
        return state if state.phase is BreakerPhase.CLOSED and not state.failures else HealthState(updated_at=now)
    match state.phase:
        case BreakerPhase.CLOSED:
            failures = 1 if _run_is_over(state, now, policy) else state.failures + 1
            if failures < policy.failures_to_open:
                return HealthState(failures=failures, updated_at=now)
            return HealthState(BreakerPhase.OPEN, failures, now, now)
        case BreakerPhase.HALF_OPEN:
            return HealthState(BreakerPhase.OPEN, state.failures + 1, now, now)
        case BreakerPhase.OPEN if allows(state, now, policy):  # a probe that nobody announced by `start_probe`
            return HealthState(BreakerPhase.OPEN, state.failures + 1, now, now)
        case BreakerPhase.OPEN:
            # A late result of a call from before: it must not push the next probe further away.
            return replace(state, failures=state.failures + 1, updated_at=now)
        case _:
            assert_never(state.phase)


def allows(state: HealthState, now: datetime, policy: BreakerPolicy = DEFAULT_POLICY) -> bool:
    """Whether a payment may be sent in its turn: closed, or held back long enough that a probe is due."""
    return state.phase is BreakerPhase.CLOSED or state.opened_at is None or now - state.opened_at >= policy.cooldown


def start_probe(state: HealthState, now: datetime, policy: BreakerPolicy = DEFAULT_POLICY) -> HealthState:
    """The state once a due probe is sent: others are held back until its result is recorded, or for a cool-down.

    Unchanged where no probe is due. So a probe whose result never comes blocks nothing for longer than the cool-down.
    """
    if state.phase is BreakerPhase.CLOSED or not allows(state, now, policy):
        return state
    return HealthState(BreakerPhase.HALF_OPEN, state.failures, now, now)


def is_technical_failure(outcome_kind: OutcomeKind) -> bool:
    """Whether the result says that the gateway, not the payment, has a problem."""
    match outcome_kind:
        case OutcomeKind.NOT_REACHED | OutcomeKind.UNKNOWN:
            return True
        case OutcomeKind.APPROVED | OutcomeKind.DECLINED | OutcomeKind.ACTION_REQUIRED | OutcomeKind.PENDING:
            return False
        case _:
            assert_never(outcome_kind)


def _run_is_over(state: HealthState, now: datetime, policy: BreakerPolicy) -> bool:
    return state.updated_at is None or now - state.updated_at > policy.window
