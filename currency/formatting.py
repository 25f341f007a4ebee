"""Amounts and dates as people of a locale write them: the decimals by ISO 4217, the rest by CLDR through Babel."""

from __future__ import annotations

import copy
from datetime import date
from enum import StrEnum
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date as _babel_format_date
from babel.numbers import NumberPattern

from currency.currencies import exponent_of
from currency.money import Money, to_major

_RIGHT_TO_LEFT_MARK = "\u200f"
_LEFT_TO_RIGHT_MARK = "\u200e"


class UnknownLocale(ValueError):
    """Not a locale that CLDR knows."""


class DateLength(StrEnum):
    """CLDR's four ways to write a date, from `1/2/26` to `Friday, January 2, 2026`."""

    SHORT = "short"
    MEDIUM = "medium"
    LONG = "long"
    FULL = "full"


def format_money(money: Money, locale: str) -> str:
    """`Money(123456, "EUR")` is `1.234,56\u00a0€` in `de` and `€1,234.56` in `en-US`.

    CLDR would print RSD, IQD, MGA and a dozen others without their minor units (reference: Babel 2.18, `RSD1,235` for
    1234.56), so the number of decimals is set to the ISO exponent. The digits are western in every locale (Babel's
    default): what an invoice prints is typed into a bank's form, which takes no others. Raises UnknownLocale.
    """
    known = locale_of(locale)
    pattern = _pattern(locale, exponent_of(money.currency))
    text = pattern.apply(to_major(money), known, currency=money.currency, currency_digits=False)
    return _with_direction(text, known)


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
def _pattern(tag: str, exponent: int) -> NumberPattern:
    pattern: NumberPattern = copy.copy(locale_of(tag).currency_formats["standard"])
    pattern.frac_prec = (exponent, exponent)
    return pattern


def _with_direction(text: str, locale: Locale) -> str:
    """Keep sign and figures of right-to-left locales together.

    Without a strong mark in front, a minus takes the paragraph's direction and is drawn at the far end of its number
    (UAX 9, rules N1 and N2). Arabic and Hebrew patterns bring a mark for the amount as a whole, others (fa, ur) none.
    """
    if locale.text_direction != "rtl":
        return text
    if text.startswith((_RIGHT_TO_LEFT_MARK, _LEFT_TO_RIGHT_MARK)):
        return text.replace("-", f"{_LEFT_TO_RIGHT_MARK}-", 1)
    return _LEFT_TO_RIGHT_MARK + text
