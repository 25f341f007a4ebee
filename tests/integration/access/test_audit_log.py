"""The audit log: complete, part of the change itself, without secrets, and a chain that shows what was done to it."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from http_driving import Api
from people import new_person

from orchestrator import clock_port
from orchestrator.access import audit, audit_store
from orchestrator.access.audit import Action
from orchestrator.db import fetch, transaction

STRIPE = {"gateway": "stripe", "label": "Stripe", "credentials": {"secret_key": "sk_test_hushhush"}, "verify": False}


async def entries(api: Api, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.get("/v1/audit-log", params=query)).json()["data"]
    return found


async def write(merchant_id: str, object_id: str = "x") -> None:
    async with transaction():
        await audit.record(merchant_id, Action.SETTING_CHANGED, object_id, clock_port.now(), after={"n": object_id})


async def tamper(sql: str) -> None:
    """As somebody who owns the database."""
    async with transaction() as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(sql)


async def test_what_a_key_does_is_told_with_who_and_from_where_and_without_secrets(api: Api) -> None:
    account = (await api.post("/v1/gateway-accounts", STRIPE)).json()["id"]
    await api.post(f"/v1/gateway-accounts/{account}/disable")
    endpoint = (await api.post("/v1/webhook-endpoints", {"url": "https://hooks.shop.example/"})).json()["id"]
    await api.post(f"/v1/webhook-endpoints/{endpoint}/rotate-secret")
    rules = [{"name": "all", "when": {"currency": ["EUR"]}, "then": {}}]
    draft = (await api.post("/v1/rule-sets", {"rules": rules})).json()["id"]
    await api.post(f"/v1/rule-sets/{draft}/activate")
    key = (await api.post("/v1/api-keys", {"name": "shop", "scopes": ["payments:read"]})).json()
    await api.client.delete(f"/v1/api-keys/{key['id']}", headers=api.headers())
    payment = (await api.post("/v1/payments", {"amount": {"amount": 100, "currency": "EUR"}})).json()["id"]
    await api.post(f"/v1/payments/{payment}/cancel")

    found = await entries(api, limit=100)
    assert {(one["action"], one["object_id"]) for one in found} >= {
        ("gateway_account.added", account),
        ("gateway_account.switched", account),
        ("webhook_endpoint.added", endpoint),
        ("webhook_endpoint.secret_rotated", endpoint),
        ("rule_set.activated", draft),
        ("api_key.created", key["id"]),
        ("api_key.revoked", key["id"]),
        ("payment.cancel_asked", payment),
    }
    by_key = [one for one in found if one["actor"]["kind"] == "key"]
    assert {one["actor"]["ip"] for one in by_key} == {"192.0.2.10"}
    assert "hushhush" not in str(found)
    added = next(one for one in found if one["action"] == "gateway_account.added")
    assert added["after"]["credentials"] == audit.REDACTED
    assert await audit.verify(api.merchant_id) == (found[0]["sequence"], None)


async def test_what_a_user_does_at_the_console_is_theirs(api: Api) -> None:
    ada = await new_person(api.client, api.merchant_id)
    await ada.sign_in()
    await ada.visitor.submit("/console/users", "/console/users", email="eve@acme.example", role="viewer")
    found = await entries(api, actor_id=ada.user_id)
    assert [one["action"] for one in found] == ["user.invited", "user.signed_in", "user.password_changed"]
    assert found[0]["actor"]["kind"] == "user"
    html = (await ada.visitor.open("/console/audit")).text
    assert "user.invited" in html
    assert ada.email in html


async def test_a_refused_change_leaves_no_entry(api: Api) -> None:
    before = await entries(api)
    assert (await api.post("/v1/gateway-accounts/ga_none/disable")).status_code == 404
    assert await entries(api) == before


async def test_an_entry_is_written_in_a_transaction_or_not_at_all(api: Api) -> None:
    with pytest.raises(RuntimeError):
        await audit.record(api.merchant_id, Action.SETTING_CHANGED, "x", clock_port.now())


@pytest.mark.parametrize(
    "sql", ["UPDATE audit_entry SET action = 'x'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"]
)
async def test_entries_are_only_ever_added(api: Api, sql: str) -> None:
    with pytest.raises(asyncpg.RaiseError, match="only ever added"):
        await fetch(sql)


async def test_entries_that_are_made_at_once_are_one_chain_without_gaps(api: Api) -> None:
    before = len(await entries(api, limit=100))
    await asyncio.gather(*(write(api.merchant_id, str(number)) for number in range(25)))
    assert await audit.verify(api.merchant_id) == (before + 25, None)


@pytest.mark.parametrize(
    ("sql", "sequence", "what"),
    [
        ("UPDATE audit_entry SET actor_id = 'somebody else' WHERE sequence = 3", 3, "was changed"),
        ("DELETE FROM audit_entry WHERE sequence = 3", 3, "is missing"),
        ("DELETE FROM audit_entry WHERE sequence = 6", 6, "is missing: the chain was longer"),
        ("UPDATE audit_entry SET hash = repeat('0', 64) WHERE sequence = 3", 3, "was changed"),
    ],
)
async def test_an_entry_that_was_changed_or_taken_out_shows(api: Api, sql: str, sequence: int, what: str) -> None:
    while len(await entries(api, limit=100)) < 6:
        await write(api.merchant_id)
    await tamper(f"{sql} AND merchant_id = '{api.merchant_id}'")
    count, flaw = await audit.verify(api.merchant_id)
    assert flaw is not None
    assert (flaw.sequence, flaw.what, count) == (sequence, what, sequence - 1)


async def test_the_log_is_read_in_pages_and_by_filters(api: Api) -> None:
    for number in range(5):
        await write(api.merchant_id, f"obj_{number}")
    first = (await api.get("/v1/audit-log", params={"limit": 2, "action": "setting.*"})).json()
    rest = await entries(api, limit=10, action="setting.*", starting_after=first["next_cursor"])
    assert [one["object_id"] for one in (*first["data"], *rest)] == [f"obj_{number}" for number in (4, 3, 2, 1, 0)]
    assert len(await entries(api, object_id="obj_2")) == 1
    assert await entries(api, action="setting") == []


async def test_one_merchant_reads_nothing_of_another(api: Api, other: Api) -> None:
    await write(other.merchant_id, "theirs")
    theirs = (await audit_store.latest(other.merchant_id, limit=1))[0]
    assert "theirs" not in str(await entries(api, limit=100))
    assert await entries(api, starting_after=theirs.id) == []
