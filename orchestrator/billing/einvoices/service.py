"""The electronic form of what was issued: written, held against the official rules, given out, and put into its PDF."""

from __future__ import annotations

import asyncio
import re
from functools import cache

import structlog

from invoicing import service as invoicing
from invoicing.documents import DocumentType, IssuedInvoice
from invoicing.einvoice.embedding import embed
from invoicing.einvoice.errors import EInvoiceRefused, NotExpressible
from invoicing.einvoice.formats import PROFILES, Format
from invoicing.einvoice.mandates import Channel
from invoicing.einvoice.preparing import EInvoice, prepare
from invoicing.einvoice.validation import Validator, ValidatorUnavailable
from invoicing.store import InvoiceRecord
from orchestrator.billing.einvoices.preferences import preference_of
from orchestrator.errors import ClearwayError, Conflict
from orchestrator.settings import get_settings

ELECTRONIC = frozenset({DocumentType.INVOICE, DocumentType.CREDIT_NOTE})
_log = structlog.get_logger(__name__)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")  # in the name of a file


class EInvoiceUnavailable(ClearwayError):
    """The process that knows the rules did not answer: nothing is known of the document."""

    status = 503
    code = "e_invoice_unavailable"


async def einvoice_of(merchant_id: str, document_id: str, form: Format) -> EInvoice:
    """An issued invoice or credit note in one of the formats, as good as the rules want it.

    Raises InvoiceNotFound; Conflict for a draft, a quote or a pro forma; EInvoiceRefused and NotExpressible with what
    is to be corrected; EInvoiceUnavailable.
    """
    found = await invoicing.get(merchant_id, document_id)
    if found.document is None or found.kind not in ELECTRONIC:
        raise Conflict("Only an issued invoice or credit note has an electronic form.")
    return await written(found.document, form)


async def with_einvoice(pdf: bytes, document: IssuedInvoice) -> bytes:
    """The PDF with its `factur-x.xml`; as it is for what is no invoice.

    Raises EInvoiceRefused and NotExpressible: such a document has a PDF without. Raises EInvoiceUnavailable: the PDF is
    kept for good, so it is drawn again later rather than kept without.
    """
    if document.content.type not in ELECTRONIC:
        return pdf
    made = await written(document, Format.FACTUR_X)
    return await asyncio.to_thread(embed, pdf, made.xml, dated=document.issue_date)


async def written(document: IssuedInvoice, form: Format) -> EInvoice:
    """A document in one of the formats, on record or not. Raises EInvoiceRefused, NotExpressible and
    EInvoiceUnavailable."""
    try:
        return await asyncio.to_thread(prepare, document, form, _validator())
    except ValidatorUnavailable as unavailable:
        raise EInvoiceUnavailable(f"The rules of e-invoices could not be asked ({unavailable}). Try again.") from None


async def attachment_for(issued: InvoiceRecord) -> tuple[str, bytes] | None:
    """Name and content of the file that goes with the mail, beside the PDF, to a customer who gets e-invoices by e-mail
    in a format that is a file of its own; else, and for what that format cannot say, None. Raises EInvoiceUnavailable.
    """
    if issued.document is None or issued.kind not in ELECTRONIC:
        return None
    wish = await preference_of(issued.customer_id)
    if wish.channel is not Channel.EMAIL or wish.form is None or PROFILES[wish.form].in_pdf:
        return None
    try:
        xml = (await written(issued.document, wish.form)).xml
    except (EInvoiceRefused, NotExpressible) as refused:
        _log.warning("mail_without_xml", number=issued.number, field=refused.field, reason=refused.message)
        return None
    return f"{_UNSAFE.sub('-', issued.document.number)}.xml", xml


def close() -> None:
    """End the process that knows the rules; another is started when it is asked."""
    if _validator.cache_info().currsize:
        _validator().close()
        _validator.cache_clear()


@cache
def _validator() -> Validator:
    return Validator(get_settings().einvoice_rules_dir)
