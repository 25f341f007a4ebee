"""The verbs of an invoice's life: drafted, issued, contested. Joins what invoicing decides with ledger and outbox."""

from __future__ import annotations

from datetime import date

from invoicing import application_service as applications
from invoicing import service as invoicing
from invoicing.documents import DocumentType, DraftInvoice
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.access.store import bind_idempotency
from orchestrator.billing import prepaying, tax_rates, telling
from orchestrator.billing.automatic_charge import service as automatic_charge
from orchestrator.billing.bookings import at_issue
from orchestrator.billing.einvoices import rules as einvoice_rules
from orchestrator.billing.reminders import policy as reminders_policy
from orchestrator.billing.reminders import service as reminders
from orchestrator.billing.sending import request_document
from orchestrator.db import transaction
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.ledger.service import JournalKind, post
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
    """A draft with its sums. Raises invoicing's refusals (InvalidInvoice, TaxNotApplicable)."""
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
    await einvoice_rules.require_writable(merchant_id, invoice_id, issue_date)
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
    now = clock_port.now()
    on = issue_date or now.date()
    deposits: prepaying.Sources = ()

    async def prepare(draft: InvoiceRecord) -> DraftInvoice:
        nonlocal deposits
        if draft.kind is DocumentType.INVOICE:
            deposits = await prepaying.secured(draft)
        content = await tax_rates.frozen(merchant_id, draft.draft, on)
        return await einvoice_rules.ready(draft, content, on, send=send_mail)

    changed = await invoicing.finalize(
        invoice_id,
        merchant_id=merchant_id,
        issue_date=on,
        now=now,
        kind=kind,
        series=series,
        new_id=lambda: new_id("ser"),
        prepare=prepare,
    )
    invoice = changed.invoice
    assert invoice.document is not None
    await vat_ids.keep(invoice, now)
    if invoice.kind is DocumentType.INVOICE:
        entries = at_issue(invoice.document.totals)
        if entries:
            await post(
                f"invoice:{invoice_id}",
                entries,
                merchant_id=merchant_id,
                kind=JournalKind.INVOICE,
                at=now,
                memo=invoice.number or "",
            )
        await telling.tell(changed.events, now)
        invoice = await prepaying.apply(invoice, deposits, now)
        await automatic_charge.schedule_within(invoice, now)
        await reminders.schedule(invoice)
    else:
        await record(EventType.QUOTE_ISSUED, merchant_id, invoice_id, {"number": invoice.number}, now)
    if send_mail:
        await request_document(invoice)
    return invoice


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
