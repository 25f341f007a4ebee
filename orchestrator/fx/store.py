"""Every query on quotes, markups and the state of fetching."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

from currency.money import Money
from currency.rates import Rate
from orchestrator.db import fetch
from orchestrator.fx.tables import FxQuote


class QuoteRow(msgspec.Struct, frozen=True):
    """A quote as stored: `amount` is worth `converted` at the frozen rate."""

    id: str
    merchant_id: str
    amount_minor: int
    currency: str
    converted_minor: int
    converted_currency: str
    rate: dict[str, str | int]
    created_at: datetime
    expires_at: datetime
    payment_id: str | None = None
    used_at: datetime | None = None

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def converted(self) -> Money:
        return Money(self.converted_minor, self.converted_currency)

    @property
    def frozen_rate(self) -> Rate:
        return Rate.thaw(self.rate)


class FetchRow(msgspec.Struct, frozen=True):
    """How the fetching of a source stands; see `fx.fetching`."""

    source: str
    due_at: datetime
    failures: int = 0
    error: str = ""
    fetched_at: datetime | None = None
    published_on: date | None = None
    told_at: datetime | None = None


_QUOTE = (
    "SELECT id, merchant_id, amount_minor, currency, converted_minor, converted_currency, rate, created_at, "
    "expires_at, payment_id, used_at FROM fx_quote"
)
_USE = """
    UPDATE fx_quote SET payment_id = $3, used_at = $4
    WHERE id = $1 AND merchant_id = $2 AND payment_id IS NULL AND expires_at > $4
    AND converted_minor = $5 AND converted_currency = $6 RETURNING id"""
_PUT_MARKUP = """
    INSERT INTO fx_terms (merchant_id, markup_bps, updated_at) VALUES ($1, $2, $3)
    ON CONFLICT (merchant_id) DO UPDATE SET markup_bps = EXCLUDED.markup_bps, updated_at = EXCLUDED.updated_at"""
_PUT_FETCH = """
    INSERT INTO fx_fetch (source, due_at, failures, error, fetched_at, published_on, told_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (source) DO UPDATE SET due_at = EXCLUDED.due_at,
    failures = EXCLUDED.failures, error = EXCLUDED.error, fetched_at = EXCLUDED.fetched_at,
    published_on = EXCLUDED.published_on, told_at = EXCLUDED.told_at"""


async def insert_quote(row: QuoteRow) -> None:
    values = msgspec.structs.asdict(row)
    await FxQuote.insert(FxQuote(**{**values, "rate": msgspec.json.encode(row.rate).decode()}))


async def quote(merchant_id: str, quote_id: str) -> QuoteRow | None:
    rows = await fetch(f"{_QUOTE} WHERE id = $1 AND merchant_id = $2", quote_id, merchant_id)
    return _quote(rows[0]) if rows else None


async def quotes_of(
    merchant_id: str, *, limit: int, before_id: str | None = None, payment_id: str | None = None
) -> list[QuoteRow]:
    """Newest first."""
    rows = await fetch(
        f"{_QUOTE} WHERE merchant_id = $1 AND ($2::text IS NULL OR id < $2) "
        "AND ($3::text IS NULL OR payment_id = $3) ORDER BY id DESC LIMIT $4",
        merchant_id,
        before_id,
        payment_id,
        limit,
    )
    return [_quote(row) for row in rows]


async def quotes_of_payments(payment_ids: list[str]) -> dict[str, QuoteRow]:
    """The quotes that payments were made with, by payment id."""
    rows = await fetch(f"{_QUOTE} WHERE payment_id = ANY($1)", payment_ids)
    return {row["payment_id"]: _quote(row) for row in rows}


async def use_quote(merchant_id: str, quote_id: str, payment_id: str, amount: Money, now: datetime) -> bool:
    """Take the quote for a payment of what was quoted; False where it cannot be. Of two at once one takes it."""
    return bool(await fetch(_USE, quote_id, merchant_id, payment_id, now, amount.minor, amount.currency))


async def markup_bps(merchant_id: str) -> int:
    rows = await fetch("SELECT markup_bps FROM fx_terms WHERE merchant_id = $1", merchant_id)
    return int(rows[0]["markup_bps"]) if rows else 0


async def put_markup(merchant_id: str, bps: int, now: datetime) -> None:
    await fetch(_PUT_MARKUP, merchant_id, bps, now)


async def fetch_state(source: str) -> FetchRow | None:
    rows = await fetch(
        "SELECT source, due_at, failures, error, fetched_at, published_on, told_at FROM fx_fetch WHERE source = $1",
        source,
    )
    return msgspec.convert(dict(rows[0]), FetchRow) if rows else None


async def put_fetch_state(row: FetchRow) -> None:
    await fetch(_PUT_FETCH, *msgspec.structs.astuple(row))


def _quote(row: Any) -> QuoteRow:
    found = dict(row)
    return msgspec.convert({**found, "rate": msgspec.json.decode(found["rate"])}, QuoteRow)
