"""When rates are asked for: after the ECB's hour on working days, and again soon where the file is late."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from currency import ecb
from orchestrator.fx.fetching import LATE_EVERY, is_stale, next_look

FRIDAY, MONDAY = date(2026, 10, 30), date(2026, 11, 2)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)  # CET is an hour ahead


@pytest.mark.parametrize(
    ("published_on", "now", "due"),
    [
        (MONDAY, at(2, 16), at(3, 15, 15)),  # today's is there: tomorrow's after its hour
        (FRIDAY, at(2, 14), at(2, 15, 15)),  # Monday before the hour: Friday's is the newest there can be
        (FRIDAY, at(1, 12), at(2, 15, 15)),  # on a Sunday
        (date(2026, 11, 6), at(6, 16), at(9, 15, 15)),  # over a weekend
        (FRIDAY, at(2, 16), at(2, 16) + LATE_EVERY),  # Monday's is late, or Monday is a bank holiday
    ],
)
def test_it_looks_again_when_another_file_can_be_there(published_on: date, now: datetime, due: datetime) -> None:
    assert next_look(published_on, now) == due


def test_the_hour_is_the_ecbs_in_summer_too() -> None:
    assert next_look(date(2026, 7, 1), datetime(2026, 7, 1, 15, tzinfo=UTC)) == datetime(2026, 7, 2, 14, 15, tzinfo=UTC)


def test_rates_are_stale_a_week_after_their_publication() -> None:
    table = ecb.table([(FRIDAY, {})])
    assert not is_stale(table, at(6, 23))
    assert is_stale(table, at(7, 0))
    assert is_stale(ecb.table([]), at(1, 0))
    assert timedelta(days=7) == at(6, 0).date() - FRIDAY
