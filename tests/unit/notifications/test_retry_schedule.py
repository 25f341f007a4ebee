"""When a message is tried again, and since when an endpoint counts as failing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.notifications.schedule import DELAYS_S, failing_since, next_try_at, retry_after_s

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def waits_s(jitter: float) -> list[float]:
    moments = [next_try_at(step, NOW, jitter=jitter) for step in range(len(DELAYS_S))]
    return [(moment - NOW).total_seconds() for moment in moments if moment]


def test_ten_tries_take_three_days() -> None:
    assert waits_s(0) == [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    assert timedelta(days=3) < timedelta(seconds=sum(waits_s(0))) < timedelta(days=3, hours=6)


def test_jitter_moves_each_try_by_at_most_a_tenth() -> None:
    assert waits_s(-1) == pytest.approx([0.9 * wait for wait in waits_s(0)])
    assert waits_s(1) == pytest.approx([1.1 * wait for wait in waits_s(0)])


def test_nothing_comes_after_the_last_try() -> None:
    assert next_try_at(len(DELAYS_S) - 1, NOW, jitter=0, retry_after_s=60) is None


def test_retry_after_is_waited_for_but_never_shortens_the_pause() -> None:
    assert next_try_at(0, NOW, jitter=0, retry_after_s=120) == NOW + timedelta(seconds=120)
    assert next_try_at(3, NOW, jitter=0, retry_after_s=120) == NOW + timedelta(seconds=7200)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("120", 120),
        ("999999999999999999999999", 3600),
        ("-5", 0),
        ("1.5", 0),
        ("٣", 0),
        ("soon", 0),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Tue, 01 Mar 2050 12:00:00 GMT", 3600),
        ("Sun, 01 Mar 2026 12:01:00 -0000", 0),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date_within_an_hour(header: str | None, seconds: float) -> None:
    assert retry_after_s(header, NOW) == seconds


def test_an_endpoint_is_failing_since_its_first_failure() -> None:
    assert failing_since(None, None, NOW) == NOW
    since = NOW - timedelta(days=2)
    assert failing_since(since, NOW - timedelta(hours=26), NOW) == since


def test_an_endpoint_that_was_not_called_for_long_begins_to_fail_anew() -> None:
    assert failing_since(NOW - timedelta(days=9), NOW - timedelta(hours=28), NOW) == NOW
