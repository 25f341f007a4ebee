"""Every query on the audit log."""

from __future__ import annotations

from datetime import datetime

import msgspec

from orchestrator.db import fetch

_COLUMNS = (
    "id, merchant_id, sequence, actor_kind, actor_id, action, object_id, before, after, ip, created_at, "
    "previous_hash, hash"
)


class EntryRow(msgspec.Struct, frozen=True):
    """An entry as stored; `before` and `after` are JSON texts."""

    id: str
    merchant_id: str
    sequence: int
    actor_kind: str
    actor_id: str
    action: str
    object_id: str
    before: str | None
    after: str | None
    ip: str
    created_at: datetime
    previous_hash: str
    hash: str


async def lock_head(merchant_id: str, first_hash: str) -> tuple[int, str]:
    """The last sequence number and hash; whoever asks next waits for the end of this transaction."""
    rows = await fetch(
        "INSERT INTO audit_head (merchant_id, sequence, hash) VALUES ($1, 0, $2) "
        "ON CONFLICT (merchant_id) DO UPDATE SET sequence = audit_head.sequence RETURNING sequence, hash",
        merchant_id,
        first_hash,
    )
    return rows[0]["sequence"], rows[0]["hash"]


async def append(entry: EntryRow) -> None:
    await fetch(
        "WITH added AS (INSERT INTO audit_entry "  # noqa: S608 - our own columns
        f"({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING sequence, hash) "
        "UPDATE audit_head SET sequence = added.sequence, hash = added.hash FROM added WHERE merchant_id = $2",
        *msgspec.structs.astuple(entry),
    )


async def head(merchant_id: str) -> tuple[int, str] | None:
    rows = await fetch("SELECT sequence, hash FROM audit_head WHERE merchant_id = $1", merchant_id)
    return (rows[0]["sequence"], rows[0]["hash"]) if rows else None


async def in_order(merchant_id: str, first: int, limit: int) -> list[EntryRow]:
    rows = await fetch(
        f"SELECT {_COLUMNS} FROM audit_entry "  # noqa: S608 - our own columns
        "WHERE merchant_id = $1 AND sequence >= $2 ORDER BY sequence LIMIT $3",
        merchant_id,
        first,
        limit,
    )
    return [EntryRow(*row.values()) for row in rows]


async def latest(
    merchant_id: str,
    *,
    limit: int,
    before_id: str | None = None,
    action: str | None = None,
    object_id: str | None = None,
    actor_id: str | None = None,
) -> list[EntryRow]:
    """Newest first, older than `before_id`. `action` may be a family, `api_key.*`."""
    family = action[:-1] if action and action.endswith(".*") else None
    rows = await fetch(
        f"SELECT {_COLUMNS} FROM audit_entry WHERE merchant_id = $1 "  # noqa: S608 - our own columns
        "AND ($3::varchar IS NULL OR sequence < "
        "(SELECT sequence FROM audit_entry WHERE id = $3 AND merchant_id = $1)) "
        "AND ($4::varchar IS NULL OR action = $4) AND ($5::varchar IS NULL OR starts_with(action, $5)) "
        "AND ($6::varchar IS NULL OR object_id = $6) AND ($7::varchar IS NULL OR actor_id = $7) "
        "ORDER BY sequence DESC LIMIT $2",
        merchant_id,
        limit,
        before_id,
        None if family else action,
        family,
        object_id,
        actor_id,
    )
    return [EntryRow(*row.values()) for row in rows]
