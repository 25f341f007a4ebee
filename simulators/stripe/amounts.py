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
