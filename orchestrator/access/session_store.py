"""Every query on console sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from orchestrator.db import UNHURRIED, fetch


class SessionRow(msgspec.Struct, frozen=True):
    """A session as stored, with what its owner may do at this moment."""

    id: str
    handle: str
    stage: str
    user_id: str | None
    key_id: str | None
    merchant_id: str | None
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    email: str | None
    user_name: str | None
    has_totp: bool
    role: str | None
    """None: no member of this merchant, or disabled there."""
    key_scopes: list[str] | None
    merchant_name: str | None
    merchant_profile: str | None
    merchant_created_at: datetime | None


class OwnSession(msgspec.Struct, frozen=True):
    """A session as its owner sees it in the list."""

    handle: str
    created_at: datetime
    last_seen_at: datetime
    ip: str
    browser: str


_FIND = """
SELECT s.id, s.handle, s.stage, s.user_id, s.key_id, s.merchant_id, s.created_at, s.last_seen_at, s.expires_at,
    u.email, u.name, u.totp_confirmed_at IS NOT NULL, m.role, k.scopes, mer.name, mer.profile, mer.created_at
FROM console_session s
LEFT JOIN console_user u ON u.id = s.user_id
LEFT JOIN membership m ON m.user_id = s.user_id AND m.merchant_id = s.merchant_id AND m.disabled_at IS NULL
LEFT JOIN api_key k ON k.id = s.key_id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)
LEFT JOIN merchant mer ON mer.id = s.merchant_id
WHERE s.id = $1 AND s.ended_at IS NULL AND s.expires_at > $2 AND s.last_seen_at > $3
    AND (s.user_id IS NULL OR u.disabled_at IS NULL)
"""


async def insert(values: dict[str, Any]) -> None:
    columns = ", ".join(values)
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await fetch(f"INSERT INTO console_session ({columns}) VALUES ({places})", *values.values())  # noqa: S608


async def find(session_id: str, now: datetime, seen_after: datetime) -> SessionRow | None:
    """The session, unless it has ended, expired or been idle since `seen_after`."""
    rows = await fetch(_FIND, session_id, now, seen_after)
    return SessionRow(*rows[0].values()) if rows else None


async def touch(session_id: str, now: datetime) -> None:
    await fetch(f"UPDATE console_session SET last_seen_at = $2 WHERE id = $1 AND {UNHURRIED}", session_id, now)  # noqa: S608


async def end(session_id: str, now: datetime) -> bool:
    """Whether it was this call that ended it: of two only one does."""
    sql = "UPDATE console_session SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL RETURNING id"
    return bool(await fetch(sql, session_id, now))


async def end_of_user(
    user_id: str, now: datetime, *, handle: str | None = None, but: str = "", merchant_id: str | None = None
) -> int:
    """End a user's sessions, or those with this handle or at this merchant; not the one with the id `but`. How many."""
    rows = await fetch(
        "UPDATE console_session SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL AND id <> $3 "
        "AND ($4::varchar IS NULL OR handle = $4) AND ($5::varchar IS NULL OR merchant_id = $5) RETURNING id",
        user_id,
        now,
        but,
        handle,
        merchant_id,
    )
    return len(rows)


async def open_of(user_id: str, now: datetime, seen_after: datetime) -> list[OwnSession]:
    rows = await fetch(
        "SELECT handle, created_at, last_seen_at, ip, browser FROM console_session WHERE user_id = $1 "
        "AND ended_at IS NULL AND stage = 'full' AND expires_at > $2 AND last_seen_at > $3 ORDER BY created_at DESC",
        user_id,
        now,
        seen_after,
    )
    return [OwnSession(*row.values()) for row in rows]


async def purge(before: datetime) -> None:
    """Delete what ended or expired before."""
    await fetch(
        f"DELETE FROM console_session WHERE (ended_at < $1 OR expires_at < $1) AND {UNHURRIED}",  # noqa: S608
        before,
    )
