"""The rates that count for a merchant: its own before the published ones. Kept in the process, looked up anew in time.

The history since 1999 comes with a package and is read when it is first needed; what was fetched since lies on top.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from currency import ecb, store
from currency.rates import PairTable, PivotTable, RateBook, RateSource
from currency.store import EVERYBODY, Mark, StoredRate

MANUAL = "manual"
LOOK_AGAIN_S = 5.0  # so long another process may still use what was corrected
MERCHANTS_MAX = 1_000  # remembered at once


@dataclass(frozen=True, slots=True)
class _Book:
    published: Mark
    own: Mark
    looked_at_s: float
    book: RateBook


_books: dict[str, _Book] = {}
_published: tuple[Mark, PivotTable] | None = None
_reading = asyncio.Lock()  # the history is read once, however many ask for it first


async def book_for(merchant_id: str) -> RateSource:
    """The rates of a merchant; a look into a dictionary, but for the first one and once in LOOK_AGAIN_S.

    Never raises for a rate that is missing: its `rate` does, with RateUnavailable in one of its kinds.
    """
    now_s = time.monotonic()
    known = _books.get(merchant_id)
    if known is not None and now_s - known.looked_at_s < LOOK_AGAIN_S:
        return known.book
    published, own = await store.marks(merchant_id)
    if known is not None and (known.published, known.own) == (published, own):
        book = known.book
    else:
        entered = await store.newest(MANUAL, merchant_id=merchant_id) if own.rates else []
        book = RateBook([own_table(entered), await _table(published)])
    if len(_books) >= MERCHANTS_MAX:
        _books.clear()
    _books[merchant_id] = _Book(published, own, now_s, book)
    return book


async def published() -> PivotTable:
    """The euro reference rates alone: history and what was fetched."""
    return await _table((await store.marks(EVERYBODY))[0])


def forget(merchant_id: str = EVERYBODY) -> None:
    """Look again at the next question: rates were added here, published ones or a merchant's own."""
    global _published
    if merchant_id == EVERYBODY:
        _books.clear()
        _published = None
    _books.pop(merchant_id, None)


def own_table(entered: Iterable[StoredRate]) -> PairTable:
    """A merchant's own rates as a source."""
    return PairTable(MANUAL, [row.rate for row in entered if row.rate is not None])


def with_fetched(history: Iterable[ecb.Row], fetched: Iterable[StoredRate]) -> list[ecb.Row]:
    """The history with what was fetched since on top, currency by currency: a correction leaves its day's others."""
    days: dict[date, dict[str, Decimal]] = {}
    for day, units in history:
        days.setdefault(day, {}).update(units)
    for row in fetched:
        if row.units is not None:
            days.setdefault(row.rate_date, {})[row.quote] = row.units
    return list(days.items())


async def _table(mark: Mark) -> PivotTable:
    global _published
    if _published is not None and _published[0] == mark:
        return _published[1]
    fetched = await store.newest(ecb.NAME) if mark.rates else []
    async with _reading:  # nobody waits for the database in here: who asks may hold a connection himself
        if _published is None or _published[0] != mark:
            _published = mark, await asyncio.to_thread(_read, fetched)
        return _published[1]


def _read(fetched: list[StoredRate]) -> PivotTable:
    return ecb.table(with_fetched(ecb.history(), fetched))
