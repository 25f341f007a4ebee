"""Amounts and dates as the reader's locale writes them."""

import contextlib
import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from currency.formatting import DateLength, Digits, Style, UnknownLocale, format_date, format_money, parse_money
from currency.money import InvalidAmount, Money


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


@pytest.mark.parametrize(
    ("money", "locale", "text"),
    [
        (Money(1200, "CHF"), "en-US", "CHF\u00a012.00"),
        (Money(-1200, "CHF"), "en-US", "-CHF\u00a012.00"),
        (Money(1200, "USD"), "es-MX", "USD\u00a012.00"),
        (Money(1200, "USD"), "en-CA", "US$12.00"),
        (Money(1200, "EUR"), "de", "12,00\u00a0€"),
        (Money(1200, "ZAR"), "en-ZA", "R\u00a012,00"),
    ],
)
def test_a_symbol_of_letters_stands_apart_from_the_figures(money: Money, locale: str, text: str) -> None:
    assert format_money(money, locale) == text


@pytest.mark.parametrize(
    ("locale", "minor", "text"),
    [
        ("ar", 123456, "\u200f1,234.56\xa0US$\u200e"),  # else drawn as $US
        ("ar", -123456, "\u200f\u200e-1,234.56\u200f\xa0US$\u200e"),  # else drawn as $-1,234.56 US
        ("he", -123456, "\u200f\u200e-1,234.56\u200f\xa0\u200f$"),
    ],
)
def test_a_symbol_of_two_directions_stays_whole_and_beside_its_figures(locale: str, minor: int, text: str) -> None:
    assert format_money(Money(minor, "USD"), locale) == text


@pytest.mark.parametrize(
    ("money", "locale", "style", "text"),
    [
        (Money(-123456, "EUR"), "en-US", Style.ACCOUNTING, "(€1,234.56)"),
        (Money(123456, "EUR"), "en-US", Style.CODE, "EUR\u00a01,234.56"),
        (Money(123456, "EUR"), "de", Style.CODE, "1.234,56\u00a0EUR"),
    ],
)
def test_an_amount_is_set_in_the_style_that_is_asked_for(money: Money, locale: str, style: Style, text: str) -> None:
    assert format_money(money, locale, style) == text


@pytest.mark.parametrize(
    ("locale", "figures"), [("ar-EG", "١٬٢٣٤٫٥٦"), ("fa", "۱٬۲۳۴٫۵۶"), ("bn", "১,২৩৪.৫৬"), ("mr", "१,२३४.५६")]
)
def test_a_locales_own_digits_are_used_where_they_are_asked_for(locale: str, figures: str) -> None:
    assert figures in format_money(Money(123456, "EUR"), locale, digits=Digits.LOCALE)
    assert figures not in format_money(Money(123456, "EUR"), locale)


@pytest.mark.parametrize("style", list(Style))
@pytest.mark.parametrize("digits", list(Digits))
@pytest.mark.parametrize(
    "locale", ["de", "en-US", "en-IN", "fr", "ar-EG", "fa", "he", "bn", "ja", "hi-IN", "sv", "pt-BR"]
)
@pytest.mark.parametrize("money", [Money(123456, "EUR"), Money(-5, "USD"), Money(1234567, "KWD"), Money(-98765, "JPY")])
def test_what_is_written_for_people_is_read_back(money: Money, locale: str, digits: Digits, style: Style) -> None:
    assert parse_money(format_money(money, locale, style, digits), money.currency, locale) == money


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("1.50", "de"),
        ("1 234,56", "de"),
        ("12,34,567", "en-US"),
        ("", "en"),
        ("12e3", "en"),
        ("1.234", "en-US"),
        ("١٢x", "ar-EG"),
        ("1_000", "en"),  # Python would take it
        ("١٢3", "ar-EG"),  # two kinds of digits
        ("๑๒", "th"),  # nobody's default: not guessed
        ("1234 567,00", "fr"),
        ("12 34,00", "fr"),
        (" ", "fr"),
        ("1 234.00", "en"),
        ("5-", "en"),
        ("(-5)", "en"),
        ("$$5", "en"),
        ("9" * 5_000, "en"),
    ],
)
def test_what_could_be_misread_is_refused(text: str, locale: str) -> None:
    with pytest.raises(InvalidAmount):
        parse_money(text, "EUR", locale)


@pytest.mark.parametrize(
    ("text", "currency", "locale", "minor"),
    [
        ("1 234,56", "EUR", "fr", 123456),  # the space bar
        ("1\u00a0234,56 €", "EUR", "fr", 123456),  # what was CLDR's before it took the narrow space
        ("1\u202f234\u202f567,00", "EUR", "fr", 123456700),
        ("1 234,56", "SEK", "sv", 123456),
        ("1'234.50", "CHF", "de-CH", 123450),  # the key that a Swiss keyboard has
        ("１，２３４", "JPY", "ja", 1234),
        ("５.００", "EUR", "ja", 500),
        ("12,34,567.89", "INR", "hi", 123456789),
        ("1.234", "KWD", "en", 1234),
        ("12,3456", "CLF", "es-CL", 123456),
        ("(1.234,50)", "EUR", "de", -123450),
    ],
)
def test_an_amount_is_read_as_people_type_it(text: str, currency: str, locale: str, minor: int) -> None:
    assert parse_money(text, currency, locale) == Money(minor, currency)


@pytest.mark.parametrize("locale", ["en", "de", "ar-EG", "fa", "hi", "ja"])
@pytest.mark.parametrize("style", list(Style))
def test_an_amount_larger_than_any_column_is_still_written_to_the_unit(locale: str, style: Style) -> None:
    huge = Money(-(10**40) - 7, "UYW")
    figures = "".join(char for char in format_money(huge, locale, style) if char.isdigit())
    assert int(figures) == 10**40 + 7


@given(st.text(max_size=12), st.sampled_from(["en", "de", "fr", "ar-EG", "fa", "hi", "ja", "de-CH"]))
def test_no_text_at_all_breaks_the_reading(text: str, locale: str) -> None:
    with contextlib.suppress(InvalidAmount):
        assert parse_money(text, "EUR", locale).currency == "EUR"


@given(
    st.text(st.sampled_from("0123456789.,'’ \u00a0\u202f_-+()٠١٢٣٫٬۴５，"), max_size=14),
    st.sampled_from(["en", "de", "fr", "ar-EG", "fa", "hi", "ja", "de-CH"]),
)
def test_what_is_read_is_what_the_figures_say(text: str, locale: str) -> None:
    """Whatever the separators: no figure is dropped or moved by anything but the point."""
    try:
        money = parse_money(text, "EUR", locale)
    except InvalidAmount:
        return
    figures = "".join(str(unicodedata.digit(char)) for char in text if char.isdigit())
    assert str(abs(money.minor)).strip("0") == figures.strip("0")
