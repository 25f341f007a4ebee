"""Amounts and dates as people of a locale write and read them: decimals by ISO 4217, the rest by CLDR through Babel."""

from __future__ import annotations

import copy
import re
from datetime import date
from decimal import localcontext
from enum import StrEnum
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date as _babel_format_date
from babel.numbers import (
    NumberFormatError,
    NumberPattern,
    get_currency_symbol,
    get_decimal_symbol,
    get_group_symbol,
    parse_decimal,
    parse_pattern,
)

from currency.currencies import exponent_of
from currency.money import InvalidAmount, Money, parse_major, to_major

_RIGHT_TO_LEFT_MARK = "\u200f"
_LEFT_TO_RIGHT_MARK = "\u200e"
_MARKS = _RIGHT_TO_LEFT_MARK + _LEFT_TO_RIGHT_MARK + "\u061c"
# The zero of each numbering system that CLDR has as some locale's default; the nine others follow it in Unicode.
_ZEROS = {
    "adlm": 0x1E950, "arab": 0x0660, "arabext": 0x06F0, "beng": 0x09E6, "cakm": 0x11136, "deva": 0x0966,
    "hmnp": 0x1E140, "mtei": 0xABF0, "mymr": 0x1040, "nkoo": 0x07C0, "olck": 0x1C50, "rohg": 0x10D30, "tibt": 0x0F20,
}  # fmt: skip
_TO_WESTERN = {zero + value: ord("0") + value for zero in _ZEROS.values() for value in range(10)}
_FROM_FULL_WIDTH = {0xFF00 + place: 0x20 + place for place in range(1, 0x5F)}  # what Japanese keyboards type
_ASCII_DIGITS = frozenset("0123456789")
_LETTER_BESIDE_FIGURE = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
_NEGATIVE = re.compile(r"(-[\d.,\u066b\u066c]*\d)")
_MIXED_SYMBOL = re.compile(r"([A-Za-z][^\w\s]+)$")
# What keyboards have in place of a group separator of CLDR's: a space for all that are spaces, ' for a curly one.
_TYPED_FOR = {"\u202f": " \u00a0\u2009", "\u00a0": " \u202f\u2009", "\u2019": "'"}


class UnknownLocale(ValueError):
    """Not a locale that CLDR knows."""


class DateLength(StrEnum):
    """CLDR's four ways to write a date, from `1/2/26` to `Friday, January 2, 2026`."""

    SHORT = "short"
    MEDIUM = "medium"
    LONG = "long"
    FULL = "full"


class Style(StrEnum):
    """How an amount is set. ACCOUNTING puts negative ones in brackets where the locale does; CODE prints `EUR`."""

    STANDARD = "standard"
    ACCOUNTING = "accounting"
    CODE = "code"


class Digits(StrEnum):
    """WESTERN everywhere, or those that the locale itself uses (Arabic in Egypt, Bengali in Bangladesh).

    What an invoice prints is typed into a bank's form, which takes western digits only: hence the default.
    """

    WESTERN = "latn"
    LOCALE = "default"


def format_money(money: Money, locale: str, style: Style = Style.STANDARD, digits: Digits = Digits.WESTERN) -> str:
    """`Money(123456, "EUR")` is `1.234,56\u00a0€` in `de` and `€1,234.56` in `en-US`.

    CLDR would print RSD, IQD, MGA and ten others without their minor units (reference: Babel 2.18, `RSD1,235` for
    1234.56), so the number of decimals is set to the ISO exponent; a symbol of letters stands apart from the figures
    (UTS 35, currencySpacing), which Babel leaves out: `CHF 12.00`, not `CHF12.00`. Raises UnknownLocale.
    """
    known = locale_of(locale)
    pattern = _pattern(locale, exponent_of(money.currency), style)
    with localcontext() as context:
        context.prec = max(context.prec, len(str(money.minor)) + 2)  # Babel rounds to the context's figures
        text = pattern.apply(
            to_major(money), known, currency=money.currency, currency_digits=False, numbering_system=digits.value
        )
    spaced = _LETTER_BESIDE_FIGURE.sub("\u00a0", text)
    return _with_direction(spaced if digits is Digits.WESTERN else _in_digits_of(spaced, known), known)


def parse_money(text: str, currency: str, locale: str) -> Money:
    """What somebody of the locale typed: `1.234,56` in `de`, also with the currency's sign or code beside it.

    Grouping must be where the locale has it, so that `1.50` in `de` is refused and not read as 150; any space and the
    straight `'` do where the locale has one of their kind. Raises InvalidAmount, UnknownCurrency, UnknownLocale.
    """
    known = locale_of(locale)
    bare = _bare(text.translate(_FROM_FULL_WIDTH), currency, known)
    western = bare.translate(_TO_WESTERN)
    numbering = Digits.WESTERN if western == bare else Digits.LOCALE  # whose separators are meant
    try:
        figures = _only_figures(bare, western, known, numbering)
        value = parse_decimal(figures, locale=known, strict=True, numbering_system=numbering.value)
    except NumberFormatError as error:
        raise InvalidAmount(f"{text[:40]!r} is no amount as it is written in {locale}") from error
    return parse_major(format(value, "f"), currency)


def format_date(day: date, locale: str, length: DateLength = DateLength.LONG) -> str:
    """The date in words or figures of the locale. Raises UnknownLocale."""
    return _babel_format_date(day, format=length.value, locale=locale_of(locale))


@lru_cache(maxsize=256)
def locale_of(tag: str) -> Locale:
    """Babel's locale for a tag such as `de`, `de-CH` or `pt_BR`. Raises UnknownLocale."""
    try:
        return Locale.parse(tag.replace("-", "_"))
    except (UnknownLocaleError, ValueError) as error:
        raise UnknownLocale(f"{tag[:40]!r} is not a locale that CLDR knows") from error


@lru_cache(maxsize=1024)
def _pattern(tag: str, exponent: int, style: Style) -> NumberPattern:
    formats = locale_of(tag).currency_formats
    standard = formats["standard"]
    chosen = formats.get("accounting", standard) if style is Style.ACCOUNTING else standard
    # CLDR: the sign written twice in a pattern stands for the code, as in `EUR 12.00`
    raw = _spaced_code(chosen.pattern) if style is Style.CODE else chosen.pattern
    pattern: NumberPattern = copy.copy(parse_pattern(raw))
    pattern.frac_prec = (exponent, exponent)
    return pattern


def _spaced_code(pattern: str) -> str:
    """With a no-break space between code and figures, where the pattern has none (UTS 35 §4.1)."""
    before = re.sub("\u00a4(?=[#0])", "\u00a4\u00a0", pattern)
    return re.sub("(?<=[#0])\u00a4", "\u00a0\u00a4", before).replace("\u00a4", "\u00a4\u00a4")


def _in_digits_of(text: str, locale: Locale) -> str:
    zero = _ZEROS.get(locale.default_numbering_system)
    return text.translate({ord("0") + value: zero + value for value in range(10)}) if zero is not None else text


def _bare(text: str, currency: str, locale: Locale) -> str:
    """Only sign and figures: without marks of direction, the currency and the brackets of a negative amount."""
    plain = "".join(char for char in text if char not in _MARKS).replace("\u2212", "-").strip()
    for sign in (currency, get_currency_symbol(currency, locale).strip(_MARKS)):
        if sign in plain:
            plain = plain.replace(sign, "", 1)
            break
    plain = plain.strip()
    if plain.startswith("(") and plain.endswith(")"):
        plain = f"-{plain[1:-1].strip()}"
    return re.sub(r"^-\s+", "-", plain)


def _only_figures(bare: str, western: str, locale: Locale, numbering: Digits) -> str:
    """The figures with the locale's separators. Raises NumberFormatError for two kinds of digits, or for anything else.

    Python itself would take more: `1_000`, `12e3`, digits of every script.
    """
    decimal = get_decimal_symbol(locale, numbering_system=numbering.value)
    group = get_group_symbol(locale, numbering_system=numbering.value)
    figures = western.translate({ord(typed): group for typed in _TYPED_FOR.get(group, "")})
    mixed = numbering is Digits.LOCALE and not _ASCII_DIGITS.isdisjoint(bare)
    if mixed or not set(figures) <= {*_ASCII_DIGITS, *"+-", *decimal, *group}:
        raise NumberFormatError(figures)
    return figures


def _with_direction(text: str, locale: Locale) -> str:
    """Keep sign and figures of right-to-left locales together.

    Without a strong mark in front, a minus takes the paragraph's direction and is drawn at the far end of its number
    (UAX 9, rules N1 and N2). Arabic and Hebrew patterns bring a mark for the amount as a whole, others (fa, ur) none;
    beside the former a symbol such as `US$` would be torn, and drawn around the figures of a negative amount.
    """
    if locale.text_direction != "rtl":
        return text
    if text.startswith((_RIGHT_TO_LEFT_MARK, _LEFT_TO_RIGHT_MARK)):
        marked = _NEGATIVE.sub(f"{_LEFT_TO_RIGHT_MARK}\\1{_RIGHT_TO_LEFT_MARK}", text)
        return _MIXED_SYMBOL.sub(f"\\1{_LEFT_TO_RIGHT_MARK}", marked)
    return _LEFT_TO_RIGHT_MARK + text
