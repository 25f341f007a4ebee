"""TOTP codes against the published test values, and what a code is good for."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.access import totp

SECRET = base64.b32encode(b"12345678901234567890").decode()
NOW = datetime(2026, 11, 23, 12, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("unix_s", "code"),
    [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ],
)
def test_codes_are_those_of_rfc_6238_appendix_b(unix_s: int, code: str) -> None:
    assert totp.code_at(SECRET, totp.step_of(datetime.fromtimestamp(unix_s, UTC))) == code


@pytest.mark.parametrize(("late_s", "good"), [(0, True), (30, True), (-30, True), (60, False), (-60, False)])
def test_a_code_is_good_one_step_early_or_late_and_no_more(late_s: int, good: bool) -> None:
    code = totp.code_at(SECRET, totp.step_of(NOW + timedelta(seconds=late_s)))
    assert (totp.matching_step(SECRET, code, NOW) is not None) is good


@pytest.mark.parametrize("typed", ["", "12345", "ünicöd", "0" * 100])
def test_what_is_no_code_matches_nothing(typed: str) -> None:
    assert totp.matching_step(SECRET, typed, NOW) is None


def test_a_code_may_be_typed_with_a_space() -> None:
    code = totp.code_at(SECRET, totp.step_of(NOW))
    assert totp.matching_step(SECRET, f"{code[:3]} {code[3:]}", NOW) == totp.step_of(NOW)


def test_recovery_codes_differ_and_are_known_again_however_they_are_typed() -> None:
    codes = totp.new_recovery_codes()
    assert len(set(codes)) == totp.RECOVERY_CODES
    assert totp.recovery_hash(codes[0]) == totp.recovery_hash(codes[0].upper().replace("-", " "))
    assert totp.recovery_hash(codes[0]) != totp.recovery_hash(codes[1])
