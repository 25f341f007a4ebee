"""Every query on approval requests and on merchants' policies."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from orchestrator.approvals.states import OPEN, ApprovalKind, ApprovalState
from orchestrator.approvals.tables import ApprovalRequest, MerchantPolicy
from orchestrator.db import fetch


class ApprovalRow(msgspec.Struct, frozen=True):
    """A request as stored. `requested_by` and `decided_by` are actors: `key:key_…`, `user:usr_…`."""

    id: str
    merchant_id: str
    kind: ApprovalKind
    subject: str
    payload: dict[str, Any]
    state: ApprovalState
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    note: str = ""
    due_at: datetime | None = None
    finished_at: datetime | None = None
    result_id: str | None = None
    failure: str | None = None


_APPROVE = (
    "UPDATE approval_request SET state = 'approved', decided_by = $2, decided_at = $3, note = $4, due_at = $5 "
    "WHERE id = $1 AND state = 'pending'"
)
_REJECT = (
    "UPDATE approval_request SET state = 'rejected', decided_by = $2, decided_at = $3, note = $4, finished_at = $3 "
    "WHERE id = $1 AND state IN ('pending', 'approved')"
)
_FINISH = (
    "UPDATE approval_request SET state = $2, finished_at = $3, result_id = $4, failure = $5 "
    "WHERE id = $1 AND state = $6 RETURNING id"
)
# An actor's own beginning, and as a member of the merchant: an approver that was made after the request is none.
_KEY_SINCE = "SELECT created_at AS since FROM api_key WHERE id = $1 AND merchant_id = $2 AND revoked_at IS NULL"
_USER_SINCE = (
    "SELECT GREATEST(u.created_at, m.created_at) AS since FROM console_user u JOIN membership m ON m.user_id = u.id "
    "WHERE u.id = $1 AND m.merchant_id = $2 AND u.disabled_at IS NULL AND m.disabled_at IS NULL"
)
# Who has had an actor's secret in hand: the actor, and whoever made or rotated the key, back to a user or the shell. Of
# the shell's keys nothing is known: whoever has the machine hands them to different people.
_HANDS = """
WITH RECURSIVE hands (name) AS (
    SELECT $2::text
    UNION
    SELECT maker.name FROM hands JOIN LATERAL (
        SELECT 'key:' || k.id AS name FROM api_key k
        WHERE k.merchant_id = $1 AND k.replaced_by = substr(hands.name, 5)
        UNION ALL
        SELECT e.actor_kind || ':' || e.actor_id FROM audit_entry e
        WHERE e.merchant_id = $1 AND e.actor_kind IN ('key', 'user')
            AND (e.action = 'api_key.created' AND e.object_id = substr(hands.name, 5)
                OR e.action = 'api_key.rotated' AND e.object_id IN (
                    SELECT k.id FROM api_key k WHERE k.merchant_id = $1 AND k.replaced_by = substr(hands.name, 5)))
    ) maker ON hands.name LIKE 'key:%'
)
SELECT name FROM hands
"""
_ADMINS = (
    "SELECT u.email FROM console_user u JOIN membership m ON m.user_id = u.id WHERE m.merchant_id = $1 "
    "AND m.role = 'admin' AND u.disabled_at IS NULL AND m.disabled_at IS NULL ORDER BY u.email"
)
_PUT_POLICY = (
    "INSERT INTO merchant_policy (merchant_id, refund_limits, updated_by, updated_at) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (merchant_id) DO UPDATE SET refund_limits = EXCLUDED.refund_limits, "
    "updated_by = EXCLUDED.updated_by, updated_at = EXCLUDED.updated_at"
)
_PUT_BANK = (
    "UPDATE merchant SET profile = jsonb_set(profile, '{bank}', $2::jsonb) "
    "WHERE id = $1 AND COALESCE(profile->'bank', 'null'::jsonb) = $3::jsonb RETURNING id"
)


async def insert(row: ApprovalRow) -> None:
    values = {**msgspec.structs.asdict(row), "payload": msgspec.json.encode(row.payload).decode()}
    await ApprovalRequest.insert(ApprovalRequest(**values))


async def approval(approval_id: str, *, lock: bool = False) -> ApprovalRow | None:
    """`lock` keeps it as it is until the transaction ends."""
    query = ApprovalRequest.select().where(ApprovalRequest.id == approval_id).first().output(load_json=True)
    row = await (query.lock_rows("NO KEY UPDATE") if lock else query)
    return msgspec.convert(row, ApprovalRow) if row else None


async def open_one(merchant_id: str, kind: ApprovalKind, subject: str) -> ApprovalRow | None:
    """The request for this thing that is neither decided against nor done."""
    row = (
        await ApprovalRequest.select()
        .where(
            ApprovalRequest.merchant_id == merchant_id,
            ApprovalRequest.kind == kind.value,
            ApprovalRequest.subject == subject,
            ApprovalRequest.state.is_in([state.value for state in OPEN]),
        )
        .first()
        .output(load_json=True)
    )
    return msgspec.convert(row, ApprovalRow) if row else None


async def approvals_of(
    merchant_id: str, *, limit: int, before_id: str | None = None, state: ApprovalState | None = None
) -> list[ApprovalRow]:
    """Newest first."""
    query = ApprovalRequest.select().where(ApprovalRequest.merchant_id == merchant_id)
    if before_id is not None:
        query = query.where(ApprovalRequest.id < before_id)
    if state is not None:
        query = query.where(ApprovalRequest.state == state.value)
    rows = await query.order_by(ApprovalRequest.id, ascending=False).limit(limit).output(load_json=True)
    return msgspec.convert(rows, list[ApprovalRow])


async def approve(approval_id: str, by: str, at: datetime, note: str, due_at: datetime) -> None:
    await fetch(_APPROVE, approval_id, by, at, note, due_at)


async def reject(approval_id: str, by: str, at: datetime, note: str) -> None:
    await fetch(_REJECT, approval_id, by, at, note)


async def finish(
    approval_id: str,
    before: ApprovalState,
    state: ApprovalState,
    at: datetime,
    *,
    result_id: str | None = None,
    failure: str | None = None,
) -> bool:
    """Whether it was in the state `before` and is now in `state`: of several, one finishes it."""
    return bool(await fetch(_FINISH, approval_id, state.value, at, result_id, failure, before.value))


async def key_since(key_id: str, merchant_id: str) -> datetime | None:
    rows = await fetch(_KEY_SINCE, key_id, merchant_id)
    return rows[0]["since"] if rows else None


async def user_since(user_id: str, merchant_id: str) -> datetime | None:
    rows = await fetch(_USER_SINCE, user_id, merchant_id)
    return rows[0]["since"] if rows else None


async def hands_of(merchant_id: str, actor_name: str) -> frozenset[str]:
    """The names of all who have had the actor's secret in hand, its own among them."""
    return frozenset(row["name"] for row in await fetch(_HANDS, merchant_id, actor_name))


async def admin_addresses(merchant_id: str) -> list[str]:
    return [row["email"] for row in await fetch(_ADMINS, merchant_id)]


async def refund_limits(merchant_id: str) -> dict[str, int]:
    """Minor units by currency; none where the merchant has set nothing."""
    row = (
        await MerchantPolicy.select(MerchantPolicy.refund_limits)
        .where(MerchantPolicy.merchant_id == merchant_id)
        .first()
        .output(load_json=True)
    )
    return msgspec.convert(row["refund_limits"], dict[str, int]) if row else {}


async def put_refund_limits(merchant_id: str, limits: dict[str, int], by: str, at: datetime) -> None:
    await fetch(_PUT_POLICY, merchant_id, msgspec.json.encode(limits).decode(), by, at)


async def put_bank_details(merchant_id: str, details: dict[str, str], previous: dict[str, str] | None) -> bool:
    """Whether the merchant's details were `previous` until now."""
    new, old = (msgspec.json.encode(value).decode() for value in (details, previous))
    return bool(await fetch(_PUT_BANK, merchant_id, new, old))
