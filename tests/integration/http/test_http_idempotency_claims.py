"""A key makes one thing, even when its owner was taken for dead and was not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.access import store
from orchestrator.access.tables import IdempotencyRecord
from orchestrator.db import transaction

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def test_of_two_owners_of_one_claim_only_the_first_binds_what_it_made(database: str) -> None:
    record = IdempotencyRecord(
        id="k" * 64, merchant_id="mer_1", route="POST /v1/payments", fingerprint="f", claimed_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )  # fmt: skip
    assert await store.claim_idempotency(record)
    async with transaction():
        await store.bind_idempotency(record.id, "pay_of_the_taker")
    with pytest.raises(store.ClaimLost):
        async with transaction():
            await store.bind_idempotency(record.id, "pay_of_the_slow_owner")
    kept = await store.idempotency(record.id)
    assert kept is not None
    assert kept.resource_id == "pay_of_the_taker"
