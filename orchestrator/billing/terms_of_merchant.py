"""What a merchant's profile says about invoices beyond what is printed on them."""

from __future__ import annotations

from orchestrator.access import service as access


async def tolerance_minor(merchant_id: str, currency: str) -> int:
    """How small a rest is given up by itself, in minor units: `write_off_tolerance_minor` of the profile, by currency.

    Nothing is, where the profile does not say so.
    """
    said = (await access.get_merchant(merchant_id)).profile.get("write_off_tolerance_minor")
    found = said.get(currency) if isinstance(said, dict) else None
    return found if type(found) is int and found > 0 else 0
