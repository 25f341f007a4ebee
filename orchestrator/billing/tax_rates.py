"""The rate at which a law wants an invoice's tax in its own currency, frozen with the invoice at its issue."""

from __future__ import annotations

from datetime import date

from invoicing.documents import DocumentType, DraftInvoice
from invoicing.tax_currency import freeze_tax_rate, required_tax_currency
from orchestrator.fx import service as fx


async def frozen(merchant_id: str, draft: DraftInvoice, issue_date: date) -> DraftInvoice:
    """The content with its tax rate, of the tax point or the last publication before: the merchant's own, else the
    ECB's. A credit note has that of what it corrects. Raises InvalidInvoice where there is no such rate."""
    if draft.type is not DocumentType.INVOICE or draft.tax_rate is not None:
        return draft
    if not (draft.tax_currency or required_tax_currency(draft)):
        return draft
    return freeze_tax_rate(draft, await fx.book_for(merchant_id), draft.tax_point_date or issue_date)
