"""How an invoice number looks, and which counter counts it. The counter is a row that the store locks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from string import Formatter
from typing import NamedTuple

from invoicing.errors import InvalidPattern

MAX_NUMBER_LENGTH = 40
MAX_SERIES_LENGTH = 40
_LITERAL = re.compile(r"[A-Za-z0-9/_.-]*")
_FIELDS = {"year": re.compile(r""), "month": re.compile(r""), "seq": re.compile(r"(0[1-9])?")}


class Reset(StrEnum):
    """When a series starts again at 1. Each period then has a counter of its own, gap-free in itself."""

    NEVER = "never"
    YEARLY = "yearly"
    MONTHLY = "monthly"


# What the pattern must show, so that two periods never give the same number.
_NEEDED: Mapping[Reset, frozenset[str]] = {
    Reset.NEVER: frozenset(),
    Reset.YEARLY: frozenset({"year"}),
    Reset.MONTHLY: frozenset({"year", "month"}),
}


class Counter(NamedTuple):
    """The series and pattern under which a period is counted: a series of numbers like any other to the store."""

    series: str
    pattern: str


def format_number(pattern: str, *, issue_date: date, seq: int) -> str:
    """The number that `pattern` gives, for instance `INV-{year}-{seq:05}` -> `INV-2026-00042`.

    The sequence is that of the counter: see `counter_of` for one that starts again. Raises InvalidPattern.
    """
    check_pattern(pattern)
    # The format strings are known to be harmless by now: three names, no attributes, no conversions.
    number = pattern.format(year=f"{issue_date.year:04}", month=f"{issue_date.month:02}", seq=seq)
    if len(number) > MAX_NUMBER_LENGTH:
        raise InvalidPattern("pattern", f"gives numbers of more than {MAX_NUMBER_LENGTH} characters")
    return number


def check_pattern(pattern: str, reset: Reset = Reset.NEVER) -> None:
    """Raises InvalidPattern unless `{seq}` or `{seq:0N}` occurs once, beside `{year}`, `{month}`, `[A-Za-z0-9/_.-]`,
    and, where the series starts again, what tells its periods apart."""
    parts = _parsed(pattern)
    names = {name for _, name, _ in parts if name is not None}
    for literal, name, spec in parts:
        if not _LITERAL.fullmatch(literal):
            raise InvalidPattern("pattern", "may have letters, digits and / _ . - only, beside the fields")
        if name is not None and (name not in _FIELDS or not _FIELDS[name].fullmatch(spec)):
            raise InvalidPattern(
                "pattern", f"cannot use the field {name!r} like this; there are year, month, seq, seq:05"
            )
    if [name for _, name, _ in parts].count("seq") != 1:
        raise InvalidPattern("pattern", "must have {seq} exactly once")
    if len(pattern) > MAX_NUMBER_LENGTH:
        raise InvalidPattern("pattern", f"must have at most {MAX_NUMBER_LENGTH} characters")
    missing = sorted(_NEEDED[reset] - names)
    if missing:
        wanted = " and ".join(f"{{{name}}}" for name in missing)
        raise InvalidPattern("pattern", f"must have {wanted}, or its numbers would repeat; add it, or never reset")


def counter_of(series: str, pattern: str, reset: Reset, issue_date: date) -> Counter:
    """The counter of the day: the series itself, or one for its year or month, with the period written out.

    `invoice`, `INV-{year}-{seq:05}`, yearly, in 2026 -> `invoice:2026`, `INV-2026-{seq:05}`. To the store it is a
    series like any other, opened on its first use, gap-free by the same row lock, and its numbers never meet those of
    another period. Raises InvalidPattern.
    """
    check_pattern(pattern, reset)
    if reset is Reset.NEVER:
        return Counter(series, pattern)
    year, month = f"{issue_date.year:04}", f"{issue_date.month:02}"
    written = pattern.replace("{year}", year)
    period = year
    if reset is Reset.MONTHLY:
        written, period = written.replace("{month}", month), f"{year}-{month}"
    counter = Counter(f"{series}:{period}", written)
    if len(counter.series) > MAX_SERIES_LENGTH:
        longest = MAX_SERIES_LENGTH - len(period) - 1
        raise InvalidPattern("series", f"must have at most {longest} characters where it starts again {reset}")
    return counter


def _parsed(pattern: str) -> list[tuple[str, str | None, str]]:
    try:
        parts = list(Formatter().parse(pattern))
    except ValueError as broken:
        raise InvalidPattern("pattern", f"is malformed: {broken}") from None
    for _, name, _, conversion in parts:
        if conversion:
            raise InvalidPattern(
                "pattern", f"cannot use the field {name!r} like this; there are year, month, seq, seq:05"
            )
    return [(literal, name, spec or "") for literal, name, spec, _ in parts]
