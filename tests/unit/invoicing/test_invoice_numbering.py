from __future__ import annotations

from datetime import date

import pytest

from invoicing.errors import InvalidPattern
from invoicing.numbering import check_pattern, format_number


@pytest.mark.parametrize(
    ("pattern", "seq", "number"),
    [
        ("INV-{year}-{seq:05}", 42, "INV-2026-00042"),
        ("{year}{month}/{seq}", 7, "202603/7"),
        ("A.{seq:03}", 12345, "A.12345"),
    ],
)
def test_a_number_follows_its_pattern(pattern: str, seq: int, number: str) -> None:
    assert format_number(pattern, issue_date=date(2026, 3, 9), seq=seq) == number


@pytest.mark.parametrize(
    "pattern",
    [
        "INV-{year}",
        "{seq}{seq}",
        "{seq.__class__}",
        "{seq!r}",
        "{seq:>999999999}",
        "{seq:{year}}",
        "{}",
        "{0}",
        "{seq",
        "{seq} €",
        "{day}{seq}",
        "x" * 40 + "{seq}",
    ],
)
def test_a_pattern_without_unique_readable_numbers_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        check_pattern(pattern)
