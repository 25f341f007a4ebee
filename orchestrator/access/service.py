"""Merchants and API keys: making them, and knowing who is asking."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from orchestrator import clock_port
from orchestrator.access import store
from orchestrator.access.store import MerchantRow
from orchestrator.db import transaction
from orchestrator.errors import Forbidden, NotFound, Unauthorized
from orchestrator.ids import new_id

ALL_SCOPES = ("payments:write", "payments:read", "invoices:write", "invoices:read", "finance", "operate", "console")
KEY_PREFIX = "sk_clearway_"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: the API key and the merchant that it belongs to."""

    key_id: str
    merchant_id: str
    scopes: frozenset[str]

    def require(self, scope: str) -> None:
        """Raises Forbidden when the key lacks the scope."""
        if scope not in self.scopes:
            raise Forbidden(f"This API key lacks the scope {scope!r}. Use a key that has it.")


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


async def create_api_key(merchant_id: str, name: str, scopes: tuple[str, ...] = ALL_SCOPES) -> str:
    """A new key, returned this once; the database keeps its hash."""
    secret = KEY_PREFIX + secrets.token_hex(24)
    async with transaction():
        await store.insert_api_key(
            new_id("key"), merchant_id, name, hash_key(secret), secret[:18], list(scopes), clock_port.now()
        )
    return secret


def hash_key(secret: str) -> str:
    """SHA-256: the key has 192 bits of chance, so a slow hash would protect nothing more."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def authenticate(secret: str) -> Caller:
    """Who holds this key. Raises Unauthorized."""
    row = await store.api_key_by_hash(hash_key(secret))
    if row is None:
        raise Unauthorized("The API key is not known or was revoked. Send `Authorization: Bearer sk_clearway_…`.")
    return Caller(row.id, row.merchant_id, frozenset(row.scopes))
