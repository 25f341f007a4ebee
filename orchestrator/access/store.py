"""Every query on merchants, API keys and idempotency records."""

from datetime import datetime
from typing import Any

import msgspec

from orchestrator.access.tables import ApiKey, IdempotencyRecord, Merchant
from orchestrator.db import UNHURRIED, fetch, later
from orchestrator.errors import ClearwayError


class MerchantRow(msgspec.Struct, frozen=True):
    """A merchant as stored."""

    id: str
    name: str
    profile: dict[str, Any]
    created_at: datetime


class ApiKeyRow(msgspec.Struct, frozen=True):
    """An API key as stored: its hash only, never the key."""

    id: str
    merchant_id: str
    name: str
    key_hint: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None
    expires_at: datetime | None
    last_used_at: datetime | None
    replaced_by: str | None

    def is_good(self, now: datetime) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


_KEY = (
    "id, merchant_id, name, key_hint, scopes, created_at, revoked_at, expires_at, last_used_at, replaced_by "
    "FROM api_key"
)


async def insert_merchant(merchant_id: str, name: str, profile: dict[str, Any], at: datetime) -> None:
    await Merchant.insert(
        Merchant(id=merchant_id, name=name, profile=msgspec.json.encode(profile).decode(), created_at=at)
    )


async def merchant(merchant_id: str) -> MerchantRow | None:
    rows = await fetch("SELECT row_to_json(merchant.*) AS it FROM merchant WHERE id = $1", merchant_id)
    return msgspec.json.decode(rows[0]["it"], type=MerchantRow) if rows else None


async def put_in_profile(merchant_id: str, name: str, value: Any) -> Any:
    """Set one field of the profile, and leave the others; what it was before, None where it was not there."""
    [row] = await fetch(
        "WITH old AS (SELECT id, profile FROM merchant WHERE id = $1 FOR NO KEY UPDATE) "
        "UPDATE merchant m SET profile = jsonb_set(old.profile, ARRAY[$2::text], $3::jsonb) FROM old "
        "WHERE m.id = old.id RETURNING (old.profile -> $2::text)::text AS before",
        merchant_id,
        name,
        msgspec.json.encode(value).decode(),
    )
    return msgspec.json.decode(row["before"]) if row["before"] is not None else None


async def merchants() -> list[MerchantRow]:
    rows = await Merchant.select().order_by(Merchant.created_at).output(load_json=True)
    return msgspec.convert(rows, list[MerchantRow])


async def insert_api_key(
    key_id: str,
    merchant_id: str,
    name: str,
    key_hash: str,
    key_hint: str,
    scopes: list[str],
    at: datetime,
    expires_at: datetime | None,
) -> None:
    await ApiKey.insert(
        ApiKey(
            id=key_id,
            merchant_id=merchant_id,
            name=name,
            key_hash=key_hash,
            key_hint=key_hint,
            scopes=scopes,
            created_at=at,
            expires_at=expires_at,
        )
    )


async def api_key_by_hash(key_hash: str) -> ApiKeyRow | None:
    return await _api_key("key_hash = $1", key_hash)


async def api_key(key_id: str) -> ApiKeyRow | None:
    """The key, unless it was revoked."""
    return await _api_key("id = $1 AND revoked_at IS NULL", key_id)


async def any_api_key(key_id: str) -> ApiKeyRow | None:
    """The key, also a revoked one."""
    return await _api_key("id = $1", key_id)


async def _api_key(condition: str, value: str) -> ApiKeyRow | None:
    rows = await fetch(f"SELECT {_KEY} WHERE {condition}", value)
    return ApiKeyRow(*rows[0].values()) if rows else None


async def api_keys_of(merchant_id: str, *, limit: int, before_id: str | None = None) -> list[ApiKeyRow]:
    """Newest first, also those that were revoked."""
    rows = await fetch(
        f"SELECT {_KEY} WHERE merchant_id = $1 AND ($3::varchar IS NULL OR id < $3) ORDER BY id DESC LIMIT $2",
        merchant_id,
        limit,
        before_id,
    )
    return [ApiKeyRow(*row.values()) for row in rows]


async def lock_api_key(key_id: str) -> None:
    await fetch("SELECT id FROM api_key WHERE id = $1 FOR UPDATE", key_id)


async def replace_api_key(key_id: str, new_key_id: str, expires_at: datetime) -> None:
    await fetch("UPDATE api_key SET replaced_by = $2, expires_at = $3 WHERE id = $1", key_id, new_key_id, expires_at)


async def note_use(key_id: str, now: datetime, unless_after: datetime) -> None:
    """Of several processes one writes it."""
    await fetch(
        "UPDATE api_key SET last_used_at = $2 "  # noqa: S608 - our own condition
        f"WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3) AND {UNHURRIED}",
        key_id,
        now,
        unless_after,
    )


async def revoke_api_key(merchant_id: str, key_id: str, at: datetime) -> bool:
    rows = (
        await ApiKey.update({ApiKey.revoked_at: at})
        .where(ApiKey.id == key_id, ApiKey.merchant_id == merchant_id, ApiKey.revoked_at.is_null())
        .returning(ApiKey.id)
    )
    return bool(rows)


class IdempotencyRow(msgspec.Struct, frozen=True):
    """What is known of a key that was used before."""

    fingerprint: str
    resource_id: str | None
    status: int | None
    body: str | None
    claimed_at: datetime


# A claim may be lost in a crash of the database: whatever is made under it commits later and takes it along, and
# where nothing was made, the repeated request is the first.
_CLAIM = (
    "INSERT INTO idempotency_record (id, merchant_id, route, fingerprint, claimed_at, expires_at) "
    "SELECT $1::varchar, $2::varchar, $3::varchar, $4::varchar, $5::timestamptz, $6::timestamptz "
    f"WHERE {UNHURRIED} ON CONFLICT (id) DO UPDATE SET fingerprint = EXCLUDED.fingerprint, "
    "resource_id = NULL, status = NULL, body = NULL, claimed_at = EXCLUDED.claimed_at, "
    "expires_at = EXCLUDED.expires_at WHERE idempotency_record.expires_at <= EXCLUDED.claimed_at RETURNING id"
)
_BIND = "UPDATE idempotency_record SET resource_id = $2 WHERE id = $1 AND resource_id IS NULL AND status IS NULL"
# So may the reply, where it says what was made: it is built again from that.
_COMPLETE = (
    "UPDATE idempotency_record SET status = $2, body = $3 WHERE id = $1 AND set_config('synchronous_commit', "
    "CASE WHEN resource_id IS NULL THEN current_setting('synchronous_commit') ELSE 'off' END, true) IS NOT NULL"
)


async def claim_idempotency(record: IdempotencyRecord) -> bool:
    """Whether this request is the first with its key. An expired record is replaced."""
    values = (record.merchant_id, record.route, record.fingerprint, record.claimed_at, record.expires_at)
    return bool(await fetch(_CLAIM, record.id, *values))


async def idempotency(record_id: str) -> IdempotencyRow | None:
    row = await IdempotencyRecord.select().where(IdempotencyRecord.id == record_id).first()
    return msgspec.convert(row, IdempotencyRow) if row else None


async def take_over_idempotency(record_id: str, seen_claimed_at: datetime, at: datetime) -> bool:
    """Claim a record whose owner died before it made anything: only one of several takers gets it."""
    rows = (
        await IdempotencyRecord.update({IdempotencyRecord.claimed_at: at})
        .where(
            IdempotencyRecord.id == record_id,
            IdempotencyRecord.claimed_at == seen_claimed_at,
            IdempotencyRecord.status.is_null(),
        )
        .returning(IdempotencyRecord.id)
    )
    return bool(rows)


class ClaimLost(ClearwayError):
    """Another request with the same key was taken for the owner of the work; this one must not do it again."""

    status = 409
    code = "idempotency_in_flight"


async def bind_idempotency(record_id: str, resource_id: str) -> None:
    """Say what the work made, in the transaction that makes it, which ends in ClaimLost when another was quicker.

    An owner that was slow may be alive when its claim is taken over; only the first of the two binds, and the other's
    transaction is rolled back: so a key makes one thing, whoever holds the claim.
    """
    await later(f"idempotency {record_id}", _BIND, record_id, resource_id, refusal=_claim_lost)


def _claim_lost() -> ClaimLost:
    return ClaimLost("A request with this key is at work elsewhere. Repeat it a little later for its answer.")


async def complete_idempotency(record_id: str, status: int, body: str) -> None:
    await fetch(_COMPLETE, record_id, status, body)


async def purge_idempotency(now: datetime) -> None:
    """Delete the records whose time is over."""
    await IdempotencyRecord.delete().where(IdempotencyRecord.expires_at <= now)


async def release_idempotency(record_id: str) -> None:
    """Forget a claim whose request was refused before anything was made: the corrected request may use the key."""
    await IdempotencyRecord.delete().where(IdempotencyRecord.id == record_id, IdempotencyRecord.resource_id.is_null())
