"""The audit log: who did what, when, from where, with what was before and after. Part of the change's own transaction.

Each merchant's entries are a chain: an entry's hash covers the entry and the hash before it, so that one which is
changed, taken out or put in later shows (`clearway audit verify`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from orchestrator import db
from orchestrator.access import actor as actors
from orchestrator.access import audit_store
from orchestrator.access.actor import Actor
from orchestrator.access.audit_store import EntryRow
from orchestrator.ids import new_id

FIRST_HASH = "0" * 64
REDACTED = "[redacted]"
VERIFY_BATCH = 1_000

# A name tells of a secret when one of its parts begins so, or is this.
_SECRET_STEMS = ("secret", "password", "credential", "token", "sealed")
_SECRET_PARTS = frozenset({"hash", "iban", "cvc", "pan", "apikey"})


class Action(StrEnum):
    """What was done, by the object first. Others may be added; these never change."""

    KEY_CREATED = "api_key.created"
    KEY_ROTATED = "api_key.rotated"
    KEY_REVOKED = "api_key.revoked"
    USER_INVITED = "user.invited"
    USER_ROLE_CHANGED = "user.role_changed"
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"
    USER_LINK_MADE = "user.link_made"
    USER_PASSWORD_CHANGED = "user.password_changed"  # noqa: S105 - a name
    USER_TOTP_ON = "user.totp_on"
    USER_TOTP_OFF = "user.totp_off"
    USER_SIGNED_IN = "user.signed_in"
    USER_SIGN_IN_REFUSED = "user.sign_in_refused"
    USER_SIGNED_OUT_EVERYWHERE = "user.signed_out_everywhere"
    GATEWAY_ACCOUNT_ADDED = "gateway_account.added"
    GATEWAY_ACCOUNT_SWITCHED = "gateway_account.switched"
    GATEWAY_ACCOUNT_CHANGED = "gateway_account.changed"
    GATEWAY_ACCOUNT_DELETED = "gateway_account.deleted"
    GATEWAY_ACCOUNT_CREDENTIALS = "gateway_account.credentials_changed"
    GATEWAY_ACCOUNT_FORCED = "gateway_account.forced"
    MAINTENANCE_PLANNED = "gateway_account.maintenance_planned"
    MAINTENANCE_CANCELED = "gateway_account.maintenance_canceled"
    RULE_SET_ACTIVATED = "rule_set.activated"
    RULE_SET_SCHEDULED = "rule_set.scheduled"
    ROUTING_POLICY_CHANGED = "routing_policy.changed"
    WEBHOOK_ENDPOINT_ADDED = "webhook_endpoint.added"
    WEBHOOK_ENDPOINT_CHANGED = "webhook_endpoint.changed"
    WEBHOOK_ENDPOINT_SECRET_ROTATED = "webhook_endpoint.secret_rotated"  # noqa: S105 - a name
    WEBHOOK_ENDPOINT_DELETED = "webhook_endpoint.deleted"
    PAYMENT_CAPTURED = "payment.capture_asked"
    PAYMENT_CANCELED = "payment.cancel_asked"
    PAYMENT_REVIEW_RESOLVED = "payment.review_resolved"
    WORK_TRIED_AGAIN = "work.tried_again"
    LEDGER_VERIFICATION_ASKED = "ledger.verification_asked"
    REFUND_CREATED = "refund.created"
    SETTING_CHANGED = "setting.changed"
    RATE_ENTERED = "rate.entered"
    RATE_WITHDRAWN = "rate.withdrawn"
    BASE_RATE_ENTERED = "base_rate.entered"
    REMINDER_POLICY_CHANGED = "reminder_policy.changed"
    REMINDERS_PAUSED = "reminders.paused"
    REMINDERS_RESUMED = "reminders.resumed"
    AUTOMATIC_CHARGE_ON = "automatic_charge.on"
    AUTOMATIC_CHARGE_OFF = "automatic_charge.off"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Where a chain does not hold, and how."""

    sequence: int
    entry_id: str
    what: str


async def record(
    merchant_id: str,
    action: str,
    object_id: str,
    now: datetime,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    actor: Actor | None = None,
) -> None:
    """Write one entry in the caller's transaction, as its last step: the merchant's next entry waits for its end.

    The actor is whoever makes the request, unless given. Values under names that tell of secrets are redacted.
    Raises RuntimeError outside a transaction.
    """
    if not db.in_transaction():
        raise RuntimeError(f"{action} recorded outside the transaction that does it")
    who = actor or actors.current()
    sequence, previous_hash = await audit_store.lock_head(merchant_id, FIRST_HASH)
    entry = EntryRow(
        id=new_id("aud"),
        merchant_id=merchant_id,
        sequence=sequence + 1,
        actor_kind=who.kind.value,
        actor_id=who.id,
        action=str(action),
        object_id=object_id,
        before=_text(before),
        after=_text(after),
        ip=who.ip,
        created_at=now,
        previous_hash=previous_hash,
        hash="",
    )
    await audit_store.append(msgspec.structs.replace(entry, hash=hash_of(entry)))


def hash_of(entry: EntryRow) -> str:
    """SHA-256 over everything that the entry says, and over the hash before it."""
    at = entry.created_at.astimezone(UTC).isoformat(timespec="microseconds")
    said = [
        *(entry.previous_hash, entry.id, entry.merchant_id, entry.sequence, at, entry.actor_kind, entry.actor_id),
        *(entry.ip, entry.action, entry.object_id, entry.before, entry.after),
    ]
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()


def redacted(value: Any, name: str = "") -> Any:
    """The value without what its name, or the name of what it is in, says to be secret."""
    if _tells_of_a_secret(name):
        return REDACTED if value not in (None, "") else value
    if isinstance(value, Mapping):
        return {str(key): redacted(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        inner = [redacted(one) for one in value]
        return sorted(inner, key=str) if isinstance(value, set | frozenset) else inner
    return value


async def verify(merchant_id: str) -> tuple[int, Flaw | None]:
    """How many entries hold, from the first, and the first that does not."""
    previous, expected = FIRST_HASH, 1
    while rows := await audit_store.in_order(merchant_id, expected, VERIFY_BATCH):
        for row in rows:
            flaw = _flaw_of(row, expected, previous)
            if flaw is not None:
                return expected - 1, flaw
            previous, expected = row.hash, expected + 1
    head = await audit_store.head(merchant_id)
    if head is not None and head != (expected - 1, previous):
        return expected - 1, Flaw(head[0], "", "is missing: the chain was longer")
    return expected - 1, None


def _flaw_of(row: EntryRow, expected: int, previous: str) -> Flaw | None:
    if row.sequence != expected:
        return Flaw(expected, row.id, "is missing")
    if row.previous_hash != previous:
        return Flaw(row.sequence, row.id, "does not follow the one before")
    if row.hash != hash_of(row):
        return Flaw(row.sequence, row.id, "was changed")
    return None


def _tells_of_a_secret(name: str) -> bool:
    parts = name.lower().replace("-", "_").split("_")
    return name == "api_key" or any(part.startswith(_SECRET_STEMS) or part in _SECRET_PARTS for part in parts)


def _text(value: Mapping[str, Any] | None) -> str | None:
    if value is None:
        return None
    return msgspec.json.encode(redacted(dict(value)), order="sorted", enc_hook=str).decode()
