"""Applying received messages again, one or many, from what is stored: as safe as the gateway's own repetition.

Whatever a message moved before it does not move again: payments compare it with what they know, disputes know its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.errors import InvalidField, NotFound
from orchestrator.gateways import store as accounts
from orchestrator.settings import get_settings
from orchestrator.webhooks import log, store
from orchestrator.webhooks.arrivals import TOPIC
from orchestrator.webhooks.log import Filter
from orchestrator.webhooks.store import WebhookRow


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many messages were put in line, when the last of them is due, and after which id to go on."""

    count: int
    last_due_at: datetime | None
    next_cursor: str | None


async def get(merchant_id: str, message_id: str) -> WebhookRow:
    """Raises NotFound, also for another merchant's message."""
    row = await store.message(message_id)
    account = await accounts.account(row.gateway_account_id) if row else None
    if row is None or account is None or account.merchant_id != merchant_id:
        raise NotFound("received webhook", message_id)
    return row


async def one(merchant_id: str, message_id: str) -> WebhookRow:
    """Apply the message again, at once; one that is being tried again needs not wait longer. Raises NotFound."""
    await get(merchant_id, message_id)
    async with transaction():
        await store.reopen([message_id], TOPIC, clock_port.now(), timedelta(0))
    return await get(merchant_id, message_id)


async def many(wanted: Filter, *, count_max: int, after_id: str | None = None) -> Replayed:
    """Apply again what the filter finds, oldest first, so many a second. Raises InvalidField where it is not bounded.

    Messages that still wait to be applied are left to themselves. Go on with `after_id` while there is a cursor.
    """
    limits = get_settings().limits
    if wanted.since is None or wanted.until is None or wanted.since >= wanted.until:
        raise InvalidField("since", "and until are needed, and since must be the earlier one")
    now, pace = clock_port.now(), timedelta(seconds=1 / limits.webhook_replays_per_s)
    size = min(count_max, limits.webhook_replay_max)
    async with transaction():
        found = await log.oldest(wanted, limit=size + 1, after_id=after_id)
        chosen = found[:size]
        await store.reopen(chosen, TOPIC, now, pace)
    more = len(found) > size
    last_due_at = now + pace * (len(chosen) - 1) if chosen else None
    return Replayed(len(chosen), last_due_at, chosen[-1] if more else None)
