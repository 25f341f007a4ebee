"""Console sessions in the database: begun at sign-in, begun anew at every change of what one may do, ended for good.

The cookie holds 256 bits of chance and the database its hash, so that a copy of the database opens nothing. An id is
only ever made here: one that a client brings along is looked up, never taken on.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from orchestrator.access import scopes, session_store
from orchestrator.access.actor import Actor, ActorKind
from orchestrator.access.scopes import ROLE_SCOPES, Role
from orchestrator.access.session_store import OwnSession, SessionRow
from orchestrator.access.store import MerchantRow
from orchestrator.db import transaction
from orchestrator.ids import new_id
from orchestrator.settings import get_settings

SECRET_BYTES = 32
SECOND_FACTOR_WITHIN = timedelta(minutes=10)
SEEN_EVERY = timedelta(minutes=1)
KEPT_AFTER_END = timedelta(days=90)
BROWSER_CHARS_MAX = 200


class Stage(StrEnum):
    TOTP = "totp"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a request comes from."""

    ip: str = ""
    browser: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody at the console. `scopes` are those of this moment: a role that was changed counts at once."""

    row: SessionRow
    merchant: MerchantRow | None
    scopes: frozenset[str]

    @property
    def id(self) -> str:
        return self.row.id

    @property
    def user_id(self) -> str | None:
        return self.row.user_id

    def actor(self, ip: str) -> Actor:
        if self.row.user_id is not None:
            return Actor(ActorKind.USER, self.row.user_id, ip)
        return Actor(ActorKind.KEY, self.row.key_id or "", ip)


def hash_of(secret: str) -> str:
    """SHA-256: the secret is 256 bits of chance."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def begin(
    now: datetime,
    visit: Visit,
    *,
    user_id: str | None = None,
    key_id: str | None = None,
    merchant_id: str | None = None,
    stage: Stage = Stage.FULL,
    expires_at: datetime | None = None,
) -> str:
    """A new session; returns what its cookie holds. Part of the caller's transaction."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    lifetime = SECOND_FACTOR_WITHIN if stage is Stage.TOTP else timedelta(seconds=get_settings().limits.session_max_s)
    await session_store.insert(
        {
            "id": hash_of(secret),
            "user_id": user_id,
            "key_id": key_id,
            "merchant_id": merchant_id,
            "handle": new_id("ses"),
            "stage": stage.value,
            "created_at": now,
            "last_seen_at": now,
            "expires_at": expires_at or now + lifetime,
            "ip": visit.ip[:45],
            "browser": visit.browser[:BROWSER_CHARS_MAX],
        }
    )
    return secret


async def renew(old: Session, now: datetime, visit: Visit, *, merchant_id: str | None = None) -> str:
    """End a session and begin another for the same user, which lasts no longer. Part of the caller's transaction."""
    await session_store.end(old.id, now)
    return await begin(
        now,
        visit,
        user_id=old.user_id,
        key_id=old.row.key_id,
        merchant_id=merchant_id or old.row.merchant_id,
        expires_at=old.row.expires_at,
    )


async def find(secret: str, now: datetime) -> Session | None:
    """The session of a cookie, unless it is over: ended, too old, idle, or its user, membership or key is no more."""
    if not secret or len(secret) > 100:
        return None
    idle = timedelta(seconds=get_settings().limits.session_idle_s)
    row = await session_store.find(hash_of(secret), now, now - idle)
    if row is None:
        return None
    if row.last_seen_at + SEEN_EVERY <= now:
        await session_store.touch(row.id, now)
    if row.user_id is not None:
        allowed: frozenset[str] = frozenset()
        if row.role is not None and row.stage == Stage.FULL:
            allowed = frozenset(scope.value for scope in ROLE_SCOPES[Role(row.role)])
        return Session(row, _merchant(row) if row.role else None, allowed)
    if row.key_scopes is None or scopes.Scope.CONSOLE not in row.key_scopes:
        return None
    return Session(row, _merchant(row), scopes.held_at_the_console(row.key_scopes))


async def end(session: Session, now: datetime) -> None:
    async with transaction():
        await session_store.end(session.id, now)


async def open_of(user_id: str, now: datetime) -> list[OwnSession]:
    idle = timedelta(seconds=get_settings().limits.session_idle_s)
    return await session_store.open_of(user_id, now, now - idle)


def _merchant(row: SessionRow) -> MerchantRow | None:
    if row.merchant_id is None or row.merchant_created_at is None:
        return None
    profile = msgspec.json.decode(row.merchant_profile or "{}")
    return MerchantRow(row.merchant_id, row.merchant_name or "", profile, row.merchant_created_at)
