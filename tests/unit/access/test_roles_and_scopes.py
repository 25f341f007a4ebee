"""Scopes and roles: the words that are part of the API, what they hold, and the page that tells of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.access.scopes import MEANING, ROLE_SCOPES, Role, Scope, held, held_at_the_console, role_table

PAGE = Path(__file__).parents[3] / "docs" / "access.md"
OLD_WORDS = {"payments:write", "payments:read", "invoices:write", "invoices:read", "finance", "operate", "console"}


def test_the_words_of_keys_that_exist_are_still_scopes() -> None:
    assert {scope.value for scope in Scope} >= OLD_WORDS


def test_the_page_shows_the_roles_as_they_are() -> None:
    assert role_table() in PAGE.read_text()


def test_every_scope_and_role_is_told_of() -> None:
    assert set(MEANING) == set(Scope)
    assert set(ROLE_SCOPES) == set(Role)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_only_admins_make_users(role: Role) -> None:
    assert Scope.USERS not in ROLE_SCOPES[role]


def test_a_viewer_changes_nothing() -> None:
    assert all(scope.value.endswith(":read") for scope in ROLE_SCOPES[Role.VIEWER])


@pytest.mark.parametrize("role", list(Role))
def test_a_role_has_what_its_scopes_hold(role: Role) -> None:
    assert held(ROLE_SCOPES[role]) == ROLE_SCOPES[role]


def test_a_key_for_the_console_reads_there_and_changes_nothing() -> None:
    assert held({"console"}) == {"console"}
    assert all(word == "console" or word.endswith(":read") for word in held_at_the_console({"console"}))


def test_a_word_that_is_no_scope_allows_nothing_and_does_no_harm() -> None:
    assert held({"of the past", "finance"}) == {"of the past", "finance", "finance:read"}
