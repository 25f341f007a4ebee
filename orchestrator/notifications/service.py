"""Recording what happened, in the transaction in which it happens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.notifications import store

FAN_OUT = "notification.fan_out"


async def record(event_type: EventType, merchant_id: str, object_id: str, data: dict[str, Any], at: datetime) -> None:
    """Keep an event with the change that it tells of; it is never told of what was rolled back.

    Who is told is found out by a worker. Raises RuntimeError outside a transaction.
    """
    event_id = new_id("evt")
    await store.insert(event_id, merchant_id, event_type.value, object_id, data, at)
    await store.enqueue_if_anyone_listens(FAN_OUT, event_id, merchant_id, at)
