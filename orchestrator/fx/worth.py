"""What money of one currency was booked as in another: at its payment's quote, else at that day's reference rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from currency.money import Money, round_fraction
from currency.rates import RateSource, RateUnavailable, convert
from orchestrator.fx import store
from orchestrator.fx.books import book_for
from orchestrator.fx.store import QuoteRow


@dataclass(frozen=True, slots=True)
class Booked:
    """The merchant's rates, and the quotes that some of its payments were made with."""

    book: RateSource
    quotes: Mapping[str, QuoteRow]

    def worth(self, amount: Money, currency: str, payment_id: str, on: date) -> Money | None:
        """None where neither a quote nor a rate that may be used says it. A negative amount has a negative worth."""
        quote = self.quotes.get(payment_id)
        if quote is not None and (quote.currency, quote.converted_currency) == (currency, amount.currency):
            return Money(round_fraction(Fraction(amount.minor * quote.amount_minor, quote.converted_minor)), currency)
        try:
            return convert(amount, self.book.rate(amount.currency, currency, on))
        except RateUnavailable:
            return None


async def booked(merchant_id: str, payment_ids: list[str]) -> Booked:
    """For these payments of a merchant."""
    return Booked(await book_for(merchant_id), await store.quotes_of_payments(payment_ids))
