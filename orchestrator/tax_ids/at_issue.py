"""The buyer's VAT id when an invoice is issued: whether the sale may go untaxed on its strength, and the proof kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from invoicing.documents import DocumentType, DraftInvoice
from invoicing.errors import InvalidInvoice
from invoicing.store import InvoiceRecord
from invoicing.treatments import TaxKind
from invoicing.vat_ids import VALID_FOR, VatIdState, check_untaxed_sale
from orchestrator import clock_port
from orchestrator.access import audit
from orchestrator.access import store as access
from orchestrator.db import transaction
from orchestrator.tax_ids import service, store
from orchestrator.tax_ids.store import OnInvoiceRow, VatIdRow

# Art. 138 (1) (b) and Art. 44, 196 of Directive 2006/112/EC: untaxed because of who the buyer is.
BY_VAT_ID = frozenset({TaxKind.REVERSE_CHARGE, TaxKind.INTRA_COMMUNITY})
_PROFILE_KEY = "vat_id_policy"


class VatIdPolicy(StrEnum):
    """What an untaxed sale needs. ALLOW: an id that no register said is invalid; REQUIRE: one that it said is valid."""

    ALLOW = "allow"
    REQUIRE = "require"


async def policy_of(merchant_id: str) -> VatIdPolicy:
    """The merchant's, from its profile; REQUIRE, the safe one, where what is there cannot be read."""
    merchant = await access.merchant(merchant_id)
    said = merchant.profile.get(_PROFILE_KEY, VatIdPolicy.ALLOW.value) if merchant else VatIdPolicy.ALLOW.value
    return VatIdPolicy.ALLOW if said == VatIdPolicy.ALLOW.value else VatIdPolicy.REQUIRE


async def set_policy(merchant_id: str, policy: VatIdPolicy) -> None:
    """For invoices issued from now on."""
    async with transaction():
        was = await access.put_in_profile(merchant_id, _PROFILE_KEY, policy.value)
        before, after = {_PROFILE_KEY: was}, {_PROFILE_KEY: policy.value}
        now = clock_port.now()
        await audit.record(merchant_id, audit.Action.SETTING_CHANGED, merchant_id, now, before=before, after=after)


async def foresee(merchant_id: str, draft: DraftInvoice) -> None:
    """The buyer's id will be needed soon: have it asked about. Part of the transaction that drafts."""
    vat_id, now = draft.buyer.vat_id, clock_port.now()
    if draft.type is DocumentType.INVOICE:
        await service.all_known(merchant_id, [vat_id], now)


async def known_of(merchant_id: str, drafts: Sequence[DraftInvoice], now: datetime) -> dict[str, VatIdRow]:
    """What is known of the ids of these invoices' buyers, by id, each asked about again where that is old. Part of the
    transaction that issues them."""
    buyers = (draft.buyer for draft in drafts if draft.type is DocumentType.INVOICE)
    return await service.all_known(merchant_id, (buyer.vat_id for buyer in buyers), now)


async def check(merchant_id: str, content: DraftInvoice, known: Mapping[str, VatIdRow], now: datetime) -> None:
    """Raises InvalidInvoice, on `buyer.vat_id`, where the merchant's policy does not let the sale go untaxed."""
    row = known.get(content.buyer.vat_id)
    if row is not None and _is_untaxed(content):
        _require_good(row, await policy_of(merchant_id), now)


async def keep(invoices: Sequence[InvoiceRecord], known: Mapping[str, VatIdRow], now: datetime) -> None:
    """Keep with the invoices what is known of their buyers' ids, in the transaction that issues them."""
    for invoice in invoices:
        content = invoice.document.content if invoice.document else invoice.draft
        row = known.get(content.buyer.vat_id)
        if row is not None:
            state = row.as_check().state
            await store.keep_on_invoice(invoice.id, row, state, now, is_untaxed=_is_untaxed(content))


def _is_untaxed(content: DraftInvoice) -> bool:
    return any(line.tax.kind in BY_VAT_ID for line in content.lines)


async def kept(merchant_id: str, invoice_id: str) -> OnInvoiceRow | None:
    """What was kept with an issued invoice; None where its buyer has no VAT id that we know."""
    return await store.on_invoice(merchant_id, invoice_id)


def _require_good(row: VatIdRow, policy: VatIdPolicy, now: datetime) -> None:
    check = row.as_check()
    check_untaxed_sale(check)
    if policy is VatIdPolicy.ALLOW:
        return
    remedy = "POST /v1/customers/{id}/check-vat-id asks now; or charge the tax as to a consumer"
    if check.state is not VatIdState.VALID or check.checked_at is None:
        because = service.why(row, row.vat_id) or f"The register has not answered ({check.state})."
        raise InvalidInvoice("buyer.vat_id", f"is not known to be valid, as your policy requires. {because} {remedy}")
    if now - check.checked_at >= VALID_FOR:
        asked = f"was last found valid on {check.checked_at:%Y-%m-%d}, more than {VALID_FOR.days} days ago"
        raise InvalidInvoice("buyer.vat_id", f"{asked}; {remedy}")
