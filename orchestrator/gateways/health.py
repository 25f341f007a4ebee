"""What the results of calls say of a gateway account's health, kept where all processes see it."""

from __future__ import annotations

from datetime import datetime

from routing import store
from routing.breaker import HEALTHY, HealthState, is_technical_failure, record
from routing.outcomes import OutcomeKind

SAVE_TRIES = 3  # another process may be quicker; losing a count in the end does no harm

# Accounts that this process last saw healthy: their good results, which are nearly all, change and write nothing.
_seen_healthy: set[str] = set()


async def note(account_id: str, kind: OutcomeKind, now: datetime) -> None:
    """Count a result. Any answer closes the breaker, technical failures in a row open it."""
    if not is_technical_failure(kind) and account_id in _seen_healthy:
        return
    for _ in range(SAVE_TRIES):
        before = (await store.load_breakers([account_id])).get(account_id)
        after = record(before or HEALTHY, kind, now)
        unchanged = before is None and after.failures == 0
        if unchanged or await store.save_breaker(account_id, after, before, now):
            break
    if after.failures == 0:
        _seen_healthy.add(account_id)
    else:
        _seen_healthy.discard(account_id)


async def of(account_ids: list[str]) -> dict[str, HealthState]:
    """The breakers of these accounts; an account without one is healthy."""
    states = await store.load_breakers(account_ids)
    for account_id in account_ids:
        if states.get(account_id, HEALTHY).failures:
            _seen_healthy.discard(account_id)
    return dict(states)
