"""Merchants, and knowing who is asking by an API key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from orchestrator import clock_port
from orchestrator.access import api_keys, store
from orchestrator.access.scopes import Scope, held
from orchestrator.access.store import MerchantRow
from orchestrator.db import transaction
from orchestrator.errors import Forbidden, NotFound, Unauthorized
from orchestrator.ids import new_id

ALL_SCOPES: tuple[str, ...] = tuple(scope.value for scope in Scope)
KEY_PREFIX = api_keys.KEY_PREFIX
LAST_USE_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: the API key and the merchant that it belongs to."""

    key_id: str
    merchant_id: str
    scopes: frozenset[str]
    expires_at: datetime | None = None

    def require(self, scope: str) -> None:
        """Raises Forbidden when the key lacks the scope."""
        if scope not in self.scopes:
            raise Forbidden(f"This API key lacks the scope {str(scope)!r}. Use a key that has it.")


async def create_merchant(name: str, profile: dict[str, Any]) -> MerchantRow:
    """A new legal entity that sells. `profile` holds what its documents print (address, VAT id, e-mail)."""
    merchant_id = new_id("mer")
    async with transaction():
        await store.insert_merchant(merchant_id, name, profile, clock_port.now())
    return await get_merchant(merchant_id)


async def get_merchant(merchant_id: str) -> MerchantRow:
    """Raises NotFound."""
    found = await store.merchant(merchant_id)
    if found is None:
        raise NotFound("merchant", merchant_id)
    return found


async def create_api_key(merchant_id: str, name: str, scopes: Iterable[str] = ALL_SCOPES) -> str:
    """A new key without an end, from the machine itself: only its secret is returned, this once."""
    _, secret = await api_keys.create(merchant_id, name, scopes)
    return secret


def hash_key(secret: str) -> str:
    return api_keys.hash_of(secret)


async def authenticate(secret: str) -> Caller:
    """Who holds this key; notes its use, to the minute. Raises Unauthorized."""
    now = clock_port.now()
    row = await store.api_key_by_hash(hash_key(secret))
    if row is None or not row.is_good(now):
        raise unknown_key()
    if row.last_used_at is None or row.last_used_at + LAST_USE_EVERY <= now:
        await store.note_use(row.id, now, now - LAST_USE_EVERY)
    return Caller(row.id, row.merchant_id, held(row.scopes), row.expires_at)


def unknown_key() -> Unauthorized:
    """The same is said of keys that never were, were revoked, or have expired."""
    return Unauthorized(
        "The API key is not known, has expired or was revoked. Send `Authorization: Bearer sk_clearway_…`."
    )
