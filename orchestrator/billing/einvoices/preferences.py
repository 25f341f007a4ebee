"""What customers on record said about e-invoices."""

from __future__ import annotations

import msgspec

from invoicing.einvoice.preferences import Preference
from orchestrator.customers import store as customers

FIELD = "e_invoice"  # of the customer's profile


async def preference_of(customer_id: str) -> Preference:
    """The plain one where nothing was said, or there is no customer on record."""
    row = await customers.customer(customer_id) if customer_id else None
    wish = row.profile.get(FIELD) if row else None
    return msgspec.convert(wish, Preference) if wish else Preference()
