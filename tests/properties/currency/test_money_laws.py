"""Laws of money: nothing is lost in splitting, writing or reading."""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from babel.numbers import get_decimal_symbol
from hypothesis import given
from hypothesis import strategies as st

from currency.currencies import EXPONENTS, exponent_of
from currency.exponents import (
    ENCODINGS,
    AmountNotRepresentable,
    Notation,
    from_gateway_decimal,
    from_gateway_minor,
    to_gateway_decimal,
    to_gateway_minor,
)
from currency.formatting import format_money, locale_of
from currency.money import Money, Rounding, allocate, parse_major, percent, round_fraction, to_major

minors = st.integers(-(10**18), 10**18)
currencies = st.sampled_from(sorted(EXPONENTS))
moneys = st.builds(Money, minors, currencies)
weights = st.lists(st.integers(0, 10**6) | st.decimals(0, 1000, places=4), min_size=1, max_size=12).filter(any)


@given(moneys, weights)
def test_the_parts_of_an_allocation_sum_to_the_whole(money: Money, shares: list[int | Decimal]) -> None:
    assert sum(allocate(money, shares), Money.zero(money.currency)) == money


@given(moneys, weights)
def test_a_part_is_within_one_unit_of_its_exact_share(money: Money, shares: list[int | Decimal]) -> None:
    total = sum(Decimal(share) for share in shares)
    for part, share in zip(allocate(money, shares), shares, strict=True):
        assert abs(part.minor * total - money.minor * Decimal(share)) <= total


@given(moneys, st.integers(1, 10))
def test_equal_weights_give_parts_that_differ_by_one_unit_at_most(money: Money, count: int) -> None:
    parts = [part.minor for part in allocate(money, [1] * count)]
    assert max(parts) - min(parts) <= 1


MIRRORED = sorted(set(Rounding) - {Rounding.FLOOR, Rounding.CEILING})


@given(moneys, st.integers(0, 20_000), st.sampled_from(MIRRORED))
def test_a_percentage_of_a_negative_amount_mirrors_the_positive(money: Money, bps: int, rounding: Rounding) -> None:
    assert percent(-money, bps, rounding) == -percent(money, bps, rounding)


@given(moneys, st.integers(0, 20_000))
def test_floor_and_ceiling_are_each_others_mirror(money: Money, bps: int) -> None:
    assert percent(-money, bps, Rounding.FLOOR) == -percent(money, bps, Rounding.CEILING)


@given(st.fractions(-1000, 1000), st.sampled_from(list(Rounding)))
def test_rounding_agrees_with_the_decimal_module(value: Fraction, rounding: Rounding) -> None:
    with localcontext(prec=200):
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        expected = exact.quantize(Decimal(1), rounding=f"ROUND_{rounding.value.upper()}")
    assert round_fraction(value, rounding) == int(expected)


@given(moneys)
def test_what_is_written_in_major_units_reads_back(money: Money) -> None:
    assert parse_major(format(to_major(money), "f"), money.currency) == money


@given(moneys, st.sampled_from(sorted(ENCODINGS)))
def test_an_amount_survives_the_way_to_a_gateway_and_back(money: Money, gateway: str) -> None:
    try:
        if ENCODINGS[gateway].notation is Notation.MINOR:
            back = from_gateway_minor(to_gateway_minor(money, gateway), money.currency, gateway)
        else:
            back = from_gateway_decimal(to_gateway_decimal(money, gateway), money.currency, gateway)
    except AmountNotRepresentable:
        return
    assert back == money


@given(minors, st.sampled_from(["EUR", "USD", "GBP", "CHF"]), st.sampled_from(["stripe", "adyen"]))
def test_an_ordinary_amount_is_the_same_number_at_every_gateway(minor: int, currency: str, gateway: str) -> None:
    assert to_gateway_minor(Money(minor, currency), gateway) == minor


@pytest.mark.parametrize("locale", ["en", "de", "fr", "ja", "ar", "he", "fa", "ur", "hi", "de-CH", "pt-BR"])
@given(money=st.builds(Money, st.integers(0, 10**15), currencies))
def test_a_printed_amount_keeps_every_minor_unit(locale: str, money: Money) -> None:
    symbol = get_decimal_symbol(locale_of(locale))
    exponent = exponent_of(money.currency)
    text = "".join(char for char in format_money(money, locale) if char.isascii() and char.isdigit())
    assert int(text) == money.minor
    assert not exponent or symbol in format_money(money, locale)
