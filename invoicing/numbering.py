"""How an invoice number looks. Which number is next is kept in a row that the store locks."""

from __future__ import annotations

import re
from datetime import date
from string import Formatter

from invoicing.errors import InvalidPattern

MAX_NUMBER_LENGTH = 40
_LITERAL = re.compile(r"[A-Za-z0-9/_.-]*")
_FIELDS = {"year": re.compile(r""), "month": re.compile(r""), "seq": re.compile(r"(0[1-9])?")}


def format_number(pattern: str, *, issue_date: date, seq: int) -> str:
    """The number that `pattern` gives, for instance `INV-{year}-{seq:05}` -> `INV-2026-00042`.

    The sequence does not start again with the year: it is gap-free over the life of the series. Raises InvalidPattern.
    """
    check_pattern(pattern)
    # The format strings are known to be harmless by now: three names, no attributes, no conversions.
    number = pattern.format(year=f"{issue_date.year:04}", month=f"{issue_date.month:02}", seq=seq)
    if len(number) > MAX_NUMBER_LENGTH:
        raise InvalidPattern("pattern", f"gives numbers of more than {MAX_NUMBER_LENGTH} characters")
    return number


def check_pattern(pattern: str) -> None:
    """Raises InvalidPattern unless `{seq}` or `{seq:0N}` occurs once, beside `{year}`, `{month}`, `[A-Za-z0-9/_.-]`."""
    try:
        parts = list(Formatter().parse(pattern))
    except ValueError as broken:
        raise InvalidPattern("pattern", f"is malformed: {broken}") from None
    for literal, name, spec, conversion in parts:
        if not _LITERAL.fullmatch(literal):
            raise InvalidPattern("pattern", "may have letters, digits and / _ . - only, beside the fields")
        if name is not None and (name not in _FIELDS or conversion or not _FIELDS[name].fullmatch(spec or "")):
            raise InvalidPattern(
                "pattern", f"cannot use the field {name!r} like this; there are year, month, seq, seq:05"
            )
    if [name for _, name, _, _ in parts].count("seq") != 1:
        raise InvalidPattern("pattern", "must have {seq} exactly once")
    if len(pattern) > MAX_NUMBER_LENGTH:
        raise InvalidPattern("pattern", f"must have at most {MAX_NUMBER_LENGTH} characters")
