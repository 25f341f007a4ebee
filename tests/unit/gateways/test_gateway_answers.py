"""What the answers of all gateways have in common."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import pytest

from orchestrator import clock_port
from orchestrator.gateways.answers import MAX_RETRY_AFTER_S, by_status, retry_after_s
from orchestrator.gateways.transport import Reply
from routing.outcomes import OutcomeKind


def reply(status: int = 429, **headers: str) -> Reply:
    return Reply(status, headers, {})


@pytest.mark.parametrize(("text", "pause_s"), [("7", 7.0), ("0", 0.0), ("", 0.0), ("soon", 0.0), ("-3", 0.0)])
def test_retry_after_in_seconds(text: str, pause_s: float) -> None:
    assert retry_after_s(reply(**{"Retry-After": text})) == pause_s


def test_retry_after_as_a_date() -> None:
    at = clock_port.now() + timedelta(seconds=40)
    assert 35 < retry_after_s(reply(**{"retry-after": format_datetime(at, usegmt=True)})) <= 40


def test_retry_after_in_the_past_is_no_pause() -> None:
    at = clock_port.now() - timedelta(hours=1)
    assert retry_after_s(reply(**{"retry-after": format_datetime(at, usegmt=True)})) == 0


def test_gateway_cannot_ask_for_a_pause_without_end() -> None:
    assert retry_after_s(reply(**{"Retry-After": "99999999"})) == MAX_RETRY_AFTER_S


@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
def test_too_many_calls_is_not_reached_and_carries_the_pause(gateway: str) -> None:
    outcome = by_status(gateway, reply(**{"Retry-After": "12"}))
    assert (outcome.kind, outcome.retry_after_s) == (OutcomeKind.NOT_REACHED, 12.0)
