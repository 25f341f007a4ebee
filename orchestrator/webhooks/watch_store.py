"""Every query on how gateway accounts' webhooks get to us."""

from __future__ import annotations

from datetime import datetime

import msgspec

from orchestrator.db import fetch


class WatchRow(msgspec.Struct, frozen=True):
    """What is known of one gateway account's way to us. Of an account without an endpoint id nothing can be asked."""

    gateway_account_id: str
    silent_since: datetime | None = None
    endpoint_id: str = ""
    endpoint_enabled: bool | None = None
    endpoint_problem: str = ""
    endpoint_checked_at: datetime | None = None


class Quiet(msgspec.Struct, frozen=True):
    """An account that should have heard something: how many operations went through since `since`, and heard when."""

    gateway_account_id: str
    operations: int
    since: datetime


async def watch(account_id: str) -> WatchRow:
    """An empty one where nothing is known."""
    rows = await fetch("SELECT row_to_json(w.*) AS it FROM webhook_watch w WHERE gateway_account_id = $1", account_id)
    return msgspec.json.decode(rows[0]["it"], type=WatchRow) if rows else WatchRow(account_id)


async def watches() -> list[WatchRow]:
    """All of them, of every merchant."""
    rows = await fetch("SELECT row_to_json(w.*) AS it FROM webhook_watch w ORDER BY gateway_account_id")
    return [msgspec.json.decode(row["it"], type=WatchRow) for row in rows]


# Operations are found by their ids, which begin with their time: no index on times is needed for them.
_QUIET = """
    SELECT a.gateway_account_id AS id, count(*) AS operations, min(o.settled_at) AS since
    FROM operation o JOIN attempt a ON a.id = o.attempt_id
    WHERE o.id >= $1 AND o.settled_at >= $2 AND o.settled_at < $3 AND o.outcome = 'approved'
    GROUP BY 1
    HAVING count(*) >= $4 AND NOT EXISTS (
        SELECT FROM webhook_message m WHERE m.gateway_account_id = a.gateway_account_id AND m.received_at >= $2
        AND m.id >= $5
    )"""


async def quiet(since: datetime, until: datetime, operations_min: int) -> list[Quiet]:
    """Accounts with so many approved operations from `since` to `until`, and no message since `since`."""
    start = f"{int(since.timestamp() * 1000):012x}"  # RFC 9562, 5.7: the first 48 bits of a UUIDv7
    rows = await fetch(_QUIET, f"op_{start}", since, until, operations_min, f"whk_{start}")
    return [Quiet(row["id"], row["operations"], row["since"]) for row in rows]


async def fall_silent(account_id: str, since: datetime) -> bool:
    """Whether that is news. In the caller's transaction."""
    rows = await fetch(
        "INSERT INTO webhook_watch AS w (gateway_account_id, silent_since, endpoint_id, endpoint_problem) "
        "VALUES ($1, $2, '', '') ON CONFLICT (gateway_account_id) DO UPDATE SET silent_since = EXCLUDED.silent_since "
        "WHERE w.silent_since IS NULL RETURNING 1",
        account_id,
        since,
    )
    return bool(rows)


async def end_silences() -> list[str]:
    """The accounts of which a message came after they had fallen silent."""
    rows = await fetch(
        "UPDATE webhook_watch w SET silent_since = NULL WHERE silent_since IS NOT NULL AND EXISTS (SELECT FROM "
        "webhook_message m WHERE m.gateway_account_id = w.gateway_account_id AND m.received_at > w.silent_since) "
        "RETURNING gateway_account_id AS id"
    )
    return [row["id"] for row in rows]


async def last_heard(account_ids: list[str]) -> dict[str, datetime]:
    """When the newest message of each account came."""
    rows = await fetch(
        "SELECT a.id, m.received_at FROM unnest($1::varchar[]) AS a (id) JOIN LATERAL (SELECT received_at FROM "
        "webhook_message WHERE gateway_account_id = a.id ORDER BY id DESC LIMIT 1) m ON true",
        account_ids,
    )
    return {row["id"]: row["received_at"] for row in rows}


async def due_for_check(before: datetime, limit: int) -> list[WatchRow]:
    """Endpoints that were not asked about since then, the longest first."""
    rows = await fetch(
        "SELECT row_to_json(w.*) AS it FROM webhook_watch w WHERE endpoint_id <> '' "
        "AND (endpoint_checked_at IS NULL OR endpoint_checked_at < $1) "
        "ORDER BY endpoint_checked_at NULLS FIRST LIMIT $2",
        before,
        limit,
    )
    return [msgspec.json.decode(row["it"], type=WatchRow) for row in rows]


async def set_endpoint(row: WatchRow) -> bool | None:
    """Keep what the gateway told of our endpoint; whether it was enabled before. In the caller's transaction."""
    rows = await fetch(
        "WITH before AS (SELECT endpoint_enabled FROM webhook_watch WHERE gateway_account_id = $1 FOR UPDATE), put AS ("
        "INSERT INTO webhook_watch (gateway_account_id, endpoint_id, endpoint_enabled, endpoint_problem, "
        "endpoint_checked_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (gateway_account_id) DO UPDATE SET "
        "endpoint_id = EXCLUDED.endpoint_id, endpoint_enabled = EXCLUDED.endpoint_enabled, "
        "endpoint_problem = EXCLUDED.endpoint_problem, endpoint_checked_at = EXCLUDED.endpoint_checked_at) "
        "SELECT endpoint_enabled FROM before",
        row.gateway_account_id,
        row.endpoint_id,
        row.endpoint_enabled,
        row.endpoint_problem,
        row.endpoint_checked_at,
    )
    return rows[0]["endpoint_enabled"] if rows else None
