"""What holds for every conversion."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from currency.currencies import EXPONENTS, exponent_of
from currency.money import Money, Rounding
from currency.rates import PivotTable, Publication, Rate, RateUnavailable, convert

CODES = st.sampled_from(sorted(EXPONENTS))
UNITS = st.decimals(min_value=Decimal("0.00001"), max_value=Decimal(100_000), places=5, allow_nan=False)
MINOR = st.integers(min_value=-(10**14), max_value=10**14)
DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2020, 3, 1))


@given(CODES, CODES, UNITS, UNITS, MINOR, st.sampled_from(Rounding))
def test_a_conversion_is_off_by_less_than_one_minor_unit(
    base: str, quote: str, one: Decimal, other: Decimal, minor: int, rounding: Rounding
) -> None:
    rate = Rate(base, quote, one, other, date(2026, 1, 1), "test")
    exact = minor * rate.value * 10 ** exponent_of(quote) / 10 ** exponent_of(base)
    assert abs(convert(Money(minor, base), rate, rounding).minor - exact) < 1


@given(CODES, CODES, UNITS, UNITS, MINOR, MINOR)
def test_more_money_never_converts_to_less(
    base: str, quote: str, one: Decimal, other: Decimal, minor: int, more: int
) -> None:
    rate = Rate(base, quote, one, other, date(2026, 1, 1), "test")
    low, high = sorted((minor, more))
    assert convert(Money(low, base), rate) <= convert(Money(high, base), rate)


@given(CODES, CODES, UNITS, UNITS, MINOR)
def test_there_and_back_loses_less_than_the_coarser_unit(
    base: str, quote: str, one: Decimal, other: Decimal, minor: int
) -> None:
    rate = Rate(base, quote, one, other, date(2026, 1, 1), "test")
    back = convert(convert(Money(minor, base), rate), rate.inverse())
    one_quote_unit_in_base = rate.inverse().value * 10 ** exponent_of(base) / 10 ** exponent_of(quote)
    assert abs(back.minor - minor) <= one_quote_unit_in_base / 2 + 1


@given(UNITS, UNITS, st.integers(-9_999, 50_000))
def test_freezing_keeps_the_exact_rate(one: Decimal, other: Decimal, markup: int) -> None:
    rate = Rate("EUR", "USD", one, other, date(2026, 1, 1), "test", markup)
    assert Rate.thaw(rate.freeze()).value == rate.value


@given(st.dictionaries(DAYS, st.sets(st.sampled_from(["USD", "GBP", "JPY"]), min_size=1), min_size=1), DAYS)
def test_the_day_of_a_rate_is_the_nearest_on_which_both_were_published(
    published: dict[date, set[str]], day: date
) -> None:
    table = PivotTable(
        "test", "EUR", [(on, dict.fromkeys(codes, Decimal(2))) for on, codes in published.items()], max_age_days=60
    )
    both = [on for on, codes in published.items() if {"USD", "GBP"} <= codes]
    for publication, near in (
        (Publication.PREVIOUS, max((on for on in both if on <= day), default=None)),
        (Publication.NEXT, min((on for on in both if on >= day), default=None)),
    ):
        try:
            found: date | None = table.rate("USD", "GBP", day, publication).on
        except RateUnavailable:
            found = None
        assert found == near
