"""What routing knows about a payment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum

from currency.money import Money
from currency.rates import RateSource, RateUnavailable, convert


class Region(StrEnum):
    """Groups of countries that rules may name. A country can be in several (Germany is in EU and EEA)."""

    EU = "EU"
    EEA = "EEA"
    UK = "UK"
    NA = "NA"
    APAC = "APAC"
    MENA = "MENA"
    LATAM = "LATAM"


def _countries(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EU = _countries("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK")

# ISO 3166-1 alpha-2 codes. EU and EEA are treaties; the others are the usual sales regions, Mexico counted to LATAM.
REGION_COUNTRIES: dict[Region, frozenset[str]] = {
    Region.EU: _EU,
    Region.EEA: _EU | _countries("IS LI NO"),
    Region.UK: _countries("GB"),
    Region.NA: _countries("CA US"),
    Region.APAC: _countries(
        "AU BD BN BT CN FJ HK ID IN JP KH KR LA LK MM MN MO MV MY NP NZ PG PH PK SG TH TL TW VN VU WS"
    ),
    Region.MENA: _countries("AE BH DZ EG IL IQ IR JO KW LB LY MA OM PS QA SA SY TN YE"),
    Region.LATAM: _countries("AR BO BR CL CO CR CU DO EC GT HN HT MX NI PA PE PR PY SV UY VE"),
}


@dataclass(frozen=True, slots=True)
class PaymentFacts:
    """What is known of a payment when it is routed. None means "not known", and rules treat it so.

    `bin` is the first 6 or 8 digits of the card, `funding` is credit, debit or prepaid, `merchant_category` an ISO
    18245 code, `risk_score` a number from 0 to 100 of whoever scores, `at` the aware moment of the payment. `seed` (the
    payment's id) settles what is left to chance, so that a decision can be made again. `rates` convert amounts for
    rules in another currency. Raises ValueError for a merchant-initiated payment with the customer present (the two
    exclude each other), and for a moment without a time zone.
    """

    amount: Money
    country: str | None = None
    issuer_country: str | None = None
    brand: str | None = None
    bin: str | None = None
    funding: str | None = None
    method: str = "card"
    channel: str | None = None
    customer_present: bool = True
    merchant_initiated: bool = False
    merchant_category: str | None = None
    risk_score: int | None = None
    at: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    seed: str = ""
    rates: RateSource | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.customer_present and self.merchant_initiated:
            raise ValueError("a merchant-initiated payment has no customer present")
        if self.at is not None and self.at.tzinfo is None:
            raise ValueError("`at` needs a time zone: what the hour is depends on it")

    @property
    def rate_day(self) -> date | None:
        """The day in UTC whose rates count; None where the moment is not known."""
        return None if self.at is None else self.at.astimezone(UTC).date()

    def amount_in(self, currency: str) -> Money | None:
        """The amount in that currency by the rate of the day; None where no rate may be used."""
        if currency == self.amount.currency:
            return self.amount
        if self.rates is None or self.rate_day is None:
            return None
        try:
            return convert(self.amount, self.rates.rate(self.amount.currency, currency, self.rate_day))
        except RateUnavailable:
            return None
