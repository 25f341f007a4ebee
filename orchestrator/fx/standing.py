"""How published rates stand, for `clearway doctor` and the metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from currency import ecb
from orchestrator.fx import books, store
from orchestrator.fx.fetching import is_stale


@dataclass(frozen=True, slots=True)
class Standing:
    """The newest publication, and how the last tries to fetch another went."""

    published_on: date | None
    age_days: int
    stale: bool
    failures: int
    error: str


async def standing(now: datetime) -> Standing:
    """Raises asyncpg's errors when the database cannot be reached."""
    published, state = await books.published(), await store.fetch_state(ecb.NAME)
    newest = published.last_published
    return Standing(
        published_on=newest,
        age_days=(now.date() - newest).days if newest else 0,
        stale=is_stale(published, now),
        failures=state.failures if state else 0,
        error=state.error if state else "",
    )
