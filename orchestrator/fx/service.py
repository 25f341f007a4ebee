"""The verbs of exchange rates: look one up, enter one by hand, withdraw it, and what is put on top."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from currency import store as rate_store
from currency.currencies import EXPONENTS
from currency.rates import Publication, Rate, RateUnavailable
from currency.store import NewRate, StoredRate
from orchestrator import clock_port
from orchestrator.access import actor, audit
from orchestrator.access.store import bind_idempotency
from orchestrator.db import transaction
from orchestrator.errors import Conflict, InvalidField, NotFound
from orchestrator.fx import books, store
from orchestrator.fx.books import MANUAL as MANUAL
from orchestrator.fx.books import book_for as book_for
from orchestrator.fx.errors import problem_of

MARKUP_MAX_BPS = 2_000


async def rate(
    merchant_id: str, base: str, quote: str, as_of: date, publication: Publication = Publication.PREVIOUS
) -> Rate:
    """The rate that counts for the merchant on a day. Raises the problems of `fx.errors`, by kind."""
    try:
        return (await book_for(merchant_id)).rate(base, quote, as_of, publication)
    except RateUnavailable as refusal:
        raise problem_of(refusal) from None


async def rates_from(
    merchant_id: str, base: str, as_of: date, publication: Publication = Publication.PREVIOUS
) -> list[Rate]:
    """The rates of a base to every currency that has one on the day, by code. Empty where the base itself has none."""
    book = await book_for(merchant_id)
    found = []
    for quote in sorted(EXPONENTS):
        try:
            if quote != base:
                found.append(book.rate(base, quote, as_of, publication))
        except RateUnavailable:
            continue
    return found


async def enter(
    merchant_id: str, base: str, quote: str, units: Decimal, valid_from: date, idempotency_id: str | None = None
) -> StoredRate:
    """Keep a merchant's own rate: so many `quote` for one `base`, from that day until the next one it enters.

    Entering another for the same day corrects it. Raises InvalidField, Conflict (two at the same moment).
    """
    if base == quote:
        raise InvalidField("quote", "must be another currency than base")
    if not (units.is_finite() and units > 0):
        raise InvalidField("rate", "must be a number above zero")
    new = NewRate(base, quote, valid_from, units)
    return await _add(merchant_id, new, audit.Action.RATE_ENTERED, idempotency_id)


async def withdraw(merchant_id: str, rate_id: int, idempotency_id: str | None = None) -> StoredRate:
    """Take an entered rate out of use; earlier ones, or the published ones, count again. Raises NotFound, Conflict."""
    row = await entered(merchant_id, rate_id)
    gone = NewRate(row.base, row.quote, row.rate_date, None)
    return await _add(merchant_id, gone, audit.Action.RATE_WITHDRAWN, idempotency_id)


async def entered(merchant_id: str, rate_id: int) -> StoredRate:
    """One revision of a merchant's own rate. Raises NotFound."""
    row = await rate_store.revision(rate_id, merchant_id=merchant_id)
    if row is None or row.source != MANUAL:
        raise NotFound("rate", f"fxr_{rate_id}")
    return row


async def _add(merchant_id: str, new: NewRate, action: audit.Action, idempotency_id: str | None) -> StoredRate:
    now = clock_port.now()
    async with transaction():
        added = await rate_store.add(MANUAL, [new], now, merchant_id=merchant_id, entered_by=actor.current().id[:80])
        if not added:
            raise Conflict("The rate is so already, or another was entered at the same moment. Read it again.")
        [row] = added
        if idempotency_id:
            await bind_idempotency(idempotency_id, f"fxr_{row.id}")
        said = {"base": row.base, "quote": row.quote, "valid_from": row.rate_date.isoformat()}
        said["rate"] = "" if row.units is None else format(row.units, "f")
        await audit.record(merchant_id, action, f"fxr_{row.id}", now, after=said)
    books.forget(merchant_id)
    return row


async def markup_bps(merchant_id: str) -> int:
    """What the merchant puts on top of rates in quotes, in basis points; 0 unless it says."""
    return await store.markup_bps(merchant_id)


async def set_markup(merchant_id: str, bps: int) -> None:
    """Raises InvalidField."""
    if not 0 <= bps <= MARKUP_MAX_BPS:
        raise InvalidField("markup_bps", f"must be between 0 and {MARKUP_MAX_BPS} basis points")
    now = clock_port.now()
    async with transaction():
        before = await store.markup_bps(merchant_id)
        await store.put_markup(merchant_id, bps, now)
        await audit.record(
            merchant_id,
            audit.Action.SETTING_CHANGED,
            merchant_id,
            now,
            before={"markup_bps": before},
            after={"markup_bps": bps},
        )
