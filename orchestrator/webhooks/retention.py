"""How long the bodies of received webhooks are kept, and that none lies about in the clear. What came of them stays."""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestrator.access import secrets
from orchestrator.card_numbers import mask_card_numbers_in
from orchestrator.db import fetch
from orchestrator.settings import get_settings

PURGE_BATCH, PURGE_BATCHES_MAX = 1_000, 100
SEAL_BATCH, SEAL_BATCHES_MAX = 200, 10

_PURGE = """
    WITH old AS (
        SELECT id FROM webhook_delivery WHERE (body IS NOT NULL OR sealed_body IS NOT NULL) AND received_at < $1
        ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ), emptied AS (
        UPDATE webhook_delivery SET body = NULL, sealed_body = NULL, headers = '{}' FROM old
        WHERE webhook_delivery.id = old.id RETURNING 1
    )
    SELECT count(*) AS n FROM emptied"""
_FORGET = """
    WITH forgotten AS (
        DELETE FROM webhook_rejection WHERE id IN (
            SELECT id FROM webhook_rejection WHERE rejected_at < $1 ORDER BY rejected_at LIMIT $2
        ) RETURNING 1
    )
    SELECT count(*) AS n FROM forgotten"""
_SEAL = """
    UPDATE webhook_delivery SET body = NULL, sealed_body = given.sealed
    FROM unnest($1::varchar[], $2::bytea[]) AS given (id, sealed)
    WHERE webhook_delivery.id = given.id AND webhook_delivery.body IS NOT NULL"""


async def purge(now: datetime) -> int:
    """Empty deliveries that are older than the setting, and drop the reasons of old rejections. How many rows."""
    before = now - timedelta(days=get_settings().limits.webhook_body_days)
    return await _in_batches(_PURGE, before) + await _in_batches(_FORGET, before)


async def _in_batches(sql: str, before: datetime) -> int:
    """Each batch is a transaction of its own; what is left over waits for the next time."""
    total = 0
    for _ in range(PURGE_BATCHES_MAX):
        (row,) = await fetch(sql, before, PURGE_BATCH)
        total += row["n"]
        if row["n"] < PURGE_BATCH:
            break
    return total


async def seal_plain() -> int:
    """Seal bodies that an earlier version kept in the clear, card numbers masked. How many; 0 when none is left.

    Each batch stands by itself, so that it may be broken off and run again at any time.
    """
    total = 0
    for _ in range(SEAL_BATCHES_MAX):
        rows = await fetch(
            "SELECT id, body FROM webhook_delivery WHERE body IS NOT NULL ORDER BY id LIMIT $1", SEAL_BATCH
        )
        sealed = [secrets.seal_bytes(mask_card_numbers_in(bytes(row["body"]))) for row in rows]
        if rows:
            await fetch(_SEAL, [row["id"] for row in rows], sealed)
        total += len(rows)
        if len(rows) < SEAL_BATCH:
            break
    return total
