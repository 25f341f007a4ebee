"""What routing knows about a payment and about the gateway accounts that could take it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from currency.money import Money


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
class Candidate:
    """A gateway account of the merchant. Empty capability sets mean "no limit".

    `priority`: lower goes first. Currencies are ISO 4217 codes, countries ISO 3166-1 alpha-2 of the payer, brands and
    methods our lower-case words (`visa`, `card`). Fees: basis points of the amount and minor units per transaction.
    """

    account_id: str
    gateway: str
    priority: int = 0
    currencies: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    fee_bps: int = 0
    fee_fixed_minor: int = 0
    enabled: bool = True
    label: str = ""


@dataclass(frozen=True, slots=True)
class PaymentFacts:
    """What is known of a payment when it is routed. None means "not known", and rules treat it so.

    `bin` is the first 6 or 8 digits of the card. Raises ValueError for a merchant-initiated payment with the customer
    present: the two exclude each other.
    """

    amount: Money
    country: str | None = None
    issuer_country: str | None = None
    brand: str | None = None
    bin: str | None = None
    method: str = "card"
    channel: str | None = None
    customer_present: bool = True
    merchant_initiated: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.customer_present and self.merchant_initiated:
            raise ValueError("a merchant-initiated payment has no customer present")
