"""API keys over HTTP: the secret is shown once, no key grants what it lacks, and an end is an end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from http_driving import Api, merchant_api

from orchestrator import clock_port
from orchestrator.access import api_keys, service, store
from orchestrator.db import fetch
from orchestrator.http import auth


async def made(api: Api, **more: Any) -> dict[str, Any]:
    answer = await api.post("/v1/api-keys", {"name": "shop", "scopes": ["payments:read"], **more})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def holder_of(api: Api, secret: str) -> Api:
    return Api(api.client, api.merchant_id, secret)


async def test_the_secret_is_shown_once_and_stored_nowhere(api: Api) -> None:
    body = {"name": "shop", "scopes": ["payments:read"]}
    first = (await api.post("/v1/api-keys", body, key="k-1")).json()
    again = (await api.post("/v1/api-keys", body, key="k-1")).json()
    assert first["secret"].startswith(first["hint"])
    assert (again["id"], again["secret"]) == (first["id"], None)
    assert (await api.get(f"/v1/api-keys/{first['id']}")).json()["secret"] is None
    for table in ("idempotency_record", "api_key", "audit_entry"):
        rows = await fetch(f"SELECT to_jsonb(t)::text AS text FROM {table} t")
        assert first["secret"] not in " ".join(row["text"] for row in rows)


async def test_a_key_does_what_its_scopes_say_and_no_more(api: Api) -> None:
    shop = holder_of(api, (await made(api))["secret"])
    assert (await shop.get("/v1/payments")).status_code == 200
    assert (await shop.get("/v1/ledger/balances")).status_code == 403
    assert (await shop.get("/v1/api-keys")).status_code == 403


async def test_no_key_grants_what_it_lacks(api: Api) -> None:
    clerk = holder_of(api, (await made(api, scopes=["keys", "payments:read"]))["secret"])
    assert (await clerk.post("/v1/api-keys", {"name": "x", "scopes": ["payments:read"]})).status_code == 201
    for scopes in (["finance"], ["payments:read", "payments:write"], ["users"]):
        assert (await clerk.post("/v1/api-keys", {"name": "x", "scopes": scopes})).status_code == 403
    mighty = (await store.api_keys_of(api.merchant_id, limit=10))[-1]
    assert (await clerk.post(f"/v1/api-keys/{mighty.id}/rotate")).status_code == 403


async def test_a_scope_that_is_none_is_refused_by_name(api: Api) -> None:
    answer = await api.post("/v1/api-keys", {"name": "x", "scopes": ["payments:everything"]})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "scopes[0]")


async def test_a_key_ends_at_its_time_though_it_was_just_looked_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "REVOKED_WITHIN_S", 3600.0)  # nothing is looked up again
    ends = clock_port.now() + timedelta(hours=1)
    shop = holder_of(api, (await made(api, expires_at=ends.isoformat()))["secret"])
    monkeypatch.setattr(clock_port, "now", lambda: ends - timedelta(seconds=1))
    assert (await shop.get("/v1/payments")).status_code == 200
    monkeypatch.setattr(clock_port, "now", lambda: ends)
    assert (await shop.get("/v1/payments")).status_code == 401


async def test_an_end_in_the_past_is_refused(api: Api) -> None:
    answer = await api.post("/v1/api-keys", {"name": "x", "scopes": ["keys"], "expires_at": "2020-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")


async def test_both_keys_work_while_a_rotation_overlaps(api: Api) -> None:
    old = await made(api)
    until = datetime.now(UTC) + timedelta(hours=2)
    answer = await api.post(f"/v1/api-keys/{old['id']}/rotate", {"old_key_expires_at": until.isoformat()})
    new = answer.json()
    for secret in (old["secret"], new["secret"]):
        assert (await holder_of(api, secret).get("/v1/payments")).status_code == 200
    kept = (await api.get(f"/v1/api-keys/{old['id']}")).json()
    assert kept["replaced_by"] == new["id"]
    assert datetime.fromisoformat(kept["expires_at"]) == until
    assert (new["scopes"], new["name"]) == (old["scopes"], old["name"])
    assert (await api.post(f"/v1/api-keys/{old['id']}/rotate")).status_code == 409


async def test_of_two_rotations_at_once_one_makes_a_key(api: Api) -> None:
    old = await made(api)
    answers = await asyncio.gather(*(api.post(f"/v1/api-keys/{old['id']}/rotate") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]


async def test_an_overlap_has_a_most(api: Api) -> None:
    old = await made(api)
    far = datetime.now(UTC) + api_keys.OVERLAP_MAX + timedelta(days=1)
    answer = await api.post(f"/v1/api-keys/{old['id']}/rotate", {"old_key_expires_at": far.isoformat()})
    assert answer.status_code == 422


async def test_a_revoked_key_is_listed_with_when_it_was(api: Api) -> None:
    key = await made(api)
    answer = await api.client.delete(f"/v1/api-keys/{key['id']}", headers=api.headers())
    assert answer.json()["revoked_at"]
    listed = (await api.get("/v1/api-keys")).json()["data"]
    assert {one["id"]: bool(one["revoked_at"]) for one in listed}[key["id"]] is True


async def test_the_use_of_a_key_is_written_down_at_most_once_a_minute(api: Api) -> None:
    key = await made(api)
    assert key["last_used_at"] is None
    await service.authenticate(key["secret"])
    first = (await api_keys.get(api.merchant_id, key["id"])).last_used_at
    await service.authenticate(key["secret"])
    assert first is not None
    assert (await api_keys.get(api.merchant_id, key["id"])).last_used_at == first
    await fetch("UPDATE api_key SET last_used_at = last_used_at - interval '61 seconds' WHERE id = $1", key["id"])
    await service.authenticate(key["secret"])
    later = (await api_keys.get(api.merchant_id, key["id"])).last_used_at
    assert later is not None
    assert later > first


async def test_keys_of_before_have_every_word_still(api: Api) -> None:
    old = await merchant_api(api.client, "Old Ltd", ("payments:read", "finance", "operate", "invoices:read"))
    for path in ("payments", "ledger/balances", "gateway-accounts", "invoices"):
        assert (await old.get(f"/v1/{path}")).status_code == 200, path
