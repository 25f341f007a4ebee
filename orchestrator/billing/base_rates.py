"""The base rates of late interest that count for a merchant: those it entered before those that are built in."""

from __future__ import annotations

from typing import Any

from invoicing import base_rate_store
from invoicing.terms import KNOWN_RATES, BaseRate, BaseRates, Series
from orchestrator import clock_port
from orchestrator.access import audit
from orchestrator.db import hold, transaction
from orchestrator.ids import new_id


async def rates_for(merchant_id: str) -> BaseRates:
    """Every base rate that counts for the merchant. Its `find` raises UnknownBaseRate, which says what to enter."""
    return KNOWN_RATES.entered(*(row.rate for row in await base_rate_store.rates_of(merchant_id)))


async def rates_in(merchant_id: str, series: Series) -> list[BaseRate]:
    """Those of one series, newest first."""
    return (await rates_for(merchant_id)).of(series)


async def enter(merchant_id: str, rate: BaseRate) -> BaseRate:
    """Keep a rate with where it was read; another for the same half-year corrects it. Charges that were made before
    stay as they are. Entered again as it is, nothing happens."""
    now = clock_port.now()
    async with transaction():
        await hold(f"base-rate:{merchant_id}:{rate.series}:{rate.since}")
        entered = await base_rate_store.rates_of(merchant_id, rate.series, rate.since)
        before = entered[-1].rate if entered else None
        if before == rate:
            return rate
        row = await base_rate_store.insert_rate(new_id("bsr"), merchant_id, rate, entered_at=now)
        said = None if before is None else _said(before)
        await audit.record(merchant_id, audit.Action.BASE_RATE_ENTERED, row.id, now, before=said, after=_said(rate))
    return rate


def _said(rate: BaseRate) -> dict[str, Any]:
    return {
        "series": rate.series.value,
        "since": rate.since.isoformat(),
        "rate_bps": rate.rate_bps,
        "source": rate.source,
    }
