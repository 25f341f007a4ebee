"""Recording what happened, in the transaction in which it happens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orchestrator.db import in_transaction
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.notifications import store


async def record(event_type: EventType, merchant_id: str, object_id: str, data: dict[str, Any], at: datetime) -> None:
    """Keep an event with the change that it tells of; it is never told of what was rolled back."""
    if not in_transaction():
        raise RuntimeError(f"event {event_type} of {object_id} recorded outside a transaction")
    await store.insert(store.EventRow(new_id("evt"), merchant_id, event_type.value, object_id, data, at))
