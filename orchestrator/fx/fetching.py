"""The standing look after published rates: the ECB's daily file, the one of 90 days after a gap, and an alarm.

Nothing depends on it at once: without a network the history that comes with a package counts, until it is too old.
"""

from __future__ import annotations

import asyncio
from datetime import date, datetime, time, timedelta
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

import structlog
from msgspec import structs

from currency import ecb
from currency import store as rate_store
from currency.rates import MAX_AGE_DAYS, PivotTable
from currency.store import NewRate
from orchestrator import clock_port
from orchestrator.access import store as access
from orchestrator.db import transaction
from orchestrator.events import EventType
from orchestrator.fx import books, store
from orchestrator.fx.download import DownloadFailed, download
from orchestrator.fx.store import FetchRow
from orchestrator.notifications.service import record
from orchestrator.outbox import RATES, Later
from orchestrator.settings import Fx, get_settings

log = structlog.get_logger()

TOPIC = RATES
# "usually updated around 16:00 CET every working day"; a quarter of an hour later they are asked for.
# https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/html/index.en.html
PUBLISHED_BY, ECB_ZONE = time(16, 15), ZoneInfo("Europe/Berlin")
LATE_EVERY = timedelta(hours=1)  # a day's file that is not there yet, or never comes, as on a bank holiday
PAUSES_S = (60, 300, 900, 3600)  # after a failure; then the last again
_NINETY_DAYS = ecb.NINETY_DAYS_URL.rpartition("/")[2]


async def look(_: str) -> Later | None:
    """Fetch what is due, and tell of rates that are too old. Safe to repeat; never raises for what the host does."""
    settings, now = get_settings().fx, clock_port.now()
    if not settings.ecb_url:
        return None
    state = await store.fetch_state(ecb.NAME) or FetchRow(ecb.NAME, now)
    if state.due_at > now:
        return Later(state.due_at)
    try:
        state = await _fetch(settings, state, now)
    except (DownloadFailed, ecb.FileUnreadable) as error:
        log.warning("rates.not_fetched", error=str(error), failures=state.failures + 1)
        pause_s = PAUSES_S[min(state.failures, len(PAUSES_S) - 1)]
        state = structs.replace(
            state, due_at=now + timedelta(seconds=pause_s), failures=state.failures + 1, error=str(error)[:500]
        )
    await _keep(state, await books.published(), now)
    return Later(state.due_at)


async def _fetch(settings: Fx, state: FetchRow, now: datetime) -> FetchRow:
    """Raises DownloadFailed, FileUnreadable; what was read by then is kept."""
    known = await books.published()
    rows = await _read(settings.ecb_url, settings)
    newest = max(day for day, _ in rows)
    if newest > now.date() + timedelta(days=1):
        raise ecb.FileUnreadable(f"the file is of {newest}, which is still to come")
    if _has_gap(known.last_published, newest):
        rows += await _read(urljoin(settings.ecb_url, _NINETY_DAYS), settings)
    fresh = [
        NewRate(ecb.PIVOT, code, day, units)
        for day, of_day in dict(rows).items()
        for code, units in of_day.items()
        if known.published(code, day) != units
    ]
    if fresh:
        async with transaction():
            await rate_store.add(ecb.NAME, fresh, now)
        books.forget()
        log.info("rates.fetched", published_on=newest.isoformat(), rates=len(fresh))
    return structs.replace(
        state, due_at=next_look(newest, now), failures=0, error="", fetched_at=now, published_on=newest
    )


async def _read(url: str, settings: Fx) -> list[ecb.Row]:
    return await asyncio.to_thread(ecb.read_xml, await download(url, settings))


def _has_gap(known: date | None, newest: date) -> bool:
    """Whether a working day lies between what is known and the daily file; on a bank holiday that is nothing."""
    if known is None:
        return True
    return any((known + timedelta(days=n)).weekday() < 5 for n in range(1, (newest - known).days))


def next_look(published_on: date, now: datetime) -> datetime:
    """When another file can be there: after the next publication, or soon where the last one is still to come."""
    local = now.astimezone(ECB_ZONE)
    due_day = local.date() if local.time() >= PUBLISHED_BY else local.date() - timedelta(days=1)
    while due_day.weekday() >= 5:
        due_day -= timedelta(days=1)
    if published_on < due_day:
        return now + LATE_EVERY
    following = due_day + timedelta(days=1)
    while following.weekday() >= 5:
        following += timedelta(days=1)
    return datetime.combine(following, PUBLISHED_BY, ECB_ZONE).astimezone(now.tzinfo)


def is_stale(published: PivotTable, now: datetime) -> bool:
    """Whether a rate of today would be refused as too old."""
    return published.last_published is None or (now.date() - published.last_published).days > MAX_AGE_DAYS


async def _keep(state: FetchRow, published: PivotTable, now: datetime) -> None:
    """Write down how it went, and tell each merchant once when rates have become stale."""
    stale = is_stale(published, now)
    tells = stale and state.told_at is None
    told_at = (state.told_at or now) if stale else None
    async with transaction():
        await store.put_fetch_state(structs.replace(state, told_at=told_at))
        if tells:
            newest = published.last_published
            data = {"source": ecb.NAME, "published_on": newest.isoformat() if newest else "", "error": state.error}
            for merchant in await access.merchants():
                await record(EventType.RATES_STALE, merchant.id, ecb.NAME, data, now)
