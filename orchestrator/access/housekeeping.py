"""What access forgets in time: sessions long over, tries at doors, buckets that are full again."""

from __future__ import annotations

from datetime import datetime

from orchestrator.access import rate_limits, session_store, throttle
from orchestrator.access.sessions import KEPT_AFTER_END


async def purge(now: datetime) -> None:
    """Delete what nothing is decided by any more."""
    await session_store.purge(now - KEPT_AFTER_END)
    await throttle.purge(now)
    await rate_limits.purge(now)
