"""Every query on number series. Opens no transaction."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any

import asyncpg
import msgspec

from invoicing.errors import SeriesTaken
from invoicing.numbering import Reset
from invoicing.store import require_transaction
from invoicing.tables import NumberSeries


class SeriesKind(StrEnum):
    """What a series numbers."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    PROFORMA = "proforma"
    QUOTE = "quote"
    RECEIPT = "receipt"
    REMINDER = "reminder"


class SeriesRow(msgspec.Struct, frozen=True, kw_only=True):
    """A number series; `next_seq` is what the next document gets, `last_on` the latest date of those before."""

    series: str
    pattern: str
    next_seq: int
    kind: SeriesKind = SeriesKind.INVOICE
    reset: Reset = Reset.NEVER
    counts_for: str = ""
    last_on: date | None = None


async def insert_series(series_id: str, merchant_id: str, row: SeriesRow) -> bool:
    """Open the series. False where its name or its pattern is in use by the merchant."""
    values = {name: getattr(row, name) for name in SeriesRow.__struct_fields__}
    rows = (
        await NumberSeries.insert(NumberSeries(id=series_id, merchant_id=merchant_id, **values))
        .on_conflict(action="DO NOTHING")
        .returning(NumberSeries.id)
    )
    return len(rows) == 1


async def update_series(merchant_id: str, row: SeriesRow) -> None:
    """Raises SeriesTaken where the pattern is another series' one."""
    changes: dict[Any, Any] = {
        NumberSeries.pattern: row.pattern,
        NumberSeries.reset: row.reset.value,
        NumberSeries.next_seq: row.next_seq,
    }
    try:
        await NumberSeries.update(changes).where(
            NumberSeries.merchant_id == merchant_id, NumberSeries.series == row.series
        )
    except asyncpg.UniqueViolationError:
        raise SeriesTaken("pattern", f"{row.pattern!r} is another series' pattern; numbers would collide") from None


async def list_series(merchant_id: str) -> list[SeriesRow]:
    """Those that a merchant opened, and the counters of their periods, by name."""
    rows = (
        await NumberSeries.select(*_SERIES).where(NumberSeries.merchant_id == merchant_id).order_by(NumberSeries.series)
    )
    return [msgspec.convert(row, SeriesRow) for row in rows]


async def find_series(merchant_id: str, series: str, *, lock: bool = False) -> SeriesRow | None:
    query = _series(merchant_id, series)
    rows = await (query.lock_rows("NO KEY UPDATE") if lock else query)
    return msgspec.convert(rows[0], SeriesRow) if rows else None


async def take_seqs(merchant_id: str, series: str, count: int, issue_date: date, *, in_order: bool) -> SeriesRow | None:
    """Take the series' next `count` numbers, of which `next_seq` is the first; the row stays locked until the caller's
    transaction ends. None, and none taken, where there is no such series, or one with a later date where they are to be
    `in_order`.

    A rolled-back transaction gives its numbers back, and nobody could take one after them meanwhile: no gaps.
    Raises OutsideTransaction.
    """
    require_transaction()
    rows = await NumberSeries.raw(
        "UPDATE number_series SET next_seq = next_seq + {}, last_on = GREATEST(last_on, {}::date) "
        "WHERE merchant_id = {} AND series = {} AND ({}::boolean IS FALSE OR last_on IS NULL OR last_on <= {}::date) "
        "RETURNING series, pattern, next_seq - {} AS next_seq, kind, reset, counts_for, last_on",
        count,
        issue_date,
        merchant_id,
        series,
        in_order,
        issue_date,
        count,
    )
    return msgspec.convert(rows[0], SeriesRow) if rows else None


_SERIES = [column for column in NumberSeries.all_columns() if column._meta.name not in ("id", "merchant_id")]


def _series(merchant_id: str, series: str) -> Any:
    return NumberSeries.select(*_SERIES).where(NumberSeries.merchant_id == merchant_id, NumberSeries.series == series)
