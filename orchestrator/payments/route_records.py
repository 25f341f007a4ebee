"""Keeps the hourly record from which routing learns: counted by the clock out of the attempts, never by a payment."""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestrator import outbox
from orchestrator.db import transaction
from orchestrator.payments import route_settings, route_store

TOPIC = outbox.ROUTE_TALLY
NEWS_COMES_WITHIN = timedelta(minutes=10)  # what is told of an attempt later than this does not change its hour
KEPT_FOR = timedelta(days=7)


async def tally(now: datetime) -> None:
    """Count the hours anew that may have changed since the last time; what was missed meanwhile is counted too."""
    oldest = route_store.hour_of(now - route_settings.WINDOW)
    last = await route_store.last_tallied_hour()
    since = min(route_store.hour_of(now - NEWS_COMES_WITHIN), last or oldest)
    async with transaction() as connection:
        await route_store.tally_since(connection, max(since, oldest))
        await route_store.purge_tallies(connection, now - KEPT_FOR)
    route_settings.forget_records()
