"""Every query on events."""

from datetime import datetime
from typing import Any

import msgspec

from orchestrator.notifications.tables import Event


class EventRow(msgspec.Struct, frozen=True):
    """An event as stored."""

    id: str
    merchant_id: str
    type: str
    object_id: str
    data: dict[str, Any]
    created_at: datetime


async def insert(row: EventRow) -> None:
    await Event.insert(
        Event(
            id=row.id,
            merchant_id=row.merchant_id,
            type=row.type,
            object_id=row.object_id,
            data=msgspec.json.encode(row.data).decode(),
            created_at=row.created_at,
        )
    )


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
