"""The verbs of an invoice's life: drafted, issued, contested. Joins what invoicing decides with ledger and outbox."""

from __future__ import annotations

from datetime import date

from invoicing import application_service as applications
from invoicing import service as invoicing
from invoicing.documents import DocumentType, DraftInvoice, compute
from invoicing.errors import InvoicingError
from invoicing.store import InvoiceRecord
from invoicing.terms import AgreedTerms, check_draftable
from orchestrator import clock_port
from orchestrator.access.store import bind_idempotency
from orchestrator.billing.einvoices import rules as einvoice_rules
from orchestrator.billing.issuing import Issue, issue_within
from orchestrator.billing.reminders import policy as reminders_policy
from orchestrator.db import transaction
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.notifications.service import record
from orchestrator.tax_ids import at_issue as vat_ids


async def create_draft(
    merchant_id: str,
    customer_id: str,
    draft: DraftInvoice,
    idempotency_id: str | None = None,
    *,
    reference: str = "",
    origin_id: str | None = None,
    valid_until: date | None = None,
) -> InvoiceRecord:
    """A draft with its sums. Raises invoicing's refusals (InvalidInvoice, TaxNotApplicable), also for terms with which
    it could not be issued."""
    await _require_issuable(merchant_id, draft)
    async with transaction():
        return await draft_within(
            merchant_id,
            customer_id,
            draft,
            idempotency_id,
            reference=reference,
            origin_id=origin_id,
            valid_until=valid_until,
        )


async def draft_within(
    merchant_id: str,
    customer_id: str,
    draft: DraftInvoice,
    idempotency_id: str | None = None,
    *,
    reference: str = "",
    origin_id: str | None = None,
    valid_until: date | None = None,
) -> InvoiceRecord:
    """The same, in the caller's transaction."""
    invoice_id = new_id(_PREFIXES[draft.type])
    changed = await invoicing.create_draft(
        invoice_id,
        merchant_id=merchant_id,
        customer_id=customer_id,
        draft=draft,
        public_token=invoicing.new_public_token(),
        now=clock_port.now(),
        reference=reference,
        origin_id=origin_id,
        valid_until=valid_until,
    )
    await vat_ids.foresee(merchant_id, draft)
    if idempotency_id:
        await bind_idempotency(idempotency_id, invoice_id)
    return changed.invoice


_PREFIXES = {
    DocumentType.INVOICE: "inv",
    DocumentType.CREDIT_NOTE: "crn",
    DocumentType.PROFORMA: "pfi",
    DocumentType.QUOTE: "quo",
}


async def change_draft(
    merchant_id: str,
    invoice_id: str,
    customer_id: str,
    draft: DraftInvoice,
    *,
    reference: str,
    valid_until: date | None = None,
) -> InvoiceRecord:
    """Put another content into a draft. Raises InvoiceNotFound, WrongState once it is issued, invoicing's refusals."""
    await _require_issuable(merchant_id, draft)
    async with transaction():
        await vat_ids.foresee(merchant_id, draft)
        return await invoicing.change_draft(
            invoice_id,
            merchant_id=merchant_id,
            customer_id=customer_id,
            draft=draft,
            reference=reference,
            valid_until=valid_until,
        )


async def _require_issuable(merchant_id: str, draft: DraftInvoice) -> None:
    """What the terms lack is told now, and not to whoever issues the draft. Copies of documents are drafted anyway,
    for they are there to be changed."""
    if isinstance(draft.terms, AgreedTerms):
        check_draftable(draft.terms, compute(draft).payable, await reminders_policy.today_of(merchant_id))


async def delete_draft(merchant_id: str, invoice_id: str) -> None:
    """Raises InvoiceNotFound, WrongState once it is issued."""
    async with transaction():
        await invoicing.delete_draft(invoice_id, merchant_id=merchant_id)


async def finalize(
    merchant_id: str,
    invoice_id: str,
    *,
    issue_date: date | None = None,
    send_mail: bool = True,
    kind: DocumentType = DocumentType.INVOICE,
    series: str | None = None,
    idempotency_id: str | None = None,
) -> InvoiceRecord:
    """Issue the draft: number, dates, ledger, and (by a worker) PDF and mail. Raises invoicing's refusals."""
    draft = await invoicing.get(merchant_id, invoice_id)
    for refused in (await einvoice_rules.unwritable(merchant_id, [draft], issue_date)).values():
        raise refused
    async with transaction():
        issued = await finalize_within(
            merchant_id, invoice_id, issue_date=issue_date, send_mail=send_mail, kind=kind, series=series
        )
        if idempotency_id:
            await bind_idempotency(idempotency_id, invoice_id)
    return issued


async def finalize_within(
    merchant_id: str,
    invoice_id: str,
    *,
    issue_date: date | None = None,
    send_mail: bool = True,
    kind: DocumentType = DocumentType.INVOICE,
    series: str | None = None,
) -> InvoiceRecord:
    """The same, in the caller's transaction. Quotes and pro formas move no money."""
    [outcome] = await issue_within(merchant_id, [invoice_id], Issue(issue_date, send_mail, kind, series))
    if isinstance(outcome, InvoicingError):
        raise outcome
    return outcome


async def set_disputed(
    merchant_id: str, invoice_id: str, is_disputed: bool, reason: str = "", idempotency_id: str | None = None
) -> InvoiceRecord:
    """The buyer contests the invoice, or no longer does: reminders pause meanwhile.

    Raises InvoiceNotFound, WrongState.
    """
    now = clock_port.now()
    async with transaction():
        changed = await applications.set_disputed(
            merchant_id=merchant_id, invoice_id=invoice_id, disputed_at=now if is_disputed else None
        )
        if changed is not None:
            kind = EventType.INVOICE_DISPUTED if is_disputed else EventType.INVOICE_DISPUTE_ENDED
            await record(kind, merchant_id, invoice_id, {"number": changed.number, "reason": reason}, now)
            if not is_disputed:
                await reminders_policy.resumed_within(merchant_id, invoice_id)
        if idempotency_id:
            await bind_idempotency(idempotency_id, invoice_id)
    return await invoicing.get(merchant_id, invoice_id)
