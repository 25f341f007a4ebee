"""Before an invoice is issued: completed as its customer wants e-invoices, and refused where one could not be sent."""

from __future__ import annotations

from datetime import date

import structlog

from invoicing import service as invoicing
from invoicing.documents import DocumentType, DraftInvoice, IssuedInvoice, compute
from invoicing.einvoice.errors import EInvoiceRefused, NotExpressible
from invoicing.einvoice.formats import Format
from invoicing.einvoice.mandates import MANDATES, Channel, Mandate, SellerSize, check_channel, mandate_for
from invoicing.einvoice.preferences import Preference, completed
from invoicing.einvoice.preparing import foresee
from invoicing.errors import InvalidInvoice
from invoicing.store import InvoiceRecord
from invoicing.terms import due_date
from orchestrator import clock_port
from orchestrator.access import service as access
from orchestrator.billing import tax_rates
from orchestrator.billing.einvoices import service as einvoices
from orchestrator.billing.einvoices.preferences import preference_of
from orchestrator.billing.transmissions.channels import channel_of

_NUMBER_TO_COME = "0"  # a draft has none, and no rule looks at more than that there is one
_log = structlog.get_logger(__name__)


async def ready(invoice: InvoiceRecord, content: DraftInvoice, issue_date: date, *, send: bool) -> DraftInvoice:
    """The content that is to be issued, completed with the customer's address and buyer reference.

    Raises EInvoiceRefused and NotExpressible with what the customer's format lacks, as far as it is known without the
    official rules, and ChannelRequired and ChannelNotSetUp where it is to be sent and must not, or cannot, be.
    """
    if invoice.kind is not DocumentType.INVOICE or invoice.document is not None:
        return content
    wish = await preference_of(invoice.customer_id)
    content = completed(content, wish)
    if wish.form is not None:
        foresee(_would_be(content, issue_date), wish.form)
    if send:
        await _check_way(invoice.merchant_id, content, issue_date, wish)
    return content


async def require_writable(merchant_id: str, invoice_id: str, issue_date: date | None) -> None:
    """Hold the draft against all rules of its customer's format, before anything is begun. Takes milliseconds in
    another process, and therefore belongs outside of transactions; `ready` asks the cheap ones again within.

    Raises InvoiceNotFound, EInvoiceRefused, NotExpressible.
    """
    invoice = await invoicing.get(merchant_id, invoice_id)
    wish = await preference_of(invoice.customer_id)
    if wish.form is None or invoice.kind is not DocumentType.INVOICE or invoice.document is not None:
        return
    on = issue_date or clock_port.now().date()
    content = completed(await tax_rates.frozen(merchant_id, invoice.draft, on), wish)
    try:
        await einvoices.written(_would_be(content, on), wish.form)
    except einvoices.EInvoiceUnavailable as unavailable:  # the sending will find out
        _log.warning("e_invoice.not_foreseen", invoice=invoice_id, reason=unavailable.detail)


async def check_way(issued: InvoiceRecord) -> None:
    """Whether what was issued may be sent as its customer wants it. Raises ChannelRequired, ChannelNotSetUp."""
    if issued.document is not None and issued.kind in einvoices.ELECTRONIC:
        wish, document = await preference_of(issued.customer_id), issued.document
        await _check_way(issued.merchant_id, document.content, document.issue_date, wish)


async def _check_way(merchant_id: str, content: DraftInvoice, issue_date: date, wish: Preference) -> None:
    if wish.channel is not Channel.EMAIL:
        channel_of(merchant_id, wish.channel)
    mandate = await _mandate_of(merchant_id, content, issue_date)
    if mandate is not None:
        carries = _carries(_would_be(content, issue_date), wish)
        check_channel(wish.channel, mandate, carries_e_invoice=carries)


async def _mandate_of(merchant_id: str, content: DraftInvoice, issue_date: date) -> Mandate | None:
    """Who has a VAT id or an entry in a register is taken for a business."""
    if content.seller.country not in MANDATES or content.seller.country != content.buyer.country:
        return None
    profile = (await access.get_merchant(merchant_id)).profile
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
