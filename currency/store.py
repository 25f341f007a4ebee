"""Every query on stored exchange rates. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import msgspec

from currency.rates import Rate
from currency.tables import FxRate

EVERYBODY = ""  # in place of a merchant: a rate that was published


@dataclass(frozen=True, slots=True)
class NewRate:
    """So many `quote` for one `base` from that day on. Without `units` a rate entered before is withdrawn."""

    base: str
    quote: str
    on: date
    units: Decimal | None


class StoredRate(msgspec.Struct, frozen=True):
    """One revision of a rate. `units` is exactly what was published or entered, None where it was withdrawn."""

    id: int
    merchant_id: str
    source: str
    base: str
    quote: str
    rate_date: date
    revision: int
    units: Decimal | None
    fetched_at: datetime
    entered_by: str

    @property
    def rate(self) -> Rate | None:
        if self.units is None:
            return None
        return Rate(self.base, self.quote, Decimal(1), self.units, self.rate_date, self.source)


@dataclass(frozen=True, slots=True)
class Mark:
    """By which one sees that rates were added: they never change and never go. Both, as ids may commit out of order."""

    rates: int = 0
    newest_id: int = 0


_COLUMNS = "id, merchant_id, source, base, quote, rate_date, revision, units, fetched_at, entered_by"


async def add(
    source: str, rates: Sequence[NewRate], at: datetime, *, merchant_id: str = EVERYBODY, entered_by: str = ""
) -> list[StoredRate]:
    """Keep what is new, or other than the newest revision, as the next revision; return that.

    Two callers at once with the same rate: one of them keeps it.
    """
    rows = await FxRate.raw(
        "INSERT INTO fx_rate (merchant_id, source, base, quote, rate_date, revision, units, fetched_at, entered_by) "  # noqa: S608 - a constant
        "SELECT {}, {}, new.base, new.quote, new.rate_date, COALESCE(last.revision, 0) + 1, new.units, {}, {} "
        "FROM unnest({}::text[], {}::text[], {}::date[], {}::numeric[]) AS new (base, quote, rate_date, units) "
        "LEFT JOIN LATERAL (SELECT revision, units FROM fx_rate old WHERE old.merchant_id = {} AND old.source = {} "
        "AND (old.base, old.quote, old.rate_date) = (new.base, new.quote, new.rate_date) "
        "ORDER BY revision DESC LIMIT 1) last ON true WHERE last.units IS DISTINCT FROM new.units "
        "ON CONFLICT (merchant_id, source, base, quote, rate_date, revision) DO NOTHING "
        f"RETURNING {_COLUMNS}",
        merchant_id,
        source,
        at,
        entered_by,
        [rate.base for rate in rates],
        [rate.quote for rate in rates],
        [rate.on for rate in rates],
        [rate.units for rate in rates],
        merchant_id,
        source,
    )
    return msgspec.convert(rows, list[StoredRate])


async def newest(source: str, *, merchant_id: str = EVERYBODY) -> list[StoredRate]:
    """The newest revision of each rate that is not withdrawn, by day."""
    rows = await FxRate.raw(
        f"SELECT {_COLUMNS} FROM (SELECT DISTINCT ON (base, quote, rate_date) * FROM fx_rate "  # noqa: S608 - a constant
        "WHERE merchant_id = {} AND source = {} ORDER BY base, quote, rate_date, revision DESC) counts "
        "WHERE units IS NOT NULL ORDER BY rate_date, base, quote",
        merchant_id,
        source,
    )
    return msgspec.convert(rows, list[StoredRate])


async def revisions(source: str, *, merchant_id: str, limit: int, before_id: int | None = None) -> list[StoredRate]:
    """All that was ever entered or withdrawn, the newest first."""
    rows = await FxRate.raw(
        f"SELECT {_COLUMNS} FROM fx_rate WHERE merchant_id = {{}} AND source = {{}} "  # noqa: S608 - a constant
        "AND ({}::bigint IS NULL OR id < {}::bigint) ORDER BY id DESC LIMIT {}",
        merchant_id,
        source,
        before_id,
        before_id,
        limit,
    )
    return msgspec.convert(rows, list[StoredRate])


async def revision(rate_id: int, *, merchant_id: str) -> StoredRate | None:
    """One revision, by its id, where it is this merchant's."""
    rows = await FxRate.raw(
        f"SELECT {_COLUMNS} FROM fx_rate WHERE id = {{}} AND merchant_id = {{}}",  # noqa: S608 - a constant
        rate_id,
        merchant_id,
    )
    return msgspec.convert(rows[0], StoredRate) if rows else None


async def marks(merchant_id: str) -> tuple[Mark, Mark]:
    """How the published rates stand, and the merchant's own: two equal marks mean that nothing was added between."""
    rows = await FxRate.raw(
        "SELECT merchant_id, count(*) AS rates, max(id) AS newest_id FROM fx_rate WHERE merchant_id IN ('', {}) "
        "GROUP BY merchant_id",
        merchant_id,
    )
    found = {row["merchant_id"]: Mark(row["rates"], row["newest_id"]) for row in rows}
    return found.get(EVERYBODY, Mark()), found.get(merchant_id, Mark()) if merchant_id else Mark()
