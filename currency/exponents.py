"""How each gateway and each settlement file writes amounts, and the one conversion from and to Money.

A gateway's minor unit is not always ISO 4217's: an amount sent with the wrong exponent is off by a factor of 100.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from currency.currencies import EXPONENTS, exponent_of
from currency.money import InvalidAmount, Money, parse_major, to_major


class AmountNotRepresentable(ValueError):
    """The gateway cannot state this amount, or we cannot state the gateway's; the message says which and why."""


class UnknownEncoding(LookupError):
    """No table for that name, or one of the other notation (minor units against decimals): a mistake in the caller."""


class Notation(StrEnum):
    """Whether amounts travel as an integer of minor units or as a decimal in major units."""

    MINOR = "minor"
    DECIMAL = "decimal"


@dataclass(frozen=True, slots=True)
class Encoding:
    """One way to write amounts.

    `exponents` lists what differs from ISO 4217 (`fixed_exponent`: all do). `steps`: an amount in gateway minor units
    must be a multiple. `carried` (None: all) and `refused` say which currencies the gateway takes at all; what an
    account may do within that is the account's own list.
    """

    notation: Notation
    exponents: Mapping[str, int] = field(default_factory=dict)
    fixed_exponent: int | None = None
    steps: Mapping[str, int] = field(default_factory=dict)
    carried: frozenset[str] | None = None
    refused: frozenset[str] = frozenset()

    def exponent(self, currency: str) -> int:
        if self.fixed_exponent is not None:
            return self.fixed_exponent
        return self.exponents.get(currency, exponent_of(currency))


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Units of account and fund codes of ISO 4217: nobody can be charged in them.
_FUND_CODES = _codes("BOV CHE CHW CLF COU MXV USN UYI UYW XAD")

_PAYPAL_CURRENCIES = _codes(
    "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD USD"
)

ISO_MINOR_UNITS = Encoding(Notation.MINOR, refused=_FUND_CODES)
"""Minor units exactly as ISO 4217 has them: what many gateways say of theirs, and some wrongly."""

ENCODINGS: dict[str, Encoding] = {
    # docs.stripe.com/currencies (zero-decimal, three-decimal and special cases). ISK and UGX have no decimals, but the
    # API takes them with two that must be 00. IQD and LYD are not in its three-decimal list: refused, not guessed. HUF
    # and TWD must be whole in payouts only, not in charges.
    "stripe": Encoding(
        Notation.MINOR,
        exponents={"ISK": 2, "UGX": 2, "MGA": 0},
        steps={"ISK": 100, "UGX": 100, "BHD": 10, "JOD": 10, "KWD": 10, "OMR": 10, "TND": 10},
        refused=_FUND_CODES | _codes("IQD LYD"),
    ),
    # docs.adyen.com/development-resources/currency-codes ("differs from standard"); BIF and MGA are not in the list.
    "adyen": Encoding(
        Notation.MINOR,
        exponents={"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2},
        refused=_FUND_CODES | _codes("BIF MGA"),
    ),
    # developer.paypal.com/docs/api/reference/currency-codes: decimals in HUF, JPY and TWD are an error. RUB is not
    # carried any more; BRL, CNY and MYR are for accounts of that country only.
    "paypal": Encoding(
        Notation.DECIMAL,
        exponents={"HUF": 0, "JPY": 0, "TWD": 0},
        carried=_PAYPAL_CURRENCIES,
    ),
    # Settlement files, in major units with ISO decimals.
    "stripe_report": Encoding(Notation.DECIMAL),
    "adyen_report": Encoding(Notation.DECIMAL),
    # "100,00 yen and $100.00 USD are both represented as 10000": hundredths for every currency.
    "paypal_stl": Encoding(Notation.MINOR, fixed_exponent=2),
}


def add_encoding(gateway: str, encoding: Encoding | None) -> None:
    """Take in how a further gateway writes amounts. Raises ValueError where that is not said, or said otherwise.

    There is no silent default: a wrong exponent is off by a factor of 100, so plain ISO 4217 is said too.
    """
    known = ENCODINGS.get(gateway)
    if encoding is None and known is None:
        raise ValueError(
            f"{gateway}: how it writes amounts is not said; give its kind an `encoding`, for example ISO_MINOR_UNITS"
        )
    if encoding is not None and known not in (None, encoding):
        raise ValueError(f"{gateway}: currency.exponents has another table of that name; choose another name")
    if encoding is not None:
        ENCODINGS[gateway] = encoding


def to_gateway_minor(money: Money, gateway: str) -> int:
    """The integer that states the amount in the gateway's own minor units (`stripe`, `adyen`, `paypal_stl`).

    Raises AmountNotRepresentable (never rounds), UnknownEncoding.
    """
    encoding = _encoding(gateway, Notation.MINOR)
    _refuse_currency(encoding, money.currency, gateway)
    value = _rescale(money, encoding.exponent(money.currency), gateway)
    step = encoding.steps.get(money.currency, 1)
    if value % step:
        raise AmountNotRepresentable(
            f"{gateway} takes {money.currency} amounts only in multiples of {step} of its minor units; {value} is none"
        )
    return value


def from_gateway_minor(value: int, currency: str, gateway: str) -> Money:
    """The money behind a gateway's integer. What the gateway may send is not second-guessed, only read exactly.

    Raises AmountNotRepresentable where ISO 4217 has no such amount (half a yen), UnknownCurrency, UnknownEncoding,
    TypeError for anything but an int.
    """
    if type(value) is not int:
        raise TypeError(f"a gateway's minor units are an int, not {type(value).__name__}")
    shift = exponent_of(currency) - _encoding(gateway, Notation.MINOR).exponent(currency)
    if shift >= 0:
        return Money(value * 10**shift, currency)
    whole, rest = divmod(value, 10**-shift)
    if rest:
        raise AmountNotRepresentable(f"{value} of {gateway}'s minor units is no whole minor unit of {currency}")
    return Money(whole, currency)


def to_gateway_decimal(money: Money, gateway: str) -> str:
    """The decimal text in major units (`paypal`, `stripe_report`, `adyen_report`): `"12.30"`, and `"1230"` for yen.

    Raises AmountNotRepresentable (never rounds), UnknownEncoding.
    """
    encoding = _encoding(gateway, Notation.DECIMAL)
    _refuse_currency(encoding, money.currency, gateway)
    exponent = encoding.exponent(money.currency)
    value = _rescale(money, exponent, gateway)
    digits = str(abs(value)).zfill(exponent + 1)
    decimals = f".{digits[-exponent:]}" if exponent else ""
    return f"{'-' if value < 0 else ''}{digits[: len(digits) - exponent]}{decimals}"


def from_gateway_decimal(text: str, currency: str, gateway: str) -> Money:
    """The money behind a gateway's decimal text. Raises AmountNotRepresentable, UnknownCurrency, UnknownEncoding."""
    _encoding(gateway, Notation.DECIMAL)
    try:
        return parse_major(text, currency)
    except InvalidAmount as error:
        raise AmountNotRepresentable(f"{gateway}: {error}") from error


def require_representable(money: Money, gateway: str) -> None:
    """Return if the gateway can state the amount, in whichever notation it has.

    Raises AmountNotRepresentable, UnknownEncoding.
    """
    if _encoding(gateway).notation is Notation.MINOR:
        to_gateway_minor(money, gateway)
    else:
        to_gateway_decimal(money, gateway)


def currencies_of(gateway: str) -> frozenset[str]:
    """The ISO 4217 currencies that the gateway takes at all. Raises UnknownEncoding."""
    encoding = _encoding(gateway)
    return (encoding.carried or frozenset(EXPONENTS)) - encoding.refused


def _encoding(gateway: str, notation: Notation | None = None) -> Encoding:
    encoding = ENCODINGS.get(gateway)
    if encoding is None:
        raise UnknownEncoding(f"no table of amounts for {gateway!r}")
    if notation is not None and encoding.notation is not notation:
        raise UnknownEncoding(f"{gateway} writes amounts as {encoding.notation}, not as {notation}")
    return encoding


def _refuse_currency(encoding: Encoding, currency: str, gateway: str) -> None:
    if currency in encoding.refused or (encoding.carried is not None and currency not in encoding.carried):
        raise AmountNotRepresentable(f"{gateway} does not carry {currency}")


def _rescale(money: Money, exponent: int, gateway: str) -> int:
    shift = exponent - exponent_of(money.currency)
    if shift >= 0:
        return int(money.minor * 10**shift)
    whole, rest = divmod(money.minor, 10**-shift)
    if rest:
        decimals = f"{exponent} decimals" if exponent else "no decimals"
        raise AmountNotRepresentable(f"{gateway} takes {money.currency} with {decimals}; {to_major(money)} has more")
    return int(whole)
