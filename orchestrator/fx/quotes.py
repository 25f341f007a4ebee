"""Quotes: an amount in another currency at a frozen rate, for a while, for one payment."""

from __future__ import annotations

from datetime import datetime, timedelta

from currency.money import Money
from currency.rates import convert
from orchestrator import clock_port
from orchestrator.access.store import bind_idempotency
from orchestrator.db import transaction
from orchestrator.errors import InvalidField, NotFound
from orchestrator.fx import service, store
from orchestrator.fx.errors import QuoteExpired, QuoteMismatch, QuoteUsed
from orchestrator.fx.store import QuoteRow
from orchestrator.ids import new_id
from orchestrator.settings import get_settings


async def make(merchant_id: str, amount: Money, to: str, idempotency_id: str | None = None) -> QuoteRow:
    """What the amount is in the other currency, at today's rate with the merchant's markup, rounded once.

    It holds for `limits.fx_quote_ttl_s`. Raises InvalidField, and the problems of `fx.errors` without a usable rate.
    """
    if to == amount.currency:
        raise InvalidField("to", "must be another currency than the amount's")
    now = clock_port.now()
    published = await service.rate(merchant_id, amount.currency, to, now.date())
    rate = published.with_markup(await service.markup_bps(merchant_id))
    converted = convert(amount, rate)
    if converted.minor <= 0:
        raise InvalidField("amount.amount", f"is less than the smallest amount of {to}")
    row = QuoteRow(
        id=new_id("fxq"),
        merchant_id=merchant_id,
        amount_minor=amount.minor,
        currency=amount.currency,
        converted_minor=converted.minor,
        converted_currency=converted.currency,
        rate=rate.freeze(),
        created_at=now,
        expires_at=now + timedelta(seconds=get_settings().limits.fx_quote_ttl_s),
    )
    async with transaction():
        await store.insert_quote(row)
        if idempotency_id:
            await bind_idempotency(idempotency_id, row.id)
    return row


async def get(merchant_id: str, quote_id: str) -> QuoteRow:
    """Raises NotFound, also for another merchant's quote."""
    row = await store.quote(merchant_id, quote_id)
    if row is None:
        raise NotFound("quote", quote_id)
    return row


async def require(merchant_id: str, quote_id: str, amount: Money, now: datetime) -> QuoteRow:
    """The quote, when a payment of the amount may be made with it now.

    Raises NotFound, QuoteMismatch, QuoteUsed, QuoteExpired.
    """
    row = await get(merchant_id, quote_id)
    if row.converted != amount:
        quoted = f"{row.converted_minor} {row.converted_currency}"
        raise QuoteMismatch(f"The quote is of {quoted} (minor units), the payment of {amount.minor} {amount.currency}.")
    if row.payment_id is not None:
        raise QuoteUsed("A payment was made with this quote. Make a new quote for another payment.")
    if row.expires_at <= now:
        raise QuoteExpired(f"The quote was good until {row.expires_at:%Y-%m-%d %H:%M:%S} UTC. Make a new one.")
    return row


async def use(merchant_id: str, quote_id: str, payment_id: str, amount: Money, now: datetime) -> None:
    """Take the quote for the payment, in the transaction that makes it. Raises what `require` does."""
    if not await store.use_quote(merchant_id, quote_id, payment_id, amount, now):
        await require(merchant_id, quote_id, amount, now)
        raise QuoteUsed("A payment was made with this quote. Make a new quote for another payment.")
