"""Every query on the base rates of late interest that merchants entered. Opens no transaction."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

from invoicing.tables import LateBaseRate
from invoicing.terms import BaseRate, Series


class EnteredRate(msgspec.Struct, frozen=True, kw_only=True):
    """A rate as it was entered. Of two for one half-year the later counts."""

    id: str
    rate: BaseRate
    entered_at: datetime


async def insert_rate(rate_id: str, merchant_id: str, rate: BaseRate, *, entered_at: datetime) -> EnteredRate:
    await LateBaseRate.insert(
        LateBaseRate(
            id=rate_id,
            merchant_id=merchant_id,
            series=rate.series.value,
            since=rate.since,
            rate_bps=rate.rate_bps,
            source=rate.source,
            entered_at=entered_at,
        )
    )
    return EnteredRate(id=rate_id, rate=rate, entered_at=entered_at)


async def rates_of(merchant_id: str, series: Series | None = None, since: date | None = None) -> list[EnteredRate]:
    """All that were entered, the oldest first; ids sort by time."""
    query = LateBaseRate.select().where(LateBaseRate.merchant_id == merchant_id)
    if series is not None:
        query = query.where(LateBaseRate.series == series.value)
    if since is not None:
        query = query.where(LateBaseRate.since == since)
    return [_entered(row) for row in await query.order_by(LateBaseRate.id)]


def _entered(row: dict[str, Any]) -> EnteredRate:
    rate = BaseRate(Series(row["series"]), row["since"], row["rate_bps"], row["source"])
    return EnteredRate(id=row["id"], rate=rate, entered_at=row["entered_at"])
