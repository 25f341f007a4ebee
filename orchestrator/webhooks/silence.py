"""Noticing that a gateway stopped telling us things: money moved, and no webhook came. Told once for each silence."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from orchestrator.db import transaction
from orchestrator.events import EventType
from orchestrator.gateways import store as accounts
from orchestrator.notifications import service as notifications
from orchestrator.settings import get_settings
from orchestrator.webhooks import watch_store
from orchestrator.webhooks.watch_store import Quiet

LATE_PART = 4  # an operation has this part of the time for its webhook before it counts: one fourth
log = structlog.get_logger()


async def look(now: datetime) -> None:
    """Compare what went through with what was heard; tell of accounts that fell silent, and end what is over."""
    for account_id in await watch_store.end_silences():
        log.info("webhooks.heard_again", account=account_id)
    limits = get_settings().limits
    span = timedelta(seconds=limits.webhook_silence_s)
    until = now - span / LATE_PART
    for quiet in await watch_store.quiet(now - span, until, limits.webhook_silence_operations_min):
        await _tell(quiet, now)


async def _tell(quiet: Quiet, now: datetime) -> None:
    account = await accounts.account(quiet.gateway_account_id)
    if account is None:
        return
    heard = (await watch_store.last_heard([account.id])).get(account.id)
    async with transaction():
        if not await watch_store.fall_silent(account.id, heard or quiet.since):
            return
        facts = {
            "gateway": account.gateway,
            "label": account.label,
            "operations": quiet.operations,
            "operations_since": quiet.since.isoformat(),
            "last_heard_at": heard.isoformat() if heard else None,
        }
        await notifications.record(EventType.WEBHOOKS_SILENT, account.merchant_id, account.id, facts, now)
    log.warning("webhooks.silent", account=account.id, operations=quiet.operations)


async def seconds_by_account(now: datetime) -> dict[str, float]:
    """How long each account has been silent, in seconds; 0 for those that are heard or expected to be quiet."""
    return {
        row.gateway_account_id: (now - row.silent_since).total_seconds() if row.silent_since else 0.0
        for row in await watch_store.watches()
    }
