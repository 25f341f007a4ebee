"""Rounding to what can be paid in cash: a currency's smallest coin may be worth more than its minor unit."""

from __future__ import annotations

from fractions import Fraction

from currency.currencies import exponent_of
from currency.money import Money, Rounding, round_fraction

# Smallest cash step in minor units where it is more than one. CLDR's supplemental currencyData (`_cashRounding`,
# `_cashDigits`) for CHF, DKK, SEK, NOK, CZK, HUF, TWD, CAD; the issuing central banks for the rest.
_STEPS: dict[str, int] = {
    "AUD": 5,
    "CAD": 5,
    "CHF": 5,
    "CZK": 100,
    "DKK": 50,
    "HKD": 10,
    "HUF": 500,
    "ILS": 10,
    "MYR": 5,
    "NOK": 100,
    "NZD": 10,
    "SEK": 100,
    "SGD": 5,
    "TWD": 100,
    "ZAR": 10,
}

# Euro countries that round the total of a cash payment to five cents, by law or by agreement.
_FIVE_CENT_COUNTRIES = frozenset({"BE", "EE", "FI", "IE", "IT", "LT", "NL", "SK"})


def cash_step_minor(currency: str, country: str | None = None) -> int:
    """The smallest step of a cash payment, in minor units; 1 where every minor unit can be paid.

    `country` (ISO 3166-1 alpha-2) matters for the euro, whose small coins some countries no longer use. Raises
    UnknownCurrency.
    """
    exponent_of(currency)
    if currency == "EUR" and country in _FIVE_CENT_COUNTRIES:
        return 5
    return _STEPS.get(currency, 1)


def round_to_step(money: Money, step_minor: int, rounding: Rounding = Rounding.HALF_UP) -> Money:
    """The nearest multiple of a step. Raises ValueError for a step below one."""
    if step_minor < 1:
        raise ValueError(f"a step is at least one minor unit, not {step_minor}")
    return Money(round_fraction(Fraction(money.minor, step_minor), rounding) * step_minor, money.currency)


def round_to_cash(money: Money, country: str | None = None, rounding: Rounding = Rounding.HALF_UP) -> Money:
    """What is paid in cash for the amount; the difference to it is posted as a rounding, never dropped."""
    return round_to_step(money, cash_step_minor(money.currency, country), rounding)
