"""Who sells and who buys, as the merchant's profile and the customer have it now; an issued document keeps its own."""

from __future__ import annotations

from typing import Any

import msgspec

from invoicing.documents import Party
from orchestrator.access.store import MerchantRow
from orchestrator.customers.store import CustomerRow
from orchestrator.errors import Conflict


def seller_of(merchant: MerchantRow) -> Party:
    """Raises Conflict where the profile has no country, which every document prints."""
    printed = _printed(merchant.profile)
    if "country" not in printed:
        raise Conflict("The merchant's profile has no country yet; an invoice prints it. Complete the profile first.")
    return msgspec.convert({"name": merchant.name, **printed}, Party)


def buyer_of(customer: CustomerRow) -> Party:
    """Without a country where the customer has none."""
    known = {"name": customer.name, "email": customer.email, "locale": customer.locale}
    return msgspec.convert({**_printed(customer.profile), **known, "country": customer.country or ""}, Party)


def _printed(profile: dict[str, Any]) -> dict[str, Any]:
    return {name: profile[name] for name in Party.__struct_fields__ if name in profile}
