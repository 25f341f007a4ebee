"""What an audit entry says, and what it must not say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from orchestrator.access import audit
from orchestrator.access.audit_store import EntryRow

ENTRY = EntryRow(
    "aud_1", "mer_1", 1, "user", "usr_1", "user.invited", "usr_2", None, '{"role":"viewer"}', "192.0.2.1",
    datetime(2026, 11, 23, tzinfo=UTC), audit.FIRST_HASH, "",
)  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "credentials",
        "secret_key",
        "api_key",
        "password",
        "sealed_credentials",
        "webhook_secret",
        "iban",
        "password_hash",
    ],
)
def test_what_a_name_tells_to_be_secret_is_redacted(name: str) -> None:
    assert audit.redacted({name: {"inner": "hush"}}) == {name: audit.REDACTED}
    assert audit.redacted({"deep": [{name: "hush"}]}) == {"deep": [{name: audit.REDACTED}]}


@pytest.mark.parametrize("name", ["company", "country_code", "label", "amount_minor", "key_id", "enabled"])
def test_other_values_are_told(name: str) -> None:
    assert audit.redacted({name: "said"}) == {name: "said"}


@pytest.mark.parametrize(
    "changed",
    [
        {"actor_id": "usr_9"},
        {"action": "user.disabled"},
        {"object_id": "usr_3"},
        {"after": '{"role":"admin"}'},
        {"before": "{}"},
        {"ip": "192.0.2.2"},
        {"sequence": 2},
        {"created_at": datetime(2026, 11, 24, tzinfo=UTC)},
        {"previous_hash": "1" * 64},
        {"merchant_id": "mer_2"},
    ],
)
def test_the_hash_is_over_everything_that_an_entry_says(changed: dict[str, Any]) -> None:
    assert audit.hash_of(msgspec.structs.replace(ENTRY, **changed)) != audit.hash_of(ENTRY)


def test_texts_cannot_be_moved_from_one_field_to_the_next() -> None:
    one = msgspec.structs.replace(ENTRY, action="ab", object_id="c")
    other = msgspec.structs.replace(ENTRY, action="a", object_id="bc")
    assert audit.hash_of(one) != audit.hash_of(other)
