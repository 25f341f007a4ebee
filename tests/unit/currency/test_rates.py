"""Which rate counts on a day, and what it makes of an amount."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from currency.money import CurrencyMismatch, Money, Rounding
from currency.rates import (
    CurrencyEnded,
    PairTable,
    PivotTable,
    Publication,
    Rate,
    RateBook,
    RateStale,
    RateUnavailable,
    RateUnknown,
    convert,
)

FRIDAY, SATURDAY, MONDAY = date(2026, 10, 30), date(2026, 10, 31), date(2026, 11, 2)


def bank(**kwargs: object) -> PivotTable:
    rows = [
        (date(2026, 10, 29), {"USD": Decimal("1.1130"), "GBP": Decimal("0.83578"), "ISK": Decimal("135.8")}),
        (FRIDAY, {"USD": Decimal("1.1172"), "GBP": Decimal("0.8338")}),
        (MONDAY, {"USD": Decimal("1.1200"), "GBP": Decimal("0.8300"), "JPY": Decimal("175.68")}),
    ]
    ended = {"HRK": (date(2022, 12, 30), "Croatia took the euro")}
    return PivotTable("bank", "EUR", [*rows, (date(2022, 12, 30), {"HRK": Decimal("7.5365")})], ended=ended, **kwargs)  # type: ignore[arg-type]


def test_a_day_without_publication_has_the_rate_of_the_one_before() -> None:
    rate = bank().rate("EUR", "USD", SATURDAY)
    assert (rate.on, str(rate), rate.source) == (FRIDAY, "1.1172", "bank")


def test_the_oss_return_takes_the_publication_after() -> None:
    assert bank().rate("EUR", "USD", SATURDAY, Publication.NEXT).on == MONDAY


def test_a_cross_rate_is_not_rounded_in_the_middle() -> None:
    rate = bank().rate("USD", "GBP", FRIDAY)
    assert rate.value == rate.inverse().value ** -1
    assert convert(Money(10_000_000_000, "USD"), rate) == Money(7_463_301_110, "GBP")  # 0.8338 / 1.1172, once rounded


def test_both_sides_of_a_cross_rate_are_of_one_day() -> None:
    assert bank().rate("ISK", "USD", FRIDAY).on == date(2026, 10, 29)
    assert bank().rate("EUR", "EUR", FRIDAY).value == 1


@pytest.mark.parametrize(
    ("base", "quote", "day", "error", "words"),
    [
        ("EUR", "XAF", FRIDAY, RateUnknown, "does not publish XAF"),
        ("EUR", "USD", date(2020, 1, 1), RateUnknown, "on or before 2020-01-01"),
        ("EUR", "JPY", SATURDAY, RateUnknown, "on or before"),
        ("EUR", "USD", date(2026, 11, 23), RateStale, "import newer rates"),
        ("EUR", "ISK", date(2026, 11, 7), RateStale, "paused"),
        ("HRK", "EUR", date(2023, 1, 1), CurrencyEnded, "took the euro"),
    ],
)
def test_a_rate_that_may_not_be_used_is_an_error_of_its_own_kind(
    base: str, quote: str, day: date, error: type[RateUnavailable], words: str
) -> None:
    with pytest.raises(error, match=words):
        bank().rate(base, quote, day)


def test_a_pause_of_long_ago_does_not_ask_for_newer_rates() -> None:
    days = [date(2008, 12, 9) + timedelta(days=it) for it in range(700)]
    rows = [(day, {"USD": Decimal(1)} | ({"ISK": Decimal(290)} if day == days[0] else {})) for day in days]
    table = PivotTable("bank", "EUR", [*rows, (date(2026, 10, 30), {"USD": Decimal(1), "ISK": Decimal(140)})])
    with pytest.raises(RateStale, match="paused"):
        table.rate("ISK", "EUR", date(2010, 1, 1))
    with pytest.raises(RateStale, match="import newer"):
        table.rate("USD", "EUR", date(2026, 11, 30))


def test_an_ended_currency_still_has_its_rates_of_then() -> None:
    assert bank().rate("EUR", "HRK", date(2022, 12, 31 - 1)).quote_units == Decimal("7.5365")


def test_the_staleness_limit_is_the_callers() -> None:
    assert bank(max_age_days=30).rate("EUR", "USD", date(2026, 11, 23)).on == MONDAY


def test_a_conversion_changes_the_exponent_with_the_currency() -> None:
    yen = Rate("EUR", "JPY", Decimal(1), Decimal("175.68"), MONDAY, "bank")
    assert convert(Money(1000, "EUR"), yen) == Money(1757, "JPY")
    assert convert(Money(1000, "EUR"), yen, Rounding.DOWN) == Money(1756, "JPY")
    dinar = Rate("EUR", "KWD", Decimal(1), Decimal("0.34"), MONDAY, "hand")
    assert convert(Money(1000, "EUR"), dinar) == Money(3400, "KWD")


def test_money_of_another_currency_is_not_converted() -> None:
    with pytest.raises(CurrencyMismatch):
        convert(Money(1, "USD"), bank().rate("EUR", "USD", FRIDAY))


def test_a_markup_makes_the_quote_dearer_and_has_a_direction() -> None:
    rate = bank().rate("EUR", "USD", FRIDAY).with_markup(200)
    assert convert(Money(10_000, "EUR"), rate) == Money(11_395, "USD")
    with pytest.raises(ValueError, match="no inverse"):
        rate.inverse()


def test_a_frozen_rate_gives_the_same_sum_again() -> None:
    rate = bank().rate("USD", "GBP", FRIDAY).with_markup(35)
    assert Rate.thaw(rate.freeze()) == rate


@pytest.mark.parametrize("units", ["0", "-1", "NaN", "Infinity"])
def test_a_rate_is_above_zero(units: str) -> None:
    with pytest.raises(ValueError, match="above zero"):
        Rate("EUR", "USD", Decimal(1), Decimal(units), FRIDAY, "hand")


def test_rates_by_hand_hold_until_the_next_and_both_ways() -> None:
    table = PairTable(
        "hand",
        [
            Rate("EUR", "USD", Decimal(1), Decimal(number), day, "hand")
            for day, number in [(date(2026, 1, 1), "1.10"), (date(2026, 6, 1), "1.20")]
        ],
    )
    assert str(table.rate("EUR", "USD", date(2026, 5, 31))) == "1.1"
    assert table.rate("USD", "EUR", FRIDAY).base_units == Decimal("1.20")
    with pytest.raises(RateUnknown):
        table.rate("EUR", "USD", date(2025, 12, 31))
    with pytest.raises(RateStale):
        table.rate("EUR", "USD", date(2027, 7, 1))


def test_the_first_source_that_has_a_rate_counts() -> None:
    hand = PairTable("hand", [Rate("EUR", "XAF", Decimal(1), Decimal("655.957"), FRIDAY, "hand")])
    book = RateBook([hand, bank()])
    assert book.rate("EUR", "XAF", FRIDAY).source == "hand"
    assert book.rate("EUR", "USD", FRIDAY).source == "bank"
    assert book.rate("USD", "USD", FRIDAY).value == 1
    with pytest.raises(RateUnknown, match=r"hand has no rate.*bank does not publish"):
        book.rate("EUR", "XOF", FRIDAY)
    with pytest.raises(RateUnknown, match="no source"):
        RateBook([]).rate("EUR", "USD", FRIDAY)
