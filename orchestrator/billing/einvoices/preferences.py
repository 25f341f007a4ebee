"""What customers on record said about e-invoices."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from invoicing.einvoice.preferences import Preference
from orchestrator.customers import store as customers

FIELD = "e_invoice"  # of the customer's profile


async def preference_of(customer_id: str) -> Preference:
    """The plain one where nothing was said, or there is no customer on record."""
    return (await preferences_of([customer_id])).get(customer_id, Preference())


async def preferences_of(customer_ids: Iterable[str]) -> dict[str, Preference]:
    """By customer, of those who said something."""
    said = await customers.said_of({one for one in customer_ids if one}, FIELD)
    return {customer_id: msgspec.convert(wish, Preference) for customer_id, wish in said.items() if wish}
