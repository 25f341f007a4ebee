"""The verbs of an invoice's life: drafted, issued, printed, mailed, paid by a link. Joins what invoicing decides with
payments, the ledger, mail and the outbox.

An invoice row and a payment row are never locked in one transaction: a captured payment comes here through the outbox.
"""

from __future__ import annotations

import contextlib
from datetime import date, timedelta

from currency.money import Money
from invoicing import application_service as applications
from invoicing import service as invoicing
from invoicing.documents import DocumentType, DraftInvoice
from invoicing.lifecycle import InvoiceState
from invoicing.settling import discount_left
from invoicing.store import InvoiceRecord, find_invoice_by_id
from invoicing.terms import discount_at
from orchestrator import clock_port, outbox
from orchestrator.access.store import bind_idempotency
from orchestrator.billing import einvoices, mail, pdf, telling
from orchestrator.billing.applying import PAYMENT_CAPTURED, apply_payment, look_at_dispute
from orchestrator.billing.bookings import at_issue
from orchestrator.db import transaction
from orchestrator.errors import Conflict
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.ledger.service import AccountKind, JournalKind, post
from orchestrator.notifications import store as event_store
from orchestrator.notifications.service import record
from orchestrator.outbox import Later
from orchestrator.payments import service as payments
from orchestrator.payments import store as payment_store
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.settings import get_settings

__all__ = ["PAYMENT_CAPTURED", "apply_payment", "look_at_dispute"]

SEND_INVOICE = "invoice.send"

PAYABLE = frozenset({InvoiceState.OPEN, InvoiceState.PARTLY_PAID})
LOOK_AGAIN_S = 30
EVENTS_LOOKED_AT = 50  # of one invoice; it has a handful

_being_sent: set[str] = set()  # by this process


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
    changed = await invoicing.finalize(
        invoice_id,
        merchant_id=merchant_id,
        issue_date=issue_date or now.date(),
        now=now,
        kind=kind,
        series=series,
        new_id=lambda: new_id("ser"),
    )
    invoice = changed.invoice
    assert invoice.document is not None
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
    else:
        await record(EventType.QUOTE_ISSUED, merchant_id, invoice_id, {"number": invoice.number}, now)
    if send_mail:
        await outbox.enqueue(SEND_INVOICE, invoice_id, now)
    return invoice


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


async def send(invoice_id: str) -> Later | None:
    """Mail the invoice with its PDF to the buyer, once. Run by the outbox; a mail that was not taken is tried again.

    A bell may ring again while the PDF is drawn: it is put off. Only a crash between the mail server's answer and our
    commit can repeat a mail, which then has the same Message-ID.
    """
    if invoice_id in _being_sent:
        return Later(clock_port.now() + timedelta(seconds=LOOK_AGAIN_S))
    _being_sent.add(invoice_id)
    try:
        await _send_once(invoice_id)
    finally:
        _being_sent.discard(invoice_id)
    return None


async def _send_once(invoice_id: str) -> None:
    invoice = await find_invoice_by_id(invoice_id)
    if invoice is None or invoice.document is None or not invoice.document.content.buyer.email:
        return
    content = await pdf_of(invoice.merchant_id, invoice_id)
    if await _was_told(
        invoice.merchant_id, invoice_id, EventType.INVOICE_SENT
    ):  # by another process, while this one drew
        return
    await mail.send(mail.invoice_mail(invoice, content, public_url(invoice)))
    async with transaction():
        data = {"to": invoice.customer_id, "number": invoice.number}
        await record(EventType.INVOICE_SENT, invoice.merchant_id, invoice_id, data, clock_port.now())


async def _was_told(merchant_id: str, invoice_id: str, kind: EventType, **data: str) -> bool:
    """Whether an event of this kind, with this data, is recorded of the invoice."""
    found = await event_store.events_of(merchant_id, limit=EVENTS_LOOKED_AT, object_id=invoice_id)
    return any(event.type == kind and data.items() <= event.data.items() for event in found)


def public_url(invoice: InvoiceRecord) -> str:
    """Where the buyer sees and pays the invoice."""
    return f"{get_settings().public_url}/i/{invoice.public_token}"


async def payment_for(invoice: InvoiceRecord) -> PaymentRow:
    """The one payment by which the invoice can be paid now, made when it is first asked for.

    Two tabs get the same one: `source` counts the payments applied so far and is unique among open payments. Where what
    is owed has changed since, the one that nobody has begun to pay gives way to another. Raises Conflict when nothing
    is owed.
    """
    if invoice.state not in PAYABLE or invoice.document is None:
        raise Conflict(f"The invoice is {invoice.state.value}: nothing is owed.")
    due = due_now(invoice, clock_port.now().date())
    applied = await invoicing.list_payments(invoice.merchant_id, invoice.id)
    source = f"{invoice.id}/{len(applied)}"
    existing = await payment_store.payment_by_source(source)
    if existing is not None:
        if existing.amount == due or existing.status is not PaymentStatus.REQUIRES_PAYMENT_METHOD:
            return existing
        with contextlib.suppress(Conflict):  # it has just been paid: then that is the one
            await payments.cancel(invoice.merchant_id, existing.id)
    new = NewPayment(
        merchant_id=invoice.merchant_id,
        amount=due,
        country=invoice.document.content.buyer.country,
        customer_id=invoice.customer_id,
        reference=invoice.number,
        description=invoice.number or "",
        locale=invoice.document.content.locale,
        return_url=public_url(invoice),
        source=source,
        credit_kind=AccountKind.CUSTOMER_RECEIVABLE,
    )
    try:
        return await payments.create(new)
    except payment_store.SourceTaken:
        existing = await payment_store.payment_by_source(source)
        assert existing is not None
        return existing


def due_now(invoice: InvoiceRecord, today: date) -> Money:
    """What settles the invoice on that day: what is owed, less the discount for paying early where there is one."""
    if invoice.document is None:
        return invoice.owed
    content, totals = invoice.document.content, invoice.document.totals
    if not discount_left(invoice.standing, invoice.document, today):
        return invoice.owed
    asked = Money(invoice.standing.total - invoice.standing.credit_notes, totals.total.currency)
    enough = discount_at(content.terms, asked, invoice.document.issue_date, today)
    return invoice.owed - enough.discount


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
        if idempotency_id:
            await bind_idempotency(idempotency_id, invoice_id)
    return await invoicing.get(merchant_id, invoice_id)
