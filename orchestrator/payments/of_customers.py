"""What a customer still has open: payments whose money may move, or may have moved without our knowing."""

from __future__ import annotations

from orchestrator.db import fetch
from orchestrator.payments.records import PaymentStatus

OPEN = (
    PaymentStatus.PROCESSING,
    PaymentStatus.REQUIRES_ACTION,
    PaymentStatus.AUTHORISED,
    PaymentStatus.NEEDS_REVIEW,
)


async def open_payments(merchant_id: str, customer_id: str, limit: int) -> list[str]:
    """Their ids, oldest first."""
    rows = await fetch(
        "SELECT id FROM payment WHERE merchant_id = $1 AND customer_id = $2 AND status = ANY($3::varchar[]) "
        "ORDER BY id LIMIT $4",
        merchant_id,
        customer_id,
        [status.value for status in OPEN],
        limit,
    )
    return [row["id"] for row in rows]
