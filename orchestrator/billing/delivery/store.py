"""Every query on deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from orchestrator.billing.delivery.states import Channel, DeliveryKind, DeliveryState
from orchestrator.billing.delivery.tables import DocumentDelivery
from orchestrator.db import fetch, later


class DeliveryRow(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery as stored. `error` says in words why it is where it is, or what the last try came to."""

    id: str
    merchant_id: str
    object_id: str
    thread_id: str
    kind: DeliveryKind
    channel: str
    recipient: str
    message_id: str
    state: DeliveryState
    error: str
    tries: int
    requested_by: str
    content: dict[str, Any]
    created_at: datetime
    sent_at: datetime | None = None
    finished_at: datetime | None = None


_NAMES = DeliveryRow.__struct_fields__
_INSERT = (
    f"INSERT INTO document_delivery ({', '.join(_NAMES)}) "  # noqa: S608 - the names of our own fields
    f"VALUES ({', '.join(f'${number}' for number in range(1, len(_NAMES) + 1))})"
)
_CLAIM = (
    "UPDATE document_delivery SET tries = tries + 1, claimed_until = $2 "
    "WHERE id = $1 AND state = 'queued' AND (claimed_until IS NULL OR claimed_until <= $3) RETURNING id"
)
_RELEASE = "UPDATE document_delivery SET claimed_until = NULL, error = $2 WHERE id = $1 AND state = 'queued'"
_SENT = (
    "UPDATE document_delivery SET state = 'sent', sent_at = $2, error = '', claimed_until = NULL, "
    "message_id = CASE WHEN $3::text = '' THEN message_id ELSE $3 END "
    "WHERE id = $1 AND state = 'queued' RETURNING id"
)
_ENDED = (
    "UPDATE document_delivery SET state = $2, error = $3, finished_at = $4, claimed_until = NULL "
    "WHERE id = $1 AND state IN ('queued', 'sent') RETURNING id"
)
_FIRST_OF_THREAD = (
    "SELECT message_id FROM document_delivery WHERE thread_id = $1 AND channel = 'email' AND state <> 'not_sent' "
    "AND id < $2 ORDER BY id LIMIT 1"
)
_LAST_STATES = (
    "SELECT DISTINCT ON (object_id) object_id, state FROM document_delivery "
    "WHERE merchant_id = $1 AND object_id = ANY($2::varchar[]) ORDER BY object_id, id DESC"
)
_RECENT = (
    "SELECT count(*) AS n FROM document_delivery WHERE object_id = $1 AND kind = $2 AND created_at > $3 "
    "AND state <> 'not_sent'"
)


async def insert(row: DeliveryRow) -> None:
    """Together with what else the caller's transaction still has to write."""
    values = {**msgspec.structs.asdict(row), "content": msgspec.json.encode(row.content).decode()}
    await later(f"delivery {row.id}", _INSERT, *(values[name] for name in _NAMES))


async def claim(delivery_id: str, now: datetime, until: datetime) -> bool:
    """Take it for sending, over all processes, and count the try. False where it is taken or no longer queued."""
    return bool(await fetch(_CLAIM, delivery_id, until, now))


async def release(delivery_id: str, error: str) -> None:
    """Give it back: it may be tried again at once."""
    await fetch(_RELEASE, delivery_id, error)


async def mark_sent(delivery_id: str, now: datetime, message_id: str = "") -> bool:
    """False where it is no longer queued."""
    return bool(await fetch(_SENT, delivery_id, now, message_id))


async def mark_ended(delivery_id: str, state: DeliveryState, error: str, now: datetime) -> bool:
    """False where it had ended before."""
    return bool(await fetch(_ENDED, delivery_id, state.value, error, now))


async def by_id(delivery_id: str) -> DeliveryRow | None:
    """For work that was queued by id: whoever queued it had the right to."""
    return _first(await DocumentDelivery.select().where(DocumentDelivery.id == delivery_id).output(load_json=True))


async def find(merchant_id: str, delivery_id: str) -> DeliveryRow | None:
    """A merchant's own delivery."""
    query = DocumentDelivery.select().where(
        DocumentDelivery.merchant_id == merchant_id, DocumentDelivery.id == delivery_id
    )
    return _first(await query.output(load_json=True))


async def find_mail(merchant_id: str, message_ids: Sequence[str]) -> DeliveryRow | None:
    """The mail of a merchant that has one of these Message-IDs."""
    query = DocumentDelivery.select().where(
        DocumentDelivery.merchant_id == merchant_id,
        DocumentDelivery.channel == Channel.EMAIL.value,
        DocumentDelivery.message_id.is_in(list(message_ids)),
    )
    return _first(await query.order_by(DocumentDelivery.id).limit(1).output(load_json=True))


async def of_object(merchant_id: str, object_id: str) -> list[DeliveryRow]:
    """What was sent of one thing, oldest first."""
    query = DocumentDelivery.select().where(
        DocumentDelivery.merchant_id == merchant_id, DocumentDelivery.object_id == object_id
    )
    return [_row(found) for found in await query.order_by(DocumentDelivery.id).output(load_json=True)]


async def last_states(merchant_id: str, object_ids: Sequence[str]) -> dict[str, str]:
    """What became of the last delivery of each of these documents."""
    rows = await fetch(_LAST_STATES, merchant_id, list(object_ids)) if object_ids else []
    return {row["object_id"]: row["state"] for row in rows}


async def deliveries_of(
    merchant_id: str,
    *,
    limit: int,
    before_id: str | None = None,
    object_id: str | None = None,
    state: DeliveryState | None = None,
) -> list[DeliveryRow]:
    """Newest first. `object_id` gives what was sent in the thread of an invoice, too."""
    query = DocumentDelivery.select().where(DocumentDelivery.merchant_id == merchant_id)
    if object_id is not None:
        query = query.where((DocumentDelivery.object_id == object_id) | (DocumentDelivery.thread_id == object_id))
    if state is not None:
        query = query.where(DocumentDelivery.state == state.value)
    if before_id is not None:
        query = query.where(DocumentDelivery.id < before_id)
    found = await query.order_by(DocumentDelivery.id, ascending=False).limit(limit).output(load_json=True)
    return [_row(one) for one in found]


async def first_message_of(thread_id: str, before_id: str) -> str:
    """The Message-ID of the first mail of a thread, before this one; empty where this is the first."""
    rows = await fetch(_FIRST_OF_THREAD, thread_id, before_id)
    return str(rows[0]["message_id"]) if rows else ""


async def sent_since(object_id: str, kind: DeliveryKind, since: datetime) -> int:
    """How many of a kind were asked for since then."""
    return int((await fetch(_RECENT, object_id, kind.value, since))[0]["n"])


def _first(found: Sequence[dict[str, Any]]) -> DeliveryRow | None:
    return _row(found[0]) if found else None


def _row(found: dict[str, Any]) -> DeliveryRow:
    values = {name: found[name] for name in DeliveryRow.__struct_fields__}
    values |= {"kind": DeliveryKind(found["kind"]), "state": DeliveryState(found["state"])}
    return DeliveryRow(**values)
