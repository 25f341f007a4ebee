"""The electronic form of what was issued: written, held against the official rules, given out, and put into its PDF."""

from __future__ import annotations

import asyncio
from functools import cache

import structlog

from invoicing import service as invoicing
from invoicing.documents import DocumentType, IssuedInvoice
from invoicing.einvoice.embedding import embed
from invoicing.einvoice.errors import EInvoiceRefused, NotExpressible
from invoicing.einvoice.formats import Format
from invoicing.einvoice.preparing import EInvoice, prepare
from invoicing.einvoice.validation import Validator, ValidatorUnavailable
from orchestrator.errors import ClearwayError, Conflict
from orchestrator.settings import get_settings

_INVOICES = frozenset({DocumentType.INVOICE, DocumentType.CREDIT_NOTE})
_log = structlog.get_logger(__name__)


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
    if found.document is None or found.kind not in _INVOICES:
        raise Conflict("Only an issued invoice or credit note has an electronic form.")
    return await _prepared(found.document, form)


async def with_einvoice(pdf: bytes, document: IssuedInvoice) -> bytes:
    """The PDF with its `factur-x.xml`; as it is for what is no invoice, and for what EN 16931 cannot say or refuses.

    Raises EInvoiceUnavailable: the PDF is kept for good, so it is drawn again later rather than kept without.
    """
    if document.content.type not in _INVOICES:
        return pdf
    try:
        prepared = await _prepared(document, Format.FACTUR_X)
    except (EInvoiceRefused, NotExpressible) as refused:
        _log.info("invoice_without_xml", number=document.number, field=refused.field, reason=refused.message)
        return pdf
    return await asyncio.to_thread(embed, pdf, prepared.xml, dated=document.issue_date)


def close() -> None:
    """End the process that knows the rules; another is started when it is asked."""
    if _validator.cache_info().currsize:
        _validator().close()
        _validator.cache_clear()


async def _prepared(document: IssuedInvoice, form: Format) -> EInvoice:
    try:
        return await asyncio.to_thread(prepare, document, form, _validator())
    except ValidatorUnavailable as unavailable:
        raise EInvoiceUnavailable(f"The rules of e-invoices could not be asked ({unavailable}). Try again.") from None


@cache
def _validator() -> Validator:
    return Validator(get_settings().einvoice_rules_dir)
