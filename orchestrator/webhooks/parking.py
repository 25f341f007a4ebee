"""Messages that cannot be applied: tried again a named number of times, then parked with their error for a person.

Only the message itself waits. Others of the same account, payment or delivery have bells of their own.
"""

from __future__ import annotations

import structlog

from orchestrator import clock_port
from orchestrator.card_numbers import mask_card_numbers
from orchestrator.db import transaction
from orchestrator.events import EventType
from orchestrator.gateways import store as accounts
from orchestrator.notifications import service as notifications
from orchestrator.settings import get_settings
from orchestrator.webhooks import store
from orchestrator.webhooks.store import WebhookRow

ERROR_CHARS_MAX = 500
log = structlog.get_logger()


async def failed(row: WebhookRow, error: Exception) -> bool:
    """Note that applying the message raised. True when that was the last try: it is parked, and an incident told."""
    what = mask_card_numbers(f"{type(error).__name__}: {error}".replace("\x00", "\ufffd"))[:ERROR_CHARS_MAX]
    if row.tries + 1 < get_settings().limits.webhook_apply_tries_max:
        async with transaction():
            await store.note_failure(row.id, row.tries + 1, what)
        return False
    await park(row, row.tries + 1, what)
    log.exception("webhook.parked", message=row.id, account=row.gateway_account_id, exc_info=error)
    return True


async def park(row: WebhookRow, tries: int, what: str) -> None:
    """Leave the message to a person, and tell of it, if it still waits to be applied."""
    account, now = await accounts.account(row.gateway_account_id), clock_port.now()
    async with transaction():
        if await store.park(row.id, tries, what, now) and account is not None:
            facts = {"gateway_account_id": account.id, "event_type": row.event_type, "kind": row.kind, "error": what}
            await notifications.record(EventType.WEBHOOK_PARKED, account.merchant_id, row.id, facts, now)
