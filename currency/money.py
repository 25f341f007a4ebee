"""Money: an integer of minor units and an ISO 4217 currency, and the few sums that are done with it. No floats."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import assert_never

from currency.currencies import exponent_of

_DECIMAL_TEXT = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?")
_BASIS_POINTS_IN_ONE = 10_000


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies met where only one currency makes sense."""


class InvalidAmount(ValueError):
    """A text is no plain decimal number, or has more decimals than its currency."""


class Rounding(StrEnum):
    """What happens to the part of a minor unit. All but the last two mirror negative amounts on positive ones."""

    HALF_UP = "half_up"  # a half goes away from zero: the rule of invoices and of gateway fees
    HALF_EVEN = "half_even"  # a half goes to the even neighbour
    HALF_DOWN = "half_down"  # a half goes towards zero
    DOWN = "down"  # towards zero
    UP = "up"  # away from zero
    FLOOR = "floor"  # towards minus infinity
    CEILING = "ceiling"  # towards plus infinity


@dataclass(frozen=True, slots=True)
class Money:
    """`minor` is in the smallest unit of `currency` by ISO 4217 (cents for EUR, yen for JPY, fils for KWD).

    Raises TypeError for anything but an int (a bool is not one), UnknownCurrency for a code outside ISO 4217.
    """

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor must be an int of minor units, not {type(self.minor).__name__}")
        exponent_of(self.currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        """No money, in that currency. Raises UnknownCurrency."""
        return cls(0, currency)

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self._same(other)

    def _same(self, other: Money) -> int:
        if not isinstance(other, Money):
            raise TypeError(f"cannot combine Money with {type(other).__name__}")
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} do not mix")
        return other.minor


def parse_major(text: str, currency: str) -> Money:
    """Read `"12.34"` exactly: ASCII digits, `.` before the decimals, an optional leading `-`, no grouping, no exponent.

    Zeros beyond the currency's decimals are fine (`"100.00"` JPY is 100 yen: reports are written so), other digits are
    not. Raises InvalidAmount, UnknownCurrency.
    """
    exponent = exponent_of(currency)
    if _DECIMAL_TEXT.fullmatch(text) is None:
        raise InvalidAmount(f"{text[:40]!r} is not a plain decimal number")
    whole, _, decimals = text.partition(".")
    if decimals[exponent:].strip("0"):
        raise InvalidAmount(f"{text} has more decimals than {currency} ({exponent})")
    return Money(int(whole + decimals[:exponent].ljust(exponent, "0")), currency)


def to_major(money: Money) -> Decimal:
    """The amount in major units with all the decimals of its currency: 1200 EUR cents are `Decimal("12.00")`."""
    digits = tuple(int(digit) for digit in str(abs(money.minor)))
    return Decimal((1 if money.minor < 0 else 0, digits, -exponent_of(money.currency)))


def percent(money: Money, rate: int | Decimal, rounding: Rounding = Rounding.HALF_UP) -> Money:
    """A share of an amount, rounded once to the minor unit.

    An int `rate` is in basis points (1900 is 19 %), a Decimal is a fraction of one (`Decimal("0.19")` is 19 %).
    Raises TypeError for any other rate, ValueError for a rate that is not finite.
    """
    if type(rate) is int:
        share = Fraction(rate, _BASIS_POINTS_IN_ONE)
    elif isinstance(rate, Decimal):
        share = _exact(rate)
    else:
        raise TypeError(f"a rate is an int of basis points or a Decimal, not {type(rate).__name__}")
    return Money(round_fraction(money.minor * share, rounding), money.currency)


def allocate(money: Money, weights: Sequence[int | Decimal]) -> list[Money]:
    """Split an amount by weights, in the order of the weights; the parts always sum to the whole.

    Largest remainder: each part is first rounded towards zero, then the units left over go, one each, to the parts that
    lost most; among equals, to the earlier one. Raises ValueError for no weights, a negative one, or a sum of zero.
    """
    shares = [_exact(weight) for weight in weights]
    total = sum(shares, Fraction(0))
    if total <= 0 or any(share < 0 for share in shares):
        raise ValueError("weights must be at least zero and sum to more than zero")
    sign = -1 if money.minor < 0 else 1
    quotas = [abs(money.minor) * share / total for share in shares]
    parts = [int(quota) for quota in quotas]
    by_loss = sorted(range(len(parts)), key=lambda index: (parts[index] - quotas[index], index))
    for index in by_loss[: abs(money.minor) - sum(parts)]:
        parts[index] += 1
    return [Money(sign * part, money.currency) for part in parts]


def round_fraction(value: Fraction, rounding: Rounding = Rounding.HALF_UP) -> int:
    """A whole number of minor units for an exact value."""
    sign = -1 if value < 0 else 1
    whole, rest = divmod(abs(value), 1)
    half = Fraction(1, 2)
    match rounding:
        case Rounding.HALF_UP:
            up = rest >= half
        case Rounding.HALF_EVEN:
            up = rest > half or (rest == half and whole % 2 == 1)
        case Rounding.HALF_DOWN:
            up = rest > half
        case Rounding.DOWN:
            up = False
        case Rounding.UP:
            up = rest > 0
        case Rounding.FLOOR:
            up = rest > 0 and sign < 0
        case Rounding.CEILING:
            up = rest > 0 and sign > 0
        case _:
            assert_never(rounding)
    return sign * (int(whole) + up)


def _exact(number: int | Decimal) -> Fraction:
    if type(number) is not int and not isinstance(number, Decimal):
        raise TypeError(f"expected an int or a Decimal, not {type(number).__name__}")
    if isinstance(number, Decimal) and not number.is_finite():
        raise ValueError(f"{number} is not a finite number")
    return Fraction(number)
