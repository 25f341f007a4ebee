"""When a delivery is tried again, after the schedule that the Standard Webhooks specification recommends."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

# https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: three days in all
DELAYS_S = (0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
JITTER = 0.1  # so that what failed together does not come again together
RETRY_AFTER_MAX_S = 3600
FAILING_MAX = timedelta(days=5)
# An endpoint that nothing was sent to for longer than the longest pause is not known to have failed all that time.
FAILING_GAP_MAX = timedelta(hours=27)


def next_try_at(step: int, now: datetime, *, jitter: float, retry_after_s: float = 0) -> datetime | None:
    """When to try again after the try at place `step` of the schedule failed; None when that was the last.

    `jitter` is between -1 and 1. What the receiver asks for with Retry-After is waited for, within its limit.
    """
    if step + 1 >= len(DELAYS_S):
        return None
    delay_s = DELAYS_S[step + 1] * (1 + JITTER * jitter)
    return now + timedelta(seconds=max(delay_s, min(retry_after_s, RETRY_AFTER_MAX_S)))


def retry_after_s(header: str | None, now: datetime) -> float:
    """The seconds that a Retry-After header asks for (RFC 9110, 10.2.3), 0 where it says nothing, with a limit."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), RETRY_AFTER_MAX_S)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0
    if moment.tzinfo is None:  # "-0000": a time of unknown zone is none
        return 0
    return min(max((moment - now).total_seconds(), 0), RETRY_AFTER_MAX_S)


def failing_since(since: datetime | None, last_failed_at: datetime | None, now: datetime) -> datetime:
    """Since when an endpoint has only failed, now that it has failed once more."""
    if since is None or last_failed_at is None or now - last_failed_at > FAILING_GAP_MAX:
        return now
    return since
