"""Stripe's own exponents (docs.stripe.com/currencies): where they differ from ISO 4217, and what Stripe refuses."""

from __future__ import annotations

import re

from simulators.currencies import exponent_of
from simulators.stripe.errors import StripeError

_ZERO_DECIMAL = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_THREE_DECIMAL = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])  # charged in tens: the last digit must be 0
_WHOLE_UNITS_IN_TWO_DECIMALS = frozenset(["ISK", "UGX"])  # no decimals left, but still stated with two, both 0
_CURRENCIES = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CLP CNY
    COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK JMD
    JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD
    NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SEK SGD SHP SLE SOS SRD STD SZL
    THB TJS TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW
    """.split()  # noqa: SIM905  a table that is read as one
)  # docs.stripe.com/currencies, presentment currencies
_SMALLEST = {
    **dict.fromkeys(("USD", "EUR", "AUD", "BRL", "CAD", "CHF", "INR", "NZD", "SGD"), 50),
    "AED": 200,
    "BGN": 100,
    "CZK": 1500,
    "DKK": 250,
    "GBP": 30,
    "HKD": 400,
    "HUF": 17500,
    "JPY": 50,
    "MXN": 1000,
    "MYR": 200,
    "NOK": 300,
    "PLN": 200,
    "RON": 200,
    "SEK": 300,
    "THB": 1000,
}  # docs.stripe.com/currencies, minimum charge amounts
_LARGEST = 99_999_999  # "up to eight digits", docs.stripe.com/api/payment_intents/create


def parse_amount(text: str, param: str = "amount") -> int:
    """A positive integer of at most eight digits. Raises StripeError 400."""
    if not re.fullmatch(r"-?[0-9]+", text):
        raise StripeError(400, f"Invalid integer: {text}", code="parameter_invalid_integer", param=param, began=False)
    amount = int(text)
    if amount < 1:
        message = "This value must be greater than or equal to 1."
        raise StripeError(400, message, code="parameter_invalid_integer", param=param, began=False)
    if amount > _LARGEST:
        message = "Amount must be no more than 999999.99"
        raise StripeError(400, message, code="amount_too_large", param=param, began=False)
    return amount


def parse_currency(text: str) -> str:
    """In lower case. Raises StripeError 400 for one that Stripe does not charge."""
    if text.upper() not in _CURRENCIES:
        known = ", ".join(sorted(code.lower() for code in _CURRENCIES))
        message = f"Invalid currency: {text.lower()}. Stripe currently supports these currencies: {known}"
        raise StripeError(400, message, param="currency", began=False)
    return text.lower()


def require_minimum(amount: int, currency: str) -> None:
    """What a charge must at least be where the account settles in the currency. Raises StripeError 400."""
    least = _SMALLEST.get(currency.upper(), 1)
    if amount < least:
        message = f"Amount must be at least {least} of the smallest unit of {currency.lower()}"
        raise StripeError(400, message, code="amount_too_small", param="amount", began=False)


def to_world(amount: int, currency: str, param: str = "amount") -> int:
    """Stripe's integer in minor units by ISO 4217. `currency` is upper-case. Raises StripeError 400 as Stripe does."""
    if currency in _THREE_DECIMAL and amount % 10:
        message = f"Invalid {currency} amount: it is charged in tens of the smallest unit, the last digit must be 0."
        raise StripeError(400, message, code="parameter_invalid_integer", param=param, began=False)
    if currency in _WHOLE_UNITS_IN_TWO_DECIMALS and amount % 100:
        message = f"Invalid {currency} amount: {currency} has no decimals, the last two digits must be 0."
        code = "invalid_charge_amount_no_decimal_compatible"
        raise StripeError(400, message, code=code, param=param, began=False)
    return _shift(amount, exponent_of(currency) - _stripe_exponent(currency))


def from_world(minor: int, currency: str) -> int:
    """Minor units by ISO 4217 as Stripe states them. `currency` is upper-case."""
    return _shift(minor, _stripe_exponent(currency) - exponent_of(currency))


def _stripe_exponent(currency: str) -> int:
    if currency in _ZERO_DECIMAL:
        return 0
    return 3 if currency in _THREE_DECIMAL else 2


def _shift(amount: int, places: int) -> int:
    power: int = 10 ** abs(places)
    return amount * power if places >= 0 else amount // power
