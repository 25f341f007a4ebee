"""Amounts and dates as the reader's locale writes them."""

from datetime import date

import pytest

from currency.formatting import DateLength, UnknownLocale, format_date, format_money
from currency.money import Money


@pytest.mark.parametrize(
    ("money", "locale", "text"),
    [
        (Money(123456, "EUR"), "de", "1.234,56\u00a0€"),
        (Money(123456, "EUR"), "en-US", "€1,234.56"),
        (Money(123456, "EUR"), "fr_FR", "1\u202f234,56\u00a0€"),
        (Money(-123456, "CHF"), "de-CH", "CHF-1’234.56"),
        (Money(1234, "JPY"), "ja", "￥1,234"),
        (Money(12345678, "INR"), "hi-IN", "₹1,23,456.78"),
    ],
)
def test_an_amount_is_written_as_the_locale_does(money: Money, locale: str, text: str) -> None:
    assert format_money(money, locale) == text


@pytest.mark.parametrize(
    ("money", "ending"),
    [(Money(123456, "RSD"), "1,234.56"), (Money(1234567, "IQD"), "1,234.567"), (Money(123456, "MGA"), "1,234.56")],
)
def test_minor_units_that_cldr_leaves_out_are_printed(money: Money, ending: str) -> None:
    assert format_money(money, "en-US").endswith(ending)


@pytest.mark.parametrize("locale", ["ar-AE", "he", "fa", "ur"])
def test_a_right_to_left_amount_begins_with_a_direction_mark(locale: str) -> None:
    assert format_money(Money(-123456, "EUR"), locale)[0] in "\u200e\u200f"


def test_a_left_to_right_amount_carries_no_mark() -> None:
    assert not set("\u200e\u200f") & set(format_money(Money(-5, "EUR"), "de"))


def test_a_date_is_written_as_the_locale_does() -> None:
    assert format_date(date(2026, 1, 2), "de") == "2. Januar 2026"
    assert format_date(date(2026, 1, 2), "en-US", DateLength.SHORT) == "1/2/26"


@pytest.mark.parametrize("tag", ["", "xx", "german", "../../etc"])
def test_a_locale_that_nobody_speaks_is_refused(tag: str) -> None:
    with pytest.raises(UnknownLocale):
        format_money(Money(1, "EUR"), tag)


@pytest.mark.parametrize("locale", ["ar", "he", "fa", "ur"])
def test_a_minus_stays_in_front_of_its_figures_in_right_to_left_text(locale: str) -> None:
    text = format_money(Money(-50500, "KWD"), locale)
    assert text[text.index("-") - 1] == "\u200e"
