"""The verbs of deliveries: asked for in the caller's transaction, and what became of them. Who sends them is elsewhere.

A mail that could not be sent or came back is told once, by the event `delivery.failed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any

from orchestrator import clock_port, outbox
from orchestrator.access import actor
from orchestrator.billing.delivery import store
from orchestrator.billing.delivery.addresses import AddressRefused, mail_address
from orchestrator.billing.delivery.states import Channel, DeliveryKind, DeliveryState
from orchestrator.billing.delivery.store import DeliveryRow
from orchestrator.card_numbers import mask_card_numbers
from orchestrator.errors import NotFound
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.notifications.service import record
from orchestrator.settings import get_settings

TOPIC = "delivery.send"
CLAIMED = timedelta(minutes=5)  # longer than a document takes to be drawn and handed to the mail server
ERROR_MAX_CHARS = 500
NO_ADDRESS = "the buyer has no e-mail address: give the customer one for the next document, and send this one `to` one"


async def request(
    merchant_id: str,
    *,
    object_id: str,
    kind: DeliveryKind,
    to: str,
    thread_id: str = "",
    channel: str = Channel.EMAIL,
    content: Mapping[str, Any] | None = None,
) -> DeliveryRow:
    """Have it sent after the commit of the caller's transaction. One that can go nowhere is recorded as `not_sent` with
    the reason; a mail is rung for, any other channel by its own sender."""
    now, is_mail = clock_port.now(), channel == Channel.EMAIL
    delivery_id = new_id("ddl")
    recipient, error = _recipient(to) if is_mail else (to, "" if to else "the buyer has no address for this channel")
    row = DeliveryRow(
        id=delivery_id,
        merchant_id=merchant_id,
        object_id=object_id,
        thread_id=thread_id or object_id,
        kind=kind,
        channel=str(channel),
        recipient=recipient,
        message_id=f"<{delivery_id}@{_sender_domain()}>" if is_mail else "",
        state=DeliveryState.NOT_SENT if error else DeliveryState.QUEUED,
        error=error,
        tries=0,
        requested_by=_actor(),
        content=dict(content or {}),
        created_at=now,
        finished_at=now if error else None,
    )
    await store.insert(row)
    if is_mail and not error:
        await outbox.enqueue(TOPIC, row.id, now)
    return row


async def get(merchant_id: str, delivery_id: str) -> DeliveryRow:
    """Raises NotFound, also for another merchant's."""
    found = await store.find(merchant_id, delivery_id)
    if found is None:
        raise NotFound("delivery", delivery_id)
    return found


async def claim(row: DeliveryRow, now: datetime) -> bool:
    """Take it for sending: nobody else sends it meanwhile, in any process. False where somebody is at it."""
    return await store.claim(row.id, now, now + CLAIMED)


async def mark_sent(row: DeliveryRow, now: datetime, message_id: str = "") -> bool:
    """The next server took it. False where it had ended before."""
    return await store.mark_sent(row.id, now, message_id)


async def mark_failed(row: DeliveryRow, now: datetime, error: str, state: DeliveryState = DeliveryState.FAILED) -> bool:
    """It will not arrive: `failed` or `bounced`. Part of the caller's transaction; told once. False where it had ended
    before."""
    words = mask_card_numbers(" ".join(error.split()))[:ERROR_MAX_CHARS] or "no reason was given"
    if not await store.mark_ended(row.id, state, words, now):
        return False
    data = {"delivery": row.id, "kind": row.kind.value, "channel": row.channel, "state": state.value, "error": words}
    await record(EventType.DELIVERY_FAILED, row.merchant_id, row.object_id, data, now)
    return True


async def mark_needless(row: DeliveryRow, now: datetime) -> bool:
    """What it was about is over: it is not sent, and that is no failure."""
    return await store.mark_ended(row.id, DeliveryState.NOT_SENT, "no longer to be sent", now)


def _recipient(to: str) -> tuple[str, str]:
    """The address and nothing, or what was given and why it is none."""
    if not to:
        return "", NO_ADDRESS
    try:
        return mail_address(to), ""
    except AddressRefused as refused:
        return " ".join(to.split())[:320], f"the buyer's e-mail address {refused}"


def _sender_domain() -> str:
    return parseaddr(get_settings().mail_from)[1].rpartition("@")[2] or "clearway.invalid"


def _actor() -> str:
    who = actor.current()
    return f"{who.kind.value}:{who.id}"[:60]
