"""Credit notes: what was issued is corrected by a document of its own, numbered when it is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from invoicing import application_service as applications
from invoicing import store
from invoicing.application_service import Applied
from invoicing.credit import CreditPart, credit_everything, credit_parts
from invoicing.documents import DocumentType, DraftInvoice, IssuedInvoice
from invoicing.errors import InvalidInvoice, WrongState
from invoicing.service import create_draft, finalize
from invoicing.store import InvoiceFilter, InvoiceRecord

MAX_CREDIT_NOTES = 1_000  # of one invoice


@dataclass(frozen=True, slots=True)
class Credited:
    """The credit note, and what it did to its invoice."""

    credit_note: InvoiceRecord
    applied: Applied


async def issue_credit_note(
    new_id: Callable[[str], str],
    *,
    merchant_id: str,
    invoice_id: str,
    parts: Sequence[CreditPart] | None,
    note: str,
    public_token: str,
    issue_date: date,
    now: datetime,
    in_order: bool = False,
) -> Credited:
    """Take back parts of an issued invoice, or with None all that is left of it, under its row lock.

    It settles what is still owed of the invoice first. `new_id` takes a prefix. Raises InvoiceNotFound, WrongState,
    InvalidInvoice for more than is left to credit, or with `in_order` for a day before the invoice or the series'
    latest; SeriesNotFound, OutsideTransaction.
    """
    invoice = await applications.lock(merchant_id, invoice_id)
    if in_order and invoice.issue_date is not None and issue_date < invoice.issue_date:
        raise InvalidInvoice("issue_date", f"must not be before {invoice.issue_date}, when the invoice was issued")
    draft = await _draft(invoice, parts, note)
    credit_note_id = new_id("crn")
    made = await create_draft(
        credit_note_id,
        merchant_id=merchant_id,
        customer_id=invoice.customer_id,
        draft=draft,
        public_token=public_token,
        now=now,
        reference=invoice.reference,
        origin_id=invoice_id,
    )
    applied = await applications.apply_credit_note(
        lambda: new_id("iap"), invoice=invoice, credit_note_id=credit_note_id, amount=made.invoice.owed, now=now
    )
    issued = await finalize(
        credit_note_id,
        merchant_id=merchant_id,
        issue_date=issue_date,
        now=now,
        new_id=lambda: new_id("ser"),
        in_order=in_order,
    )
    return Credited(issued.invoice, applied)


async def _draft(invoice: InvoiceRecord, parts: Sequence[CreditPart] | None, note: str) -> DraftInvoice:
    if invoice.document is None:
        raise WrongState("state", "a draft is changed or deleted, not credited")
    before = await credited_so_far(invoice)
    if parts is None:
        return credit_everything(invoice.document, before, note=note)
    return credit_parts(invoice.document, parts, before, note=note)


async def credited_so_far(invoice: InvoiceRecord) -> list[IssuedInvoice]:
    """The credit notes of the invoice as issued, oldest first."""
    wanted = InvoiceFilter(kind=DocumentType.CREDIT_NOTE, origin_id=invoice.id)
    found = await store.list_invoices(invoice.merchant_id, wanted, limit=MAX_CREDIT_NOTES)
    return [one.document for one in reversed(found) if one.document is not None]
