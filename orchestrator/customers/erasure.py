"""Deleting a customer: kept payment methods are detached everywhere, what names a person is blanked, the id stays."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from orchestrator import clock_port
from orchestrator.customers import kept_methods, method_store, store
from orchestrator.db import transaction
from orchestrator.errors import Conflict, NotFound
from orchestrator.tax_ids import service as vat_ids

BATCH = 500
ANONYMOUS = "deleted"
NAMED_MAX = 10  # open payments that a refusal names
NO_ADDRESS = "deleted@invalid"  # .invalid is nobody's: RFC 2606


# The ids of a customer's payments that are not at their end, at most so many: `(merchant_id, customer_id, limit)`.
OpenPayments = Callable[[str, str, int], Awaitable[list[str]]]


async def erase(merchant_id: str, customer_id: str, open_payments: OpenPayments) -> None:
    """Repeating it does nothing. Raises NotFound, also for another merchant's customer, and Conflict while payments are
    open: without the customer's methods and address they could be neither finished nor explained to anyone. Data that
    a contract still needs may be kept so long (GDPR, article 17(1)(a)); ending the payments is in the merchant's hands.

    Payments and documents keep the id: what was issued stays as it was issued.
    """
    now = clock_port.now()
    async with transaction():
        row = await store.lock_customer(customer_id)
        if row is None or row.merchant_id != merchant_id:
            raise NotFound("customer", customer_id)
        if row.deleted_at is not None:
            return
        if still := await open_payments(merchant_id, customer_id, NAMED_MAX):
            named = ", ".join(still) + (" and perhaps more" if len(still) == NAMED_MAX else "")
            raise Conflict(f"The customer has payments that are open: {named}. Capture, cancel or settle them first.")
        before: str | None = None
        while methods := await method_store.methods_of(customer_id, limit=BATCH, before_id=before):
            for method in methods:
                await kept_methods.begin_detaching(method.id, now)
            before = methods[-1].id
        await vat_ids.unfollow(customer_id)
        await store.change(
            customer_id,
            name=ANONYMOUS,
            email=NO_ADDRESS,
            country=None,
            profile={},
            default_payment_method_id=None,
            deleted_at=now,
        )
