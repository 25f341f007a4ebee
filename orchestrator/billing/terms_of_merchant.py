"""What is agreed for all invoices of a merchant or a customer: when to pay, and how small a rest is given up."""

from __future__ import annotations

from typing import Any

import msgspec

from invoicing.errors import InvalidInvoice
from invoicing.terms import Terms, TermsPreference, merge_terms, preference_of
from orchestrator import clock_port
from orchestrator.access import audit
from orchestrator.access import service as access
from orchestrator.access import store as access_store
from orchestrator.customers import service as customers
from orchestrator.db import transaction

_TERMS = "payment_terms"  # the key in the profiles of merchant and customer


async def tolerance_minor(merchant_id: str, currency: str) -> int:
    """How small a rest is given up by itself, in minor units: `write_off_tolerance_minor` of the profile, by currency.

    Nothing is, where the profile does not say so.
    """
    said = (await access.get_merchant(merchant_id)).profile.get("write_off_tolerance_minor")
    found = said.get(currency) if isinstance(said, dict) else None
    return found if type(found) is int and found > 0 else 0


def agreed_terms(said: Terms | None, customer_profile: dict[str, Any], merchant_profile: dict[str, Any]) -> Terms:
    """The terms of a document: what it says itself, then what is agreed with the customer, then what the merchant says,
    aspect by aspect. Raises InvalidInvoice where what comes together contradicts itself."""
    levels = [preference_in(customer_profile), preference_in(merchant_profile)]
    if said is not None and not any(levels):
        return said
    return merge_terms(preference_of(said) if said is not None else None, *levels)


def preference_in(profile: dict[str, Any]) -> TermsPreference | None:
    """What a profile says of terms, None where it says nothing."""
    found = profile.get(_TERMS)
    return None if found is None else msgspec.convert(found, TermsPreference)


async def terms_of_merchant(merchant_id: str) -> TermsPreference:
    """What counts where neither document nor customer says anything. Raises NotFound."""
    return preference_in((await access.get_merchant(merchant_id)).profile) or TermsPreference()


async def terms_of_customer(merchant_id: str, customer_id: str) -> TermsPreference:
    """Raises NotFound."""
    return preference_in((await customers.get(merchant_id, customer_id)).profile) or TermsPreference()


async def set_terms_of_merchant(merchant_id: str, preference: TermsPreference) -> TermsPreference:
    """For documents that are drafted from now on. Raises InvalidInvoice where the terms contradict themselves."""
    _require_consistent(preference)
    said = msgspec.to_builtins(preference)
    async with transaction():
        before = await access_store.put_in_profile(merchant_id, _TERMS, said)
        await audit.record(
            merchant_id,
            audit.Action.SETTING_CHANGED,
            merchant_id,
            clock_port.now(),
            before={_TERMS: before},
            after={_TERMS: said},
        )
    return preference


async def set_terms_of_customer(merchant_id: str, customer_id: str, preference: TermsPreference) -> TermsPreference:
    """For documents that are drafted from now on. Raises NotFound, InvalidInvoice."""
    _require_consistent(preference)
    await customers.change(merchant_id, customer_id, {"profile": {_TERMS: msgspec.to_builtins(preference)}})
    return preference


def _require_consistent(preference: TermsPreference) -> None:
    try:
        merge_terms(preference)
    except InvalidInvoice as wrong:
        raise InvalidInvoice(wrong.field.removeprefix("terms."), wrong.message) from None
