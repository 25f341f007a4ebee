"""Every query on events."""

import secrets
from datetime import datetime
from typing import Any

import msgspec

from orchestrator.db import later
from orchestrator.notifications.tables import Event
from orchestrator.outbox import VERSION_BITS

_INSERT = "INSERT INTO event (id, merchant_id, type, object_id, data, created_at) VALUES ($1, $2, $3, $4, $5, $6)"
_ENQUEUE = (
    "INSERT INTO outbox (topic, subject, due_at, version, tries) "
    "SELECT $1::varchar, $2::varchar, $3::timestamptz, $4::bigint, 0 WHERE EXISTS "
    "(SELECT 1 FROM webhook_endpoint WHERE merchant_id = $5 AND enabled AND deleted_at IS NULL)"
)


class EventRow(msgspec.Struct, frozen=True):
    """An event as stored. `sequence` counts the events of its object from 1, without gaps."""

    id: str
    merchant_id: str
    type: str
    object_id: str
    sequence: int
    data: dict[str, Any]
    created_at: datetime


async def insert(
    event_id: str, merchant_id: str, event_type: str, object_id: str, data: dict[str, Any], at: datetime
) -> None:
    """Add an event as the next of its object: a trigger numbers it (`number_event`), so that nothing is read here."""
    text = msgspec.json.encode(data).decode()
    await later(f"event {event_id}", _INSERT, event_id, merchant_id, event_type, object_id, text, at)


async def enqueue_if_anyone_listens(topic: str, event_id: str, merchant_id: str, at: datetime) -> None:
    """Put the event into the outbox unless the merchant has no endpoint: most have none, and no worker is to care."""
    version = secrets.randbits(VERSION_BITS)
    await later(f"outbox {topic} {event_id}", _ENQUEUE, topic, event_id, at, version, merchant_id)


async def events(event_ids: list[str]) -> list[EventRow]:
    """These events, in no order."""
    rows = await Event.select().where(Event.id.is_in(event_ids)).output(load_json=True)
    return msgspec.convert(rows, list[EventRow])


async def events_of(
    merchant_id: str, *, limit: int, before_id: str | None = None, object_id: str | None = None
) -> list[EventRow]:
    """Newest first."""
    query = Event.select().where(Event.merchant_id == merchant_id)
    if before_id:
        query = query.where(Event.id < before_id)
    if object_id:
        query = query.where(Event.object_id == object_id)
    rows = await query.order_by(Event.id, ascending=False).limit(limit).output(load_json=True)
    return msgspec.convert(rows, list[EventRow])
