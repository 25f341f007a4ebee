"""The verbs of credit notes: issued at once, booked against sales and tax, put to the invoice; the rest is credit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import msgspec

from invoicing import credit_note_service as credit_notes
from invoicing import service as invoicing
from invoicing.calculation import round_for_cash
from invoicing.credit import CreditPart
from invoicing.credit_note_service import Credited
from invoicing.documents import DocumentType
from invoicing.errors import WrongState
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.access.store import bind_idempotency
from orchestrator.billing import bookings, paying, telling
from orchestrator.billing.issue_dates import day_of_issue
from orchestrator.billing.sending import request_document
from orchestrator.billing.service import draft_within
from orchestrator.db import transaction
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.ledger.service import JournalKind, post
from orchestrator.notifications.service import record


async def issue(
    merchant_id: str,
    invoice_id: str,
    parts: Sequence[CreditPart] | None = None,
    *,
    note: str = "",
    issue_date: date | None = None,
    send_mail: bool = True,
    idempotency_id: str | None = None,
) -> InvoiceRecord:
    """Credit parts of an issued invoice, or all that is left of it. Raises InvoiceNotFound, WrongState, InvalidInvoice
    for more than is left to credit."""
    async with transaction():
        done = await _issue_within(merchant_id, invoice_id, parts, note, issue_date, send_mail=send_mail)
        if idempotency_id:
            await bind_idempotency(idempotency_id, done.credit_note.id)
    return done.credit_note


async def reissue(
    merchant_id: str, invoice_id: str, *, note: str = "", idempotency_id: str | None = None
) -> InvoiceRecord:
    """Credit all that is left of an invoice, and give a draft of the same content to be corrected and issued anew.

    Raises InvoiceNotFound, WrongState, InvalidInvoice where nothing is left to credit.
    """
    async with transaction():
        # The draft first: what is asked of its buyer's VAT id is locked before any number, as where drafts are issued.
        draft = await _copy_within(await invoicing.locked(merchant_id, invoice_id), keeps_prepaid=True)
        await _issue_within(merchant_id, invoice_id, None, note, None, send_mail=True)
        if idempotency_id:
            await bind_idempotency(idempotency_id, draft.id)
    return draft


async def duplicate(merchant_id: str, invoice_id: str, idempotency_id: str | None = None) -> InvoiceRecord:
    """A draft with the content of an invoice, be it issued or not. Raises InvoiceNotFound."""
    async with transaction():
        draft = await _copy_within(await invoicing.locked(merchant_id, invoice_id))
        if idempotency_id:
            await bind_idempotency(idempotency_id, draft.id)
    return draft


async def _copy_within(invoice: InvoiceRecord, *, keeps_prepaid: bool = False) -> InvoiceRecord:
    """What was paid before pays once: a copy says it only where the original has just given it back."""
    if invoice.kind is not DocumentType.INVOICE:
        raise WrongState("invoice_id", "must be an invoice")
    content = msgspec.structs.replace(invoice.draft, tax_rate=None, preceding=(), prepaid_receipts=())
    if content.prepaid and not keeps_prepaid:
        content = msgspec.structs.replace(content, prepaid=Decimal(0))
    if content.rounding:
        content = round_for_cash(content)
    return await draft_within(
        invoice.merchant_id, invoice.customer_id, content, reference=invoice.reference, origin_id=invoice.id
    )


async def _issue_within(
    merchant_id: str,
    invoice_id: str,
    parts: Sequence[CreditPart] | None,
    note: str,
    issue_date: date | None,
    *,
    send_mail: bool,
) -> Credited:
    now = clock_port.now()
    done = await credit_notes.issue_credit_note(
        new_id,
        merchant_id=merchant_id,
        invoice_id=invoice_id,
        parts=parts,
        note=note,
        public_token=invoicing.new_public_token(),
        issue_date=await day_of_issue(merchant_id, issue_date),
        in_order=issue_date is not None,
        now=now,
    )
    credit_note = done.credit_note
    assert credit_note.document is not None
    await post(
        f"credit-note:{credit_note.id}",
        bookings.at_credit(credit_note.document.totals),
        merchant_id=merchant_id,
        kind=JournalKind.CREDIT_NOTE,
        at=now,
        memo=f"{credit_note.number} credits {done.applied.invoice.number}",
    )
    await bookings.book_all(done.applied, at=now)
    await telling.tell(done.applied.events, now)
    await paying.settled_otherwise(done.applied.invoice)
    data = {"number": credit_note.number, "invoice": invoice_id, "total_minor": credit_note.total.minor}
    data |= {"currency": credit_note.total.currency}
    await record(EventType.CREDIT_NOTE_ISSUED, merchant_id, credit_note.id, data, now)
    if send_mail:
        await request_document(credit_note)
    return done
