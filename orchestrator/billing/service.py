"""The verbs of invoices: joins what invoicing decides with payments, the ledger, mail and the outbox.

An invoice row and a payment row are never locked in one transaction: a captured payment comes here through the outbox.
"""

from __future__ import annotations

from datetime import date, timedelta

from currency.money import Money
from invoicing import service as invoicing
from invoicing.documents import DraftInvoice, InvoiceTotals
from invoicing.lifecycle import InvoiceState
from invoicing.store import InvoiceRecord, find_invoice_by_id
from orchestrator import clock_port, outbox
from orchestrator.access.store import bind_idempotency
from orchestrator.billing import mail, pdf
from orchestrator.db import transaction
from orchestrator.errors import Conflict
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.ledger.service import AccountKey, AccountKind, Entry, JournalKind, References, post
from orchestrator.notifications import store as event_store
from orchestrator.notifications.service import record
from orchestrator.outbox import Later
from orchestrator.payments import service as payments
from orchestrator.payments import store as payment_store
from orchestrator.payments import tidying
from orchestrator.payments.records import PaymentRow
from orchestrator.payments.service import NewPayment
from orchestrator.settings import get_settings

PAYMENT_CAPTURED = "payment.captured"
SEND_INVOICE = "invoice.send"

_RECEIVABLE = AccountKey(AccountKind.CUSTOMER_RECEIVABLE)
PAYABLE = frozenset({InvoiceState.OPEN, InvoiceState.PARTLY_PAID})
LOOK_AGAIN_S = 30
EVENTS_LOOKED_AT = 50  # of one invoice; it has a handful

_being_sent: set[str] = set()  # by this process


async def create_draft(
    merchant_id: str, customer_id: str, draft: DraftInvoice, idempotency_id: str | None = None
) -> InvoiceRecord:
    """A draft with its sums. Raises invoicing's refusals (InvalidInvoice, TaxNotApplicable)."""
    invoice_id = new_id("inv")
    async with transaction():
        changed = await invoicing.create_draft(
            invoice_id,
            merchant_id=merchant_id,
            customer_id=customer_id,
            draft=draft,
            public_token=invoicing.new_public_token(),
            now=clock_port.now(),
        )
        if idempotency_id:
            await bind_idempotency(idempotency_id, invoice_id)
    return changed.invoice


async def finalize(
    merchant_id: str,
    invoice_id: str,
    *,
    issue_date: date | None = None,
    send_mail: bool = True,
    idempotency_id: str | None = None,
) -> InvoiceRecord:
    """Issue the draft: number, dates, ledger, and (by a worker) PDF and mail. Raises invoicing's refusals."""
    now = clock_port.now()
    async with transaction():
        await invoicing.open_series(new_id("ser"), merchant_id=merchant_id)
        changed = await invoicing.finalize(
            invoice_id, merchant_id=merchant_id, issue_date=issue_date or now.date(), now=now
        )
        invoice = changed.invoice
        assert invoice.document is not None
        entries = _entries_at_issue(invoice.document.totals)
        if entries:
            await post(
                f"invoice:{invoice_id}",
                entries,
                merchant_id=merchant_id,
                kind=JournalKind.INVOICE,
                at=now,
                memo=invoice.number or "",
            )
        await record(EventType.INVOICE_ISSUED, merchant_id, invoice_id, {"number": invoice.number}, now)
        if send_mail:
            await outbox.enqueue(SEND_INVOICE, invoice_id, now)
        if idempotency_id:
            await bind_idempotency(idempotency_id, invoice_id)
    return invoice


def _entries_at_issue(totals: InvoiceTotals) -> list[Entry]:
    parts = ((AccountKind.SALES, totals.net), (AccountKind.TAX, totals.tax))
    return [Entry(_RECEIVABLE, AccountKey(kind), amount) for kind, amount in parts if amount.minor > 0]


async def pdf_of(merchant_id: str, invoice_id: str) -> bytes:
    """The PDF of an issued invoice, rendered once and kept. Raises Conflict for a draft."""
    stored = await invoicing.get_pdf(merchant_id, invoice_id)
    if stored is not None:
        return stored
    invoice = await invoicing.get(merchant_id, invoice_id)
    if invoice.document is None:
        raise Conflict("A draft has no PDF. Finalize the invoice first.")
    rendered = await pdf.render(invoice.document, invoice.document.content.locale, public_url(invoice))
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

    Two tabs get the same one: `source` counts the payments applied so far and is unique among open payments.
    Raises Conflict when nothing is owed.
    """
    if invoice.state not in PAYABLE or invoice.document is None:
        raise Conflict(f"The invoice is {invoice.state.value}: nothing is owed.")
    applied = await invoicing.list_payments(invoice.merchant_id, invoice.id)
    source = f"{invoice.id}/{len(applied)}"
    existing = await payment_store.payment_by_source(source)
    if existing is not None:
        return existing
    new = NewPayment(
        merchant_id=invoice.merchant_id,
        amount=invoice.total - invoice.paid,
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


async def apply_payment(payment_id: str) -> Later | None:
    """Put a captured payment to its invoice, once. What the invoice did not owe becomes the customer's credit."""
    payment = await payment_store.payment(payment_id)
    if payment is None or payment.source is None or not payment.source.startswith("inv_"):
        return None  # it pays no invoice
    invoice_id = payment.source.partition("/")[0]
    # what was taken twice, or after the payment was given up, is on its way back: that pays nothing
    paid_minor = min(payment.amount_minor, tidying.paid_minor(await payment_store.story_of(payment)))
    if not paid_minor:
        await _tell_taken_back(payment, invoice_id)
        return None
    now = clock_port.now()
    async with transaction():
        applied = await invoicing.record_payment(
            new_id("ipa"),
            merchant_id=payment.merchant_id,
            invoice_id=invoice_id,
            payment_id=payment_id,
            amount=Money(paid_minor, payment.currency),
            now=now,
        )
        if applied.first_time and applied.invoice.state is InvoiceState.PAID:
            data = {"number": applied.invoice.number, "payment": payment_id}
            await record(EventType.INVOICE_PAID, payment.merchant_id, invoice_id, data, now)
        if applied.surplus.minor > 0:
            await _credit(payment, invoice_id, applied.surplus)
    return None


async def _tell_taken_back(payment: PaymentRow, invoice_id: str) -> None:
    """The gateway took back a capture that an invoice counts as paid. The ledger has it; a person is told, once."""
    applied = await invoicing.list_payments(payment.merchant_id, invoice_id)
    if all(row.payment_id != payment.id for row in applied):
        return
    kind = EventType.INVOICE_PAYMENT_TAKEN_BACK
    if await _was_told(payment.merchant_id, invoice_id, kind, payment=payment.id):
        return
    async with transaction():
        data = {"payment": payment.id, "amount_minor": payment.amount_minor, "currency": payment.currency}
        await record(kind, payment.merchant_id, invoice_id, data, clock_port.now())


async def _credit(payment: PaymentRow, invoice_id: str, surplus: Money) -> None:
    now = clock_port.now()
    first = await post(
        f"surplus:{invoice_id}:{payment.id}",
        [Entry(_RECEIVABLE, AccountKey(AccountKind.CUSTOMER_CREDIT), surplus)],
        merchant_id=payment.merchant_id,
        kind=JournalKind.APPLICATION,
        at=now,
        memo="paid more than the invoice owed",
        references=References(payment_id=payment.id),
    )
    if first:
        data = {"payment": payment.id, "surplus_minor": surplus.minor, "currency": surplus.currency}
        await record(EventType.INVOICE_PAYMENT_SURPLUS, payment.merchant_id, invoice_id, data, now)
