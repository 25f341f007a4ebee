"""The verbs of API keys: creating, rotating with an overlap, revoking. The secret is shown once; its hash is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from orchestrator import clock_port
from orchestrator.access import audit, store
from orchestrator.access.audit import Action
from orchestrator.access.scopes import Scope, held
from orchestrator.access.store import ApiKeyRow
from orchestrator.db import transaction
from orchestrator.errors import Conflict, Forbidden, InvalidField, NotFound
from orchestrator.ids import new_id

KEY_PREFIX = "sk_clearway_"
HINT_CHARS = 18
OVERLAP_MAX = timedelta(days=30)


def hash_of(secret: str) -> str:
    """SHA-256: the key has 192 bits of chance, so a slow hash would protect nothing more."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def create(
    merchant_id: str,
    name: str,
    scopes: Iterable[str],
    *,
    expires_at: datetime | None = None,
    by: Iterable[str] | None = None,
    idempotency_id: str | None = None,
) -> tuple[ApiKeyRow, str]:
    """A new key, and its secret for this once. `by` are the scopes of whoever makes it: a key grants no more than they
    have. Raises InvalidField (an unknown scope, an end in the past), Forbidden.
    """
    asked, now = _known(scopes), clock_port.now()
    _may_grant(asked, by)
    if expires_at is not None and expires_at <= now:
        raise InvalidField("expires_at", "must be in the future")
    async with transaction():
        key_id, secret = await _insert(merchant_id, name, asked, expires_at, now)
        if idempotency_id:
            await store.bind_idempotency(idempotency_id, key_id)
        said = {"name": name, "scopes": asked, "expires_at": expires_at}
        await audit.record(merchant_id, Action.KEY_CREATED, key_id, now, after=said)
    return await get(merchant_id, key_id), secret


async def get(merchant_id: str, key_id: str) -> ApiKeyRow:
    """Raises NotFound, also for another merchant's key."""
    row = await store.any_api_key(key_id)
    if row is None or row.merchant_id != merchant_id:
        raise NotFound("API key", key_id)
    return row


async def rotate(
    merchant_id: str,
    key_id: str,
    old_until: datetime,
    *,
    by: Iterable[str] | None = None,
    idempotency_id: str | None = None,
) -> tuple[ApiKeyRow, str]:
    """Another key that may do the same, and its secret; the old one lives on until `old_until`, or its own end.

    Raises NotFound, Forbidden, InvalidField, Conflict (revoked, expired or rotated before).
    """
    now = clock_port.now()
    if not now <= old_until <= now + OVERLAP_MAX:
        raise InvalidField("old_key_expires_at", f"must be between now and {OVERLAP_MAX.days} days from now")
    async with transaction():
        await store.lock_api_key(key_id)
        old = await get(merchant_id, key_id)
        _may_grant(old.scopes, by)
        if not old.is_good(now) or old.replaced_by is not None:
            raise Conflict("The key was revoked, has expired, or was rotated before. Rotate the newest, or create one.")
        new_key_id, secret = await _insert(merchant_id, old.name, old.scopes, old.expires_at, now)
        ends = min(old_until, old.expires_at) if old.expires_at else old_until
        await store.replace_api_key(key_id, new_key_id, ends)
        if idempotency_id:
            await store.bind_idempotency(idempotency_id, new_key_id)
        said = {"new_id": new_key_id, "old_expires_at": ends}
        await audit.record(merchant_id, Action.KEY_ROTATED, key_id, now, after=said)
    return await get(merchant_id, new_key_id), secret


async def revoke(merchant_id: str, key_id: str) -> ApiKeyRow:
    """End a key now; once more changes nothing. Raises NotFound."""
    now = clock_port.now()
    async with transaction():
        await get(merchant_id, key_id)
        if await store.revoke_api_key(merchant_id, key_id, now):
            await audit.record(merchant_id, Action.KEY_REVOKED, key_id, now)
    return await get(merchant_id, key_id)


async def _insert(
    merchant_id: str, name: str, scopes: list[str], expires_at: datetime | None, now: datetime
) -> tuple[str, str]:
    key_id, secret = new_id("key"), KEY_PREFIX + secrets.token_hex(24)
    hint = secret[:HINT_CHARS]
    await store.insert_api_key(key_id, merchant_id, name, hash_of(secret), hint, scopes, now, expires_at)
    return key_id, secret


def _known(scopes: Iterable[str]) -> list[str]:
    words = list(dict.fromkeys(str(word) for word in scopes))
    for index, word in enumerate(words):
        if word not in {scope.value for scope in Scope}:
            raise InvalidField(f"scopes[{index}]", f"must be one of {', '.join(Scope)}")
    return words


def _may_grant(scopes: list[str], by: Iterable[str] | None) -> None:
    lacking = sorted(set(scopes) - held(by)) if by is not None else []
    if lacking:
        raise Forbidden(f"You cannot grant what you lack: {', '.join(lacking)}.")
