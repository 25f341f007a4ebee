"""Every query on console users, their memberships and recovery codes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from orchestrator.access.tables import ConsoleUser
from orchestrator.db import fetch

_USER = (
    "id, email, name, password_hash, sealed_totp_secret, totp_confirmed_at, totp_last_step, link_expires_at, "
    "disabled_at, created_at, last_login_at"
)


class UserRow(msgspec.Struct, frozen=True):
    """A user as stored."""

    id: str
    email: str
    name: str
    password_hash: str | None
    sealed_totp_secret: str | None
    totp_confirmed_at: datetime | None
    totp_last_step: int
    link_expires_at: datetime | None
    disabled_at: datetime | None
    created_at: datetime
    last_login_at: datetime | None


class MemberRow(msgspec.Struct, frozen=True):
    """A user as a merchant sees them."""

    id: str
    """The user's."""
    email: str
    name: str
    role: str
    has_password: bool
    has_totp: bool
    created_at: datetime
    disabled_at: datetime | None
    last_login_at: datetime | None


class MembershipRow(msgspec.Struct, frozen=True):
    """What a user is at one merchant."""

    merchant_id: str
    merchant_name: str
    role: str


async def insert_user(user_id: str, email: str, name: str, at: datetime) -> bool:
    """Whether there was no user with this e-mail yet."""
    rows = await fetch(
        "INSERT INTO console_user (id, email, name, totp_last_step, created_at) VALUES ($1, $2, $3, 0, $4) "
        "ON CONFLICT (email) DO NOTHING RETURNING id",
        user_id,
        email,
        name,
        at,
    )
    return bool(rows)


async def user(user_id: str, *, lock: bool = False) -> UserRow | None:
    rows = await fetch(
        f"SELECT {_USER} FROM console_user WHERE id = $1{' FOR UPDATE' if lock else ''}",  # noqa: S608
        user_id,
    )
    return UserRow(*rows[0].values()) if rows else None


async def user_by_email(email: str) -> UserRow | None:
    rows = await fetch(f"SELECT {_USER} FROM console_user WHERE email = $1", email)  # noqa: S608 - our own columns
    return UserRow(*rows[0].values()) if rows else None


async def user_by_link(link_hash: str, now: datetime) -> UserRow | None:
    rows = await fetch(
        f"SELECT {_USER} FROM console_user "  # noqa: S608 - our own columns
        "WHERE link_hash = $1 AND link_expires_at > $2 AND disabled_at IS NULL FOR UPDATE",
        link_hash,
        now,
    )
    return UserRow(*rows[0].values()) if rows else None


async def update_user(user_id: str, values: dict[str, Any]) -> None:
    await ConsoleUser.update({getattr(ConsoleUser, name): value for name, value in values.items()}).where(
        ConsoleUser.id == user_id
    )


async def use_totp_step(user_id: str, step: int) -> bool:
    """Whether the step was not used before: of two that bring the same code only one gets in."""
    sql = "UPDATE console_user SET totp_last_step = $2 WHERE id = $1 AND totp_last_step < $2 RETURNING id"
    return bool(await fetch(sql, user_id, step))


async def insert_membership(membership_id: str, user_id: str, merchant_id: str, role: str, at: datetime) -> bool:
    """Whether the user was no member yet."""
    rows = await fetch(
        "INSERT INTO membership (id, user_id, merchant_id, role, created_at) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT (user_id, merchant_id) DO NOTHING RETURNING id",
        membership_id,
        user_id,
        merchant_id,
        role,
        at,
    )
    return bool(rows)


async def lock_members(merchant_id: str) -> None:
    """Two changes of a merchant's members happen one after the other, so that an admin is left."""
    await fetch("SELECT id FROM merchant WHERE id = $1 FOR NO KEY UPDATE", merchant_id)


async def members(merchant_id: str) -> list[MemberRow]:
    return await _members("m.merchant_id = $1", merchant_id)


async def member(merchant_id: str, user_id: str) -> MemberRow | None:
    found = await _members("m.merchant_id = $1 AND m.user_id = $2", merchant_id, user_id)
    return found[0] if found else None


async def _members(condition: str, *args: object) -> list[MemberRow]:
    rows = await fetch(
        "SELECT u.id, u.email, u.name, m.role, u.password_hash IS NOT NULL, u.totp_confirmed_at IS NOT NULL, "  # noqa: S608
        "m.created_at, COALESCE(m.disabled_at, u.disabled_at), u.last_login_at "
        f"FROM membership m JOIN console_user u ON u.id = m.user_id WHERE {condition} ORDER BY m.id",
        *args,
    )
    return [MemberRow(*row.values()) for row in rows]


async def set_role(merchant_id: str, user_id: str, role: str) -> None:
    await fetch("UPDATE membership SET role = $3 WHERE merchant_id = $1 AND user_id = $2", merchant_id, user_id, role)


async def set_disabled(merchant_id: str, user_id: str, at: datetime | None) -> None:
    sql = "UPDATE membership SET disabled_at = $3 WHERE merchant_id = $1 AND user_id = $2"
    await fetch(sql, merchant_id, user_id, at)


async def memberships(user_id: str, *, also_disabled: bool = False) -> list[MembershipRow]:
    rows = await fetch(
        "SELECT m.merchant_id, mer.name, m.role FROM membership m JOIN merchant mer ON mer.id = m.merchant_id "
        "WHERE m.user_id = $1 AND ($2 OR m.disabled_at IS NULL) ORDER BY m.id",
        user_id,
        also_disabled,
    )
    return [MembershipRow(*row.values()) for row in rows]


async def every_user() -> list[tuple[UserRow, list[MembershipRow]]]:
    rows = await fetch(f"SELECT {_USER} FROM console_user ORDER BY id")  # noqa: S608 - our own columns
    found = [UserRow(*row.values()) for row in rows]
    return [(one, await memberships(one.id)) for one in found]


async def replace_recovery_codes(user_id: str, codes: list[tuple[str, str]]) -> None:
    """`codes` are ids and hashes; none takes all away."""
    await fetch("DELETE FROM recovery_code WHERE user_id = $1", user_id)
    for code_id, code_hash in codes:
        await fetch(
            "INSERT INTO recovery_code (id, user_id, code_hash) VALUES ($1, $2, $3)", code_id, user_id, code_hash
        )


async def use_recovery_code(user_id: str, code_hash: str, now: datetime) -> bool:
    """Whether it was one of theirs and not used before."""
    rows = await fetch(
        "UPDATE recovery_code SET used_at = $3 WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL RETURNING id",
        user_id,
        code_hash,
        now,
    )
    return bool(rows)


async def recovery_codes_left(user_id: str) -> int:
    rows = await fetch("SELECT count(*) FROM recovery_code WHERE user_id = $1 AND used_at IS NULL", user_id)
    return int(rows[0][0])
