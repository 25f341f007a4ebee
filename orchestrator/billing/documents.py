"""The documents as their buyers get them: made once, kept, and the same for ever."""

from __future__ import annotations

from invoicing import service as invoicing
from orchestrator.billing import einvoices, pdf
from orchestrator.billing.paying import public_url
from orchestrator.db import transaction
from orchestrator.errors import Conflict


async def pdf_of(merchant_id: str, invoice_id: str) -> bytes:
    """The PDF of an issued document with its e-invoice in it, made once and kept. Raises Conflict for a draft,
    EInvoiceUnavailable."""
    stored = await invoicing.get_pdf(merchant_id, invoice_id)
    if stored is not None:
        return stored
    invoice = await invoicing.get(merchant_id, invoice_id)
    if invoice.document is None:
        raise Conflict("A draft has no PDF. Finalize the invoice first.")
    drawn = await pdf.render(invoice.document, invoice.document.content.locale, public_url(invoice))
    rendered = await einvoices.with_einvoice(drawn, invoice.document)
    async with transaction():
        await invoicing.attach_pdf(invoice_id, merchant_id=merchant_id, pdf=rendered)
    kept = await invoicing.get_pdf(merchant_id, invoice_id)
    return kept or rendered
