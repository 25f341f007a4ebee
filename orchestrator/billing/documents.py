"""The documents as their buyers get them: made once, kept, and the same for ever."""

from __future__ import annotations

from invoicing import service as invoicing
from invoicing.documents import IssuedInvoice
from invoicing.einvoice.errors import EInvoiceRefused, NotExpressible
from invoicing.problems import ProblemKind
from invoicing.rendering import InvoiceView
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.billing import branding, document_problems, pdf
from orchestrator.billing.einvoices import service as einvoices
from orchestrator.billing.paying import public_url
from orchestrator.db import transaction
from orchestrator.errors import Conflict


async def pdf_of(merchant_id: str, invoice_id: str) -> bytes:
    """The PDF of an issued document with its e-invoice in it, made once and kept.

    What is wrong with it is kept with the document, until it is solved. Raises Conflict for a draft; DrawingFailed and
    EInvoiceUnavailable, after which it may be asked for again.
    """
    stored = await invoicing.get_pdf(merchant_id, invoice_id)
    if stored is not None:
        return stored
    invoice = await invoicing.get(merchant_id, invoice_id)
    if invoice.document is None:
        raise Conflict("A draft has no PDF. Finalize the invoice first.")
    try:
        made, found = await _made(invoice, invoice.document)
    except einvoices.EInvoiceUnavailable as unavailable:
        await document_problems.note_undrawn(invoice, ProblemKind.E_INVOICE, unavailable.detail)
        raise
    except Exception as failed:
        reason = failed.reason if isinstance(failed, pdf.DrawingFailed) else f"{type(failed).__name__}: {failed}"
        await document_problems.note_undrawn(invoice, ProblemKind.PDF, reason)
        raise
    async with transaction():
        if await invoicing.attach_pdf(invoice_id, merchant_id=merchant_id, pdf=made):
            await document_problems.settle_drawn(invoice, found, clock_port.now())
    return await invoicing.get_pdf(merchant_id, invoice_id) or made


async def _made(invoice: InvoiceRecord, document: IssuedInvoice) -> tuple[bytes, dict[ProblemKind, str]]:
    """The PDF, and what is wrong with it: it was drawn with our template, or has no e-invoice in it."""
    drawing = await pdf.draw(await _view(invoice, document), document.content.locale)
    found = {ProblemKind.TEMPLATE: drawing.template_problem} if drawing.template_problem else {}
    try:
        return await einvoices.with_einvoice(drawing.pdf, document), found
    except (EInvoiceRefused, NotExpressible) as refused:
        return drawing.pdf, {**found, ProblemKind.E_INVOICE: str(refused)}


async def _view(invoice: InvoiceRecord, document: IssuedInvoice) -> InvoiceView:
    """With the branding and the template of its issue. After it could not be drawn, with those of now: what was wrong
    with them may have been corrected."""
    failed_before = any(problem.kind is ProblemKind.PDF for problem in invoice.problems)
    at = None if failed_before else invoice.issued_at
    return InvoiceView(
        document=document,
        pay_url=public_url(invoice),
        branding=await branding.look_of(invoice.merchant_id, at),
        template=await branding.template_of(invoice.merchant_id, invoice.kind, at),
        valid_until=invoice.valid_until,
    )
