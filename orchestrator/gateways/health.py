"""What the results of calls say of a gateway account's health, by method, kept where all processes see it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from routing import account_store
from routing.account_store import EVERY_METHOD
from routing.breaker import HEALTHY, BreakerPhase, HealthState, allows, is_technical_failure, record, start_probe
from routing.outcomes import OutcomeKind

SAVE_TRIES = 3  # another process may be quicker; losing a count in the end does no harm

# Breakers that this process last saw healthy: their good results, which are nearly all, change and write nothing.
_seen_healthy: set[tuple[str, str]] = set()


async def note(account_id: str, kind: OutcomeKind, now: datetime, method: str = EVERY_METHOD) -> None:
    """Count a result of a call with that method; without one, of a call that is of none.

    Any answer closes the breaker, technical failures in a row open it. An answer with a method proves that the account
    can be reached, so it closes the breaker of calls without one too.
    """
    failed = is_technical_failure(kind)
    concerned = {method} if failed else {method, EVERY_METHOD}
    for one in concerned:
        if failed or (account_id, one) not in _seen_healthy:
            await _count(account_id, one, kind, now)


async def _count(account_id: str, method: str, kind: OutcomeKind, now: datetime) -> None:
    for _ in range(SAVE_TRIES):
        before = (await account_store.load_breakers([account_id], [method])).get((account_id, method))
        after = record(before or HEALTHY, kind, now)
        unchanged = after == (before or HEALTHY)
        if unchanged or await account_store.save_breaker(account_id, method, after, before, now):
            break
    if after.failures == 0:
        _seen_healthy.add((account_id, method))
    else:
        _seen_healthy.discard((account_id, method))


async def of(account_ids: Sequence[str], method: str) -> dict[str, HealthState]:
    """The breakers that count for payments with that method, by account; an account without one is healthy.

    Of the method's own breaker and that of calls without one, the one that holds back for longer.
    """
    states = await account_store.load_breakers(account_ids, [method, EVERY_METHOD])
    found: dict[str, HealthState] = {}
    for (account_id, of_method), state in states.items():
        if state.failures:
            _seen_healthy.discard((account_id, of_method))
        found[account_id] = max(found.get(account_id, HEALTHY), state, key=_severity)
    return found


def _severity(state: HealthState) -> tuple[bool, float, int]:
    since = state.opened_at.timestamp() if state.opened_at else 0.0
    return state.phase is not BreakerPhase.CLOSED, since, state.failures


async def take_probe(account_id: str, method: str, state: HealthState, now: datetime) -> HealthState | None:
    """Be the one payment that tries an account whose cool-down is over: None where this is it, or none is due.

    Else another was quicker, and this is how the breaker stands: others are held back until that one has its answer.
    """
    if state.phase is BreakerPhase.CLOSED or not allows(state, now):
        return None
    stored = await account_store.load_breakers([account_id], [method, EVERY_METHOD])
    key = next((key for key, found in stored.items() if found == state), None)
    probing = start_probe(state, now)
    if key is not None and await account_store.save_breaker(*key, probing, state, now):
        return None
    return probing
