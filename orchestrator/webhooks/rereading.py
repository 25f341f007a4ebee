"""Reading a stored message again from the request that was kept, as its adapter understands it today.

A message is replayed because something was wrong with us, and that may have been the translation.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.gateways import connections
from orchestrator.gateways.base import WebhookMessage
from orchestrator.webhooks import log, store
from orchestrator.webhooks.arrivals import TOPIC, as_kept, encoded, short_key
from orchestrator.webhooks.store import NewDelivery, WebhookRow

BODY_GONE = " (as it was read when it came: its body is no longer kept)"


@dataclass(frozen=True, slots=True)
class Reading:
    """A message to be applied; `remark` goes behind the note of what came of it."""

    message: WebhookMessage
    remark: str = ""


async def read(row: WebhookRow) -> Reading:
    """The message: as it was read when it came, or, where it is applied again, as it is read now.

    Raises WebhookUnreadable, SecretUnreadable where no key opens the body, msgspec.ValidationError.
    """
    if not row.replays:
        return Reading(msgspec.convert(row.content, WebhookMessage))
    request = await log.request_of(row.delivery_id)
    if request.body is None:
        return Reading(msgspec.convert(row.content, WebhookMessage), BODY_GONE)
    connection = await connections.connect(row.gateway_account_id)
    for message in connection.gateway.translate_webhook(request.body):
        if short_key(message.event_key) == row.event_key:
            storable, content = encoded(message)
            await store.retranslate(row.id, storable.kind, content)
            return Reading(storable)
    return Reading(msgspec.convert(row.content, WebhookMessage), " (its body has no such event any more)")


async def read_unreadable(row: WebhookRow) -> int:
    """Keep what the adapter can read now of what nobody could read, each as a message of its own. How many.

    Raises WebhookUnreadable where it still is. Safe to repeat: messages are known by their keys.
    """
    request = await log.request_of(row.delivery_id)
    if request.body is None:
        raise LookupError("its body is no longer kept, and it was never understood")
    connection, now = await connections.connect(row.gateway_account_id), clock_port.now()
    messages = connection.gateway.translate_webhook(request.body)
    kept = tuple([await as_kept(row.gateway_account_id, message, now) for message in messages])
    delivery = NewDelivery(row.delivery_id, row.gateway_account_id, "{}", b"", now, kept)  # which is there already
    await store.keep([delivery], TOPIC)
    async with transaction():
        note = f"read again as {len(kept)} message{'' if len(kept) == 1 else 's'}"
        await store.mark(row.id, "applied", note, None, now)
    return len(kept)
