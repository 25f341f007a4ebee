"""Webhooks in: verify, store raw, acknowledge; a worker applies them later, once in effect, in any order.

A message is a reason to look. What kind of message goes to whom stands in `_HANDLERS`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from orchestrator import clock_port
from orchestrator.customers import updates as method_updates
from orchestrator.db import transaction
from orchestrator.disputes import news as disputes
from orchestrator.gateways.base import WebhookMessage, WebhookUnreadable
from orchestrator.outbox import Later
from orchestrator.webhooks import looking, parking, payment_news, rereading, store
from orchestrator.webhooks.arrivals import CHANGES_NOTHING, TOPIC, UNREADABLE, Rejected, reason_of, receive
from orchestrator.webhooks.store import WebhookRow

__all__ = ["TOPIC", "Rejected", "apply", "give_up", "receive"]


async def apply(message_id: str) -> Later | None:
    """Let a stored message have its effect. Safe to repeat, and to break off anywhere.

    What it raises is tried again after a pause; a message that raised too often is parked, and raises no more.
    """
    row = await looking.message(message_id)
    if row is None or row.state != "received":
        return None
    try:
        if row.kind == UNREADABLE:
            return await _read_again_or_park(row)
        reading = await rereading.read(row)
        answer = await _handler_of(reading.message.kind)(row, reading.message)
        if reading.remark and answer is None:
            await store.remark(row.id, reading.remark)
        return answer
    except Exception as error:
        if await parking.failed(row, error):
            return None
        raise


async def give_up(message_id: str, why: str) -> None:
    """Park a message whose applying was begun too often and never ended: it raised nothing, its process died."""
    row = await looking.message(message_id)
    if row is not None and row.state == "received":
        await parking.park(row, row.tries, why)


async def _read_again_or_park(row: WebhookRow) -> Later | None:
    """The gateway signed it and nobody could read it: a person has to, who may have mended the adapter since."""
    try:
        if row.replays:
            await rereading.read_unreadable(row)
        else:
            await parking.park(row, 0, row.note)
    except WebhookUnreadable as still:
        await parking.park(row, 0, reason_of(still))
    return None


def _handler_of(kind: str) -> Handler:
    """By the whole kind, else by its part up to the dot."""
    return _HANDLERS.get(kind) or _HANDLERS.get(kind.partition(".")[0] + ".", _ignore)


async def _hear_dispute(row: WebhookRow, message: WebhookMessage) -> Later | None:
    """Raises Unread while the gateway does not tell how the dispute stands: the message stays to be applied."""
    dispute = await disputes.hear(row.gateway_account_id, message)
    async with transaction():
        note = f"dispute {dispute.id} is {dispute.status.value}"
        await store.mark(row.id, "applied", note, dispute.payment_id, clock_port.now())
    return None


async def _hear_method(row: WebhookRow, message: WebhookMessage) -> Later | None:
    """A kept credential: what the gateway says of it when it is asked."""
    note = await method_updates.hear(row.gateway_account_id, message)
    if isinstance(note, Later):
        return note
    async with transaction():
        await store.mark(row.id, "applied", note, row.payment_id, clock_port.now())
    return None


async def _ignore(row: WebhookRow, _: WebhookMessage) -> Later | None:
    """Kinds that nothing here acts on are kept with a note, for whoever learns to act on them."""
    await looking.mark_without_effect(store.Mark(row.id, "ignored", CHANGES_NOTHING, row.payment_id, clock_port.now()))
    return None


# A handler has the effect and marks the message (store.mark) in the same transaction. It may be called again at any
# time, for the same message too; it answers Later where it must wait, and raises what is to be tried again.
Handler = Callable[[WebhookRow, WebhookMessage], Awaitable[Later | None]]

# By the whole kind (`payment.expired`), or by its part up to the dot (`payment.`). See WEBHOOK_KINDS.
_HANDLERS: dict[str, Handler] = {
    "payment.": payment_news.hear,
    "capture.": payment_news.hear,
    "void.": payment_news.hear,
    "refund.": payment_news.hear,
    "dispute.": _hear_dispute,
    "method.": _hear_method,
}
