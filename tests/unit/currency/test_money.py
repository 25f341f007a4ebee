"""What can be done with money, and what cannot."""

from decimal import Decimal

import pytest

from currency.currencies import UnknownCurrency
from currency.money import (
    CurrencyMismatch,
    InvalidAmount,
    Money,
    Rounding,
    allocate,
    parse_major,
    percent,
    to_major,
)


@pytest.mark.parametrize("minor", [1.5, 1.0, Decimal(1), True, "1", None])
def test_only_an_int_is_a_number_of_minor_units(minor: object) -> None:
    with pytest.raises(TypeError):
        Money(minor, "EUR")  # type: ignore[arg-type]


def test_zero_of_an_unknown_currency_is_refused() -> None:
    with pytest.raises(UnknownCurrency):
        Money.zero("XXX")


def test_two_currencies_do_not_add_up() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "EUR") + Money(1, "USD")


def test_two_currencies_are_not_ordered() -> None:
    with pytest.raises(CurrencyMismatch):
        _ = Money(1, "EUR") < Money(1, "USD")


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12.34", "EUR", 1234),
        ("-0.05", "EUR", -5),
        ("12", "EUR", 1200),
        ("12.3", "EUR", 1230),
        ("100.00", "JPY", 100),
        ("1.234", "KWD", 1234),
        ("0.0001", "CLF", 1),
    ],
)
def test_a_decimal_text_is_read_exactly(text: str, currency: str, minor: int) -> None:
    assert parse_major(text, currency) == Money(minor, currency)


@pytest.mark.parametrize("text", ["", ".5", "5.", "1,00", "1e3", "+1", " 1", "1 ", "NaN", "--1", "١٢", "1_000", "1\n"])
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(InvalidAmount):
        parse_major(text, "EUR")


@pytest.mark.parametrize(("text", "currency"), [("0.001", "EUR"), ("0.5", "JPY"), ("1.2345", "KWD")])
def test_more_decimals_than_the_currency_has_are_refused(text: str, currency: str) -> None:
    with pytest.raises(InvalidAmount):
        parse_major(text, currency)


def test_major_units_keep_the_decimals_of_the_currency() -> None:
    assert [str(to_major(Money(1200, code))) for code in ("EUR", "JPY", "KWD")] == ["12.00", "1200", "1.200"]


@pytest.mark.parametrize(
    ("minor", "rounding", "expected"),
    [
        (50, Rounding.HALF_UP, 1),
        (-50, Rounding.HALF_UP, -1),
        (50, Rounding.HALF_EVEN, 0),
        (150, Rounding.HALF_EVEN, 2),
        (199, Rounding.DOWN, 1),
        (-199, Rounding.DOWN, -1),
        (49, Rounding.HALF_UP, 0),
    ],
)
def test_one_per_cent_rounds_by_the_named_mode(minor: int, rounding: Rounding, expected: int) -> None:
    assert percent(Money(minor, "EUR"), 100, rounding) == Money(expected, "EUR")


def test_a_rate_in_basis_points_and_one_as_a_fraction_mean_the_same() -> None:
    amount = Money(1999, "EUR")
    assert percent(amount, 1900) == percent(amount, Decimal("0.19")) == Money(380, "EUR")


def test_a_float_is_no_rate() -> None:
    with pytest.raises(TypeError):
        percent(Money(1, "EUR"), 0.19)  # type: ignore[arg-type]


def test_the_unit_left_over_goes_to_the_part_that_lost_most() -> None:
    assert [part.minor for part in allocate(Money(100, "EUR"), [1, 1, 1])] == [34, 33, 33]
    assert [part.minor for part in allocate(Money(10, "EUR"), [1, 2, 4])] == [1, 3, 6]
    assert [part.minor for part in allocate(Money(-100, "EUR"), [1, 1, 1])] == [-34, -33, -33]


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [2, -1]])
def test_weights_that_share_nothing_out_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        allocate(Money(100, "EUR"), weights)
