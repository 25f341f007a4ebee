from __future__ import annotations

from datetime import date

import pytest

from invoicing.errors import InvalidPattern
from invoicing.numbering import MAX_SERIES_LENGTH, Counter, Reset, check_pattern, counter_of, format_number

DAY = date(2026, 3, 9)


@pytest.mark.parametrize(
    ("pattern", "reset", "counter"),
    [
        ("INV-{year}-{seq:05}", Reset.NEVER, Counter("invoice", "INV-{year}-{seq:05}")),
        ("INV-{year}-{seq:05}", Reset.YEARLY, Counter("invoice:2026", "INV-2026-{seq:05}")),
        ("{year}/{month}/{seq}", Reset.YEARLY, Counter("invoice:2026", "2026/{month}/{seq}")),
        ("{year}/{month}/{seq}", Reset.MONTHLY, Counter("invoice:2026-03", "2026/03/{seq}")),
    ],
)
def test_each_period_has_a_counter_of_its_own(pattern: str, reset: Reset, counter: Counter) -> None:
    assert counter_of("invoice", pattern, reset, DAY) == counter


@pytest.mark.parametrize("reset", Reset)
def test_a_counter_writes_the_numbers_of_the_pattern(reset: Reset) -> None:
    pattern = "{year}-{month}-{seq:04}"
    counter = counter_of("invoice", pattern, reset, DAY)
    assert format_number(counter.pattern, issue_date=DAY, seq=7) == format_number(pattern, issue_date=DAY, seq=7)


def test_an_invoice_dated_back_is_counted_in_its_own_year() -> None:
    counter = counter_of("invoice", "{year}-{seq}", Reset.YEARLY, date(2025, 12, 31))
    assert counter == Counter("invoice:2025", "2025-{seq}")


@pytest.mark.parametrize(
    ("pattern", "reset", "missing"),
    [
        ("INV-{seq}", Reset.YEARLY, "{year}"),
        ("INV-{month}-{seq}", Reset.YEARLY, "{year}"),
        ("INV-{year}-{seq}", Reset.MONTHLY, "{month}"),
        ("INV-{seq}", Reset.MONTHLY, "{month} and {year}"),
    ],
)
def test_a_pattern_whose_numbers_would_repeat_is_refused(pattern: str, reset: Reset, missing: str) -> None:
    check_pattern(pattern)
    with pytest.raises(InvalidPattern) as refusal:
        check_pattern(pattern, reset)
    assert f"must have {missing}," in refusal.value.message


def test_a_name_too_long_for_its_periods_is_refused() -> None:
    longest = "x" * (MAX_SERIES_LENGTH - len(":2026"))
    assert len(counter_of(longest, "{year}-{seq}", Reset.YEARLY, DAY).series) == MAX_SERIES_LENGTH
    with pytest.raises(InvalidPattern, match="series: must have at most 35"):
        counter_of(longest + "x", "{year}-{seq}", Reset.YEARLY, DAY)
