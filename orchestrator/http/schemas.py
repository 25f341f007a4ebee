"""The shapes that several resources share: money, texts with bounds, metadata."""

from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from currency.currencies import EXPONENTS
from currency.money import Money
from invoicing.countries import COUNTRIES
from orchestrator.errors import InvalidField

AMOUNT_MAX_MINOR = 999_999_999_999

MinorUnits = Annotated[
    int, Meta(ge=1, le=AMOUNT_MAX_MINOR, description="Minor units by ISO 4217: 1999 is 19.99 EUR.", examples=[1999])
]
CurrencyCode = Annotated[
    str, Meta(min_length=3, max_length=3, pattern="^[A-Z]{3}$", description="ISO 4217.", examples=["EUR"])
]
CountryCode = Annotated[
    str, Meta(min_length=2, max_length=2, pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2.", examples=["DE"])
]
Locale = Annotated[
    str,
    Meta(
        max_length=20,
        pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$(?!\n)",
        description="BCP 47, such as `de-AT`.",
        examples=["de"],
    ),
]
Metadata = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=40)], Annotated[str, Meta(max_length=500)]],
    Meta(max_length=50, description="Your own notes, up to 50. Never card data."),
]
Name = Annotated[str, Meta(min_length=1, max_length=200, examples=["Acme GmbH"])]
Email = Annotated[str, Meta(max_length=320, pattern=r"^[^@\s]+@[^@\s]+$(?!\n)", examples=["billing@acme.example"])]


class Input(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Base of every request body."""


class MoneyInput(Input):
    """An amount in minor units and its currency."""

    amount: MinorUnits
    currency: CurrencyCode

    def as_money(self, field: str = "amount") -> Money:
        """Raises InvalidField for a currency that ISO 4217 does not have."""
        require_currency(self.currency, f"{field}.currency")
        return Money(self.amount, self.currency)


class MoneyBody(msgspec.Struct, kw_only=True):
    """An amount in minor units and its currency."""

    amount: Annotated[int, Meta(description="Minor units by ISO 4217.", examples=[1999])]
    currency: Annotated[str, Meta(examples=["EUR"])]


def money_body(amount: Money) -> MoneyBody:
    return MoneyBody(amount=amount.minor, currency=amount.currency)


def require_currency(code: str, field: str) -> None:
    """Raises InvalidField for a currency that ISO 4217 does not have."""
    if code not in EXPONENTS:
        raise InvalidField(field, "must be an ISO 4217 code in use, such as EUR")


def require_country(code: str | None, field: str) -> None:
    """Raises InvalidField for a code that ISO 3166-1 does not have: taxes and routes go by countries."""
    if code is not None and code not in COUNTRIES:
        raise InvalidField(field, "must be an ISO 3166-1 alpha-2 code, such as DE")


def require_address(url: str | None, field: str) -> None:
    """Raises InvalidField for an address that no browser could be sent to."""
    if url is None:
        return
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bracket that is not closed, a port beyond 65535
        usable = False
    if not usable:
        raise InvalidField(field, "must be a complete address, such as https://shop.example/ok")
