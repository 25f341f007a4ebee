"""Cards that are about to end: the merchant is told once for each end, in time to ask the customer for another."""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestrator.customers import kept_methods, method_store
from orchestrator.db import transaction
from orchestrator.events import EventType

EXPIRING_DAYS = 30  # before the last day of the month that stands on the card
BATCH = 200


async def warn(now: datetime) -> int:
    """Tell of every active method that ends within EXPIRING_DAYS, or has ended; how many were told of."""
    told = 0
    while True:
        async with transaction():
            methods = await method_store.expiring(*first_month_not_to_warn_of(now), BATCH)
            for method in methods:
                ends = f"{method.expiry_year}-{method.expiry_month:02d}"
                await method_store.change_method(method.id, [method.status], expiry_told=ends)
                await kept_methods.tell(EventType.PAYMENT_METHOD_EXPIRING, method, now, expires=ends)
        told += len(methods)
        if len(methods) < BATCH:
            return told


def first_month_not_to_warn_of(now: datetime) -> tuple[int, int]:
    """Year and month: a card that ends in an earlier month ends within EXPIRING_DAYS.

    A card is good to the last day of its month, so it ends with the first of the next.
    """
    until = now + timedelta(days=EXPIRING_DAYS)
    return until.year, until.month
