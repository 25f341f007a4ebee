"""Deleting a customer: kept payment methods are detached everywhere, what names a person is blanked, the id stays."""

from __future__ import annotations

from orchestrator import clock_port
from orchestrator.customers import kept_methods, method_store, store
from orchestrator.db import transaction
from orchestrator.errors import NotFound

BATCH = 500
ANONYMOUS = "deleted"
NO_ADDRESS = "deleted@invalid"  # .invalid is nobody's: RFC 2606


async def erase(merchant_id: str, customer_id: str) -> None:
    """Repeating it does nothing. Raises NotFound, also for another merchant's customer.

    Payments and documents keep the id: what was issued stays as it was issued.
    """
    now = clock_port.now()
    async with transaction():
        row = await store.lock_customer(customer_id)
        if row is None or row.merchant_id != merchant_id:
            raise NotFound("customer", customer_id)
        if row.deleted_at is not None:
            return
        before: str | None = None
        while methods := await method_store.methods_of(customer_id, limit=BATCH, before_id=before):
            for method in methods:
                await kept_methods.begin_detaching(method.id, now)
            before = methods[-1].id
        await store.change(
            customer_id,
            name=ANONYMOUS,
            email=NO_ADDRESS,
            country=None,
            profile={},
            default_payment_method_id=None,
            deleted_at=now,
        )
