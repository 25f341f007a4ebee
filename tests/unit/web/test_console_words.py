"""The console's words: how long is left, what 3-D Secure came to, what is in the menu."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.access.scopes import ROLE_SCOPES, Role
from orchestrator.payments.authentication_records import AttemptAuthentication
from orchestrator.payments.records import AttemptRow, AttemptStatus
from orchestrator.web.console_navigation import Navigation, Section
from orchestrator.web.timeline import _authentication_sentence
from orchestrator.web.wording import countdown_text

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        (timedelta(days=12, hours=5), "12 days left"),
        (timedelta(hours=1), "1 hour left"),
        (timedelta(seconds=30), "less than a minute left"),
        (timedelta(days=-2), "over since 2 days"),
    ],
)
def test_a_deadline_is_told_by_what_is_left(left: timedelta, shown: str) -> None:
    assert countdown_text(NOON + left, NOON) == shown


def test_no_deadline_is_said_so() -> None:
    assert countdown_text(None, NOON) == "no deadline"


def attempt(authentication: AttemptAuthentication | None) -> AttemptRow:
    return AttemptRow(
        "att_1", "pay_1", 1, 1, "ga_1", "stripe", AttemptStatus.AUTHORISED, "", "", "", None, None, NOON, NOON,
        authentication=authentication,
    )  # fmt: skip


def test_what_authentication_came_to_stands_with_the_attempt_and_no_cryptogram() -> None:
    told = AttemptAuthentication(
        result="authenticated", version="2.2.0", eci="05", liability_shifted=True, sealed_cavv="gAAAA-sealed"
    )
    shown = _authentication_sentence(attempt(told))
    assert shown == "3-D Secure 2.2.0: authenticated, ECI 05, the issuer bears the risk"
    assert "sealed" not in shown


@pytest.mark.parametrize("told", [None, AttemptAuthentication()])
def test_where_nothing_was_told_nothing_is_said(told: AttemptAuthentication | None) -> None:
    assert _authentication_sentence(attempt(told)) == ""


def test_the_menu_has_what_a_role_may_open_and_no_empty_area() -> None:
    areas = Navigation(Section.KEYS).areas(ROLE_SCOPES[Role.DEVELOPER])
    shown = {section for area in areas for section in area.sections}
    assert Section.KEYS in shown
    assert not {Section.USERS, Section.AUDIT, Section.LEDGER} & shown
    assert all(area.sections for area in areas)
