"""Before an invoice is issued: completed as its customer wants e-invoices, and refused where one could not be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import structlog

from invoicing.documents import DocumentType, DraftInvoice, IssuedInvoice, compute
from invoicing.einvoice.errors import EInvoiceRefused, NotExpressible
from invoicing.einvoice.formats import Format
from invoicing.einvoice.mandates import MANDATES, Channel, Mandate, SellerSize, check_channel, mandate_for
from invoicing.einvoice.preferences import Preference, completed
from invoicing.einvoice.preparing import foresee
from invoicing.errors import InvalidInvoice, InvoicingError
from invoicing.store import InvoiceRecord
from invoicing.terms import due_date
from orchestrator.access import service as access
from orchestrator.billing import tax_rates
from orchestrator.billing.einvoices import service as einvoices
from orchestrator.billing.einvoices.preferences import preferences_of
from orchestrator.billing.reminders.policy import today_of
from orchestrator.billing.transmissions.channels import channel_of

_NUMBER_TO_COME = "0"  # a draft has none, and no rule looks at more than that there is one
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What some documents' customers said about e-invoices, and the profile of their merchant where laws ask for it."""

    preferences: Mapping[str, Preference] = field(default_factory=dict)
    profile: Mapping[str, Any] = field(default_factory=dict)

    def of(self, customer_id: str) -> Preference:
        return self.preferences.get(customer_id, Preference())


async def wishes_of(merchant_id: str, documents: Sequence[InvoiceRecord]) -> Wishes:
    """Read once for all of them."""
    asked = any(_is_domestic(one.draft) for one in documents)
    profile = (await access.get_merchant(merchant_id)).profile if asked else {}
    return Wishes(await preferences_of(one.customer_id for one in documents), profile)


def ready(
    invoice: InvoiceRecord, content: DraftInvoice, issue_date: date, wishes: Wishes, *, send: bool
) -> DraftInvoice:
    """The content that is to be issued, completed with the customer's address and buyer reference.

    Raises EInvoiceRefused and NotExpressible with what the customer's format lacks, as far as it is known without the
    official rules, and ChannelRequired and ChannelNotSetUp where it is to be sent and must not, or cannot, be.
    """
    if invoice.kind is not DocumentType.INVOICE or invoice.document is not None:
        return content
    wish = wishes.of(invoice.customer_id)
    content = completed(content, wish)
    if wish.form is not None:
        foresee(_would_be(content, issue_date), wish.form)
    if send:
        _check_way(invoice.merchant_id, content, issue_date, wish, wishes.profile)
    return content


async def unwritable(
    merchant_id: str, drafts: Sequence[InvoiceRecord], issue_date: date | None
) -> dict[str, InvoicingError]:
    """Hold the drafts against all rules of their customers' formats, before anything is begun: why some are refused, by
    id. Takes milliseconds in another process, and therefore belongs outside of transactions; `ready` asks the cheap
    rules again within. Refusals are EInvoiceRefused, NotExpressible, and InvalidInvoice where a tax rate is missing.
    """
    preferences = await preferences_of(draft.customer_id for draft in drafts)
    refusals: dict[str, InvoicingError] = {}
    for draft in drafts:
        wish = preferences.get(draft.customer_id, Preference())
        if wish.form is None or draft.kind is not DocumentType.INVOICE or draft.document is not None:
            continue
        try:
            await _write(draft, issue_date or await today_of(merchant_id), wish, wish.form)
        except InvoicingError as refused:
            refusals[draft.id] = refused
    return refusals


async def _write(draft: InvoiceRecord, on: date, wish: Preference, form: Format) -> None:
    content = completed(await tax_rates.frozen(draft.merchant_id, draft.draft, on), wish)
    try:
        await einvoices.written(_would_be(content, on), form)
    except einvoices.EInvoiceUnavailable as unavailable:  # the sending will find out
        _log.warning("e_invoice.not_foreseen", invoice=draft.id, reason=unavailable.detail)


async def check_way(issued: InvoiceRecord) -> Preference:
    """How its customer wants what was issued. Raises ChannelRequired, ChannelNotSetUp where it may not be sent so."""
    wishes = await wishes_of(issued.merchant_id, [issued])
    wish, document = wishes.of(issued.customer_id), issued.document
    if document is not None and issued.kind in einvoices.ELECTRONIC:
        _check_way(issued.merchant_id, document.content, document.issue_date, wish, wishes.profile)
    return wish


def _check_way(
    merchant_id: str, content: DraftInvoice, issue_date: date, wish: Preference, profile: Mapping[str, Any]
) -> None:
    if wish.channel is not Channel.EMAIL:
        channel_of(merchant_id, wish.channel)
    mandate = _mandate_of(profile, content, issue_date)
    if mandate is not None:
        carries = _carries(_would_be(content, issue_date), wish)
        check_channel(wish.channel, mandate, carries_e_invoice=carries)


def _is_domestic(content: DraftInvoice) -> bool:
    """Within a country that has a law about how invoices are sent."""
    return content.seller.country in MANDATES and content.seller.country == content.buyer.country


def _mandate_of(profile: Mapping[str, Any], content: DraftInvoice, issue_date: date) -> Mandate | None:
    """Who has a VAT id or an entry in a register is taken for a business."""
    if not _is_domestic(content):
        return None
    return mandate_for(
        seller_country=content.seller.country,
        buyer_country=content.buyer.country,
        buyer_is_business=bool(content.buyer.vat_id or content.buyer.legal_registration_id),
        size=_size_of(profile.get("seller_size", SellerSize.OTHER)),
        on=issue_date,
    )


def _size_of(size: object) -> SellerSize:
    if size not in list(SellerSize):
        raise InvalidInvoice("seller_size", f"of the merchant's profile must be one of {', '.join(SellerSize)}")
    return SellerSize(str(size))


def _carries(document: IssuedInvoice, wish: Preference) -> bool:
    """Every PDF has Factur-X in it where that can be said."""
    try:
        foresee(document, wish.form or Format.FACTUR_X)
    except (EInvoiceRefused, NotExpressible):
        return False
    return True


def _would_be(content: DraftInvoice, issue_date: date) -> IssuedInvoice:
    return IssuedInvoice(
        number=_NUMBER_TO_COME,
        issue_date=issue_date,
        due_date=due_date(content.terms, issue_date),
        content=content,
        totals=compute(content),
    )
