"""The verbs of customers."""

from __future__ import annotations

from typing import Any

from orchestrator import clock_port
from orchestrator.access.store import bind_idempotency
from orchestrator.customers import store
from orchestrator.customers.store import CustomerRow
from orchestrator.db import transaction
from orchestrator.errors import NotFound
from orchestrator.ids import new_id
from orchestrator.tax_ids import service as vat_ids
from orchestrator.tax_ids.store import VatIdRow


async def create(
    merchant_id: str,
    name: str,
    email: str,
    *,
    country: str | None,
    locale: str,
    profile: dict[str, Any],
    idempotency_id: str | None = None,
) -> CustomerRow:
    """A new customer. `profile` holds what documents print: `address_lines`, `postal_code`, `city`, `vat_id`."""
    row = CustomerRow(new_id("cus"), merchant_id, name, email, country, locale, profile, clock_port.now())
    async with transaction():
        await store.insert(row)
        await vat_ids.follow(merchant_id, row.id, str(profile.get("vat_id", "")), row.created_at)
        if idempotency_id:
            await bind_idempotency(idempotency_id, row.id)
    return row


async def get(merchant_id: str, customer_id: str) -> CustomerRow:
    """Raises NotFound, also for another merchant's customer."""
    row = await store.customer(customer_id)
    if row is None or row.merchant_id != merchant_id:
        raise NotFound("customer", customer_id)
    return row


async def change(merchant_id: str, customer_id: str, changed: dict[str, Any]) -> CustomerRow:
    """Set what is given: `name`, `email`, `country`, `locale`, `profile` (its keys one by one). Raises NotFound.

    Documents that are issued already keep what they say.
    """
    async with transaction():
        row = await store.lock_customer(customer_id)
        if row is None or row.merchant_id != merchant_id or row.deleted_at is not None:
            raise NotFound("customer", customer_id)
        values = dict(changed)
        if "profile" in values:
            values["profile"] = {**row.profile, **values["profile"]}
        if values:
            await store.change(customer_id, **values)
        if "profile" in values:
            await vat_ids.follow(merchant_id, customer_id, str(values["profile"].get("vat_id", "")), clock_port.now())
    return await get(merchant_id, customer_id)


async def check_vat_id(merchant_id: str, customer_id: str, idempotency_id: str | None = None) -> VatIdRow:
    """Have the register asked now about the id that the customer has. Raises NotFound, VatIdNotCheckable."""
    async with transaction():
        row = await store.lock_customer(customer_id)
        if row is None or row.merchant_id != merchant_id or row.deleted_at is not None:
            raise NotFound("customer", customer_id)
        vat_id = str(row.profile.get("vat_id", ""))
        asked = await vat_ids.ask_now(merchant_id, customer_id, vat_id, clock_port.now())
        if idempotency_id:
            await bind_idempotency(idempotency_id, customer_id)
    return asked
