"""What can be paid in cash."""

import pytest

from currency.cash import cash_step_minor, round_to_cash, round_to_step
from currency.currencies import UnknownCurrency
from currency.money import Money, Rounding


@pytest.mark.parametrize(
    ("money", "country", "paid"),
    [
        (Money(1222, "CHF"), None, 1220),
        (Money(1223, "CHF"), None, 1225),
        (Money(-1223, "CHF"), None, -1225),
        (Money(149, "SEK"), None, 100),
        (Money(150, "SEK"), None, 200),
        (Money(24_999, "HUF"), None, 25_000),
        (Money(1002, "EUR"), "DE", 1002),
        (Money(1002, "EUR"), "NL", 1000),
        (Money(1003, "EUR"), "FI", 1005),
        (Money(7, "JPY"), None, 7),
    ],
)
def test_a_cash_total_is_rounded_to_the_smallest_coin(money: Money, country: str | None, paid: int) -> None:
    assert round_to_cash(money, country) == Money(paid, money.currency)


def test_the_rounding_is_named() -> None:
    assert round_to_step(Money(1224, "CHF"), 5, Rounding.DOWN).minor == 1220
    assert round_to_step(Money(1221, "CHF"), 5, Rounding.CEILING).minor == 1225


def test_a_step_is_at_least_one_unit() -> None:
    with pytest.raises(ValueError, match="at least one"):
        round_to_step(Money(1, "CHF"), 0)


def test_an_unknown_currency_has_no_step() -> None:
    with pytest.raises(UnknownCurrency):
        cash_step_minor("XXX")
