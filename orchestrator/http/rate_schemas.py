"""What the API takes and gives of exchange rates and quotes."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from currency.rates import Rate
from currency.store import StoredRate
from orchestrator.fx.service import MARKUP_MAX_BPS
from orchestrator.fx.store import QuoteRow
from orchestrator.http.schemas import CurrencyCode, Input, MoneyBody, MoneyInput, money_body

DecimalText = Annotated[
    str,
    Meta(
        max_length=25,
        pattern=r"^[0-9]{1,12}(\.[0-9]{1,12})?$(?!\n)",
        description="A decimal number with a point; never a float.",
        examples=["1.0845"],
    ),
]


class EnterRate(Input):
    """So many `quote` for one `base`, in major units, from a day on (today when left out)."""

    base: CurrencyCode
    quote: CurrencyCode
    rate: DecimalText
    valid_from: date | None = None

    @property
    def units(self) -> Decimal:
        return Decimal(self.rate)


class MakeQuote(Input):
    """An amount, and the currency to state it in."""

    amount: MoneyInput
    to: CurrencyCode


class FxTermsInput(Input):
    """What is put on top of rates in quotes, in basis points: 150 is 1.5 %."""

    markup_bps: Annotated[int, Meta(ge=0, le=MARKUP_MAX_BPS, examples=[150])]


class FxTermsBody(FxTermsInput, kw_only=True):
    """What is put on top of rates in quotes, in basis points."""

    object: str = "fx_terms"


class RateBody(msgspec.Struct, kw_only=True):
    """A rate: exactly `quote_units` for `base_units`, both as published against the source's own currency.

    `rate` is their quotient for people, markup included, to ten digits.
    """

    object: str = "rate"
    base: str
    quote: str
    rate: Annotated[str, Meta(examples=["1.0845"])]
    base_units: str
    quote_units: str
    source: str
    published_on: date
    markup_bps: int


class EnteredRateBody(msgspec.Struct, kw_only=True):
    """A rate as it was entered; `rate` is null where it was withdrawn. The newest `revision` of a day counts."""

    id: str
    object: str = "entered_rate"
    base: str
    quote: str
    rate: str | None
    valid_from: date
    revision: int
    entered_at: datetime
    entered_by: str


class QuoteBody(msgspec.Struct, kw_only=True):
    """`amount` is worth `converted_amount` at the frozen `rate` until `expires_at`, for one payment of that amount."""

    id: str
    object: str = "fx_quote"
    amount: MoneyBody
    converted_amount: MoneyBody
    rate: RateBody
    created_at: datetime
    expires_at: datetime
    payment_id: str | None


def rate_body(rate: Rate) -> RateBody:
    return RateBody(
        base=rate.base,
        quote=rate.quote,
        rate=str(rate),
        base_units=format(rate.base_units, "f"),
        quote_units=format(rate.quote_units, "f"),
        source=rate.source,
        published_on=rate.on,
        markup_bps=rate.markup_bps,
    )


def entered_rate_body(row: StoredRate) -> EnteredRateBody:
    return EnteredRateBody(
        id=f"fxr_{row.id}",
        base=row.base,
        quote=row.quote,
        rate=None if row.units is None else format(row.units, "f"),
        valid_from=row.rate_date,
        revision=row.revision,
        entered_at=row.fetched_at,
        entered_by=row.entered_by,
    )


def quote_body(row: QuoteRow) -> QuoteBody:
    return QuoteBody(
        id=row.id,
        amount=money_body(row.amount),
        converted_amount=money_body(row.converted),
        rate=rate_body(row.frozen_rate),
        created_at=row.created_at,
        expires_at=row.expires_at,
        payment_id=row.payment_id,
    )
