"""Money that came by no gateway, and the numbered receipts of all money: put to invoices, the rest is credit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import msgspec

from currency.money import Money
from currency.rates import Rate
from invoicing import allocation, application_store
from invoicing import application_service as applications
from invoicing import series_service as series
from invoicing.allocation import Allocation, OpenInvoice, Part, allocate_receipt
from invoicing.application_service import Applied
from invoicing.application_store import AppliedRow, ReceiptRow
from invoicing.documents import FrozenRate
from invoicing.errors import PaymentMismatch
from invoicing.lifecycle import ApplicationKind
from invoicing.series_store import SeriesKind
from invoicing.settling import discount_left
from invoicing.store import InvoiceFilter, InvoiceRecord, list_invoices
from orchestrator import clock_port
from orchestrator.access.store import bind_idempotency
from orchestrator.billing import bookings, telling
from orchestrator.billing.bookings import BANK, RECEIVABLE, credit_of, entries_of
from orchestrator.billing.paying import PAYABLE
from orchestrator.billing.terms_of_merchant import tolerance_minor
from orchestrator.db import hold, transaction
from orchestrator.errors import Conflict, NotFound
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.ledger import rules
from orchestrator.ledger.service import Entry, JournalKind, post
from orchestrator.notifications.service import record
from orchestrator.payments import store as payment_store

OF_PAYMENT = "payment"  # the source of a receipt that says what a gateway took already
INVOICES_MAX = 100  # of one receipt


@dataclass(frozen=True, slots=True)
class NewReceipt:
    """Money that a customer gave: `reference` tells it from all others of its `source` (bank, cash). `parts` says what
    it is for; without them it pays the customer's open invoices of `invoice_currency`, the oldest first. `rate` leads
    from its currency to that of the invoices; `booked_rate` the other way round, as the invoices were booked."""

    customer_id: str
    amount: Money
    source: str
    reference: str
    received_on: date
    parts: tuple[Part, ...] | None = None
    invoice_currency: str = ""
    rate: Rate | None = None
    booked_rate: Rate | None = None


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """A receipt with what it settled."""

    receipt: ReceiptRow
    applications: tuple[AppliedRow, ...]


async def apply_receipt(merchant_id: str, new: NewReceipt, idempotency_id: str | None = None) -> ReceiptView:
    """Record money received and put it to invoices, once for each reference, however often it is told.

    Raises InvoiceNotFound; PaymentMismatch where it does not fit the invoices, or was told before as another amount.
    """
    async with transaction():
        await hold(f"receipt:{merchant_id}:{new.source}:{new.reference}")
        before = await application_store.find_receipt_by_reference(merchant_id, new.source, new.reference)
        if before is not None:
            return await _repeated(before, new)
        invoices = await _locked(merchant_id, new)
        allocated = await _allocate(merchant_id, new, invoices)
        receipt_id = new_id("rcp")
        rows = await _apply(new, receipt_id, allocated, invoices)
        receipt = await _number(merchant_id, receipt_id, new, allocated.credit)
        await _book_rest(receipt)
        data = {"number": receipt.number, "amount_minor": new.amount.minor, "currency": new.amount.currency}
        await record(EventType.RECEIPT_RECORDED, merchant_id, receipt_id, data, clock_port.now())
        if idempotency_id:
            await bind_idempotency(idempotency_id, receipt_id)
    return ReceiptView(receipt, tuple(rows))


async def receipt_of_payment(merchant_id: str, payment_id: str, idempotency_id: str | None = None) -> ReceiptView:
    """The numbered receipt of a captured payment, made when it is first asked for. Raises NotFound, Conflict."""
    payment = await payment_store.payment(payment_id)
    if payment is None or payment.merchant_id != merchant_id:
        raise NotFound("payment", payment_id)
    if not payment.amount_captured_minor:
        raise Conflict("Nothing of the payment is captured yet: there is nothing to give a receipt of.")
    async with transaction():
        await hold(f"receipt:{merchant_id}:{OF_PAYMENT}:{payment_id}")
        receipt = await application_store.find_receipt_by_reference(merchant_id, OF_PAYMENT, payment_id)
        if receipt is None:
            new = NewReceipt(
                payment.customer_id or "",
                Money(min(payment.amount_captured_minor, payment.amount_minor), payment.currency),
                OF_PAYMENT,
                payment_id,
                clock_port.now().date(),
            )
            receipt = await _number(merchant_id, new_id("rcp"), new, Money.zero(payment.currency))
        if idempotency_id:
            await bind_idempotency(idempotency_id, receipt.id)
    return await view(receipt)


async def get(merchant_id: str, receipt_id: str) -> ReceiptView:
    """Raises NotFound."""
    found = await application_store.find_receipt(merchant_id, receipt_id)
    if found is None:
        raise NotFound("receipt", receipt_id)
    return await view(found)


async def view(receipt: ReceiptRow) -> ReceiptView:
    """The receipt with what it settled."""
    source_id = receipt.reference if receipt.source == OF_PAYMENT else receipt.id
    return ReceiptView(receipt, tuple(await application_store.applications_from(source_id)))


async def _repeated(before: ReceiptRow, new: NewReceipt) -> ReceiptView:
    if (before.amount, before.customer_id) != (new.amount, new.customer_id):
        raise PaymentMismatch("reference", "was told before, with another amount or customer")
    return await view(before)


async def _locked(merchant_id: str, new: NewReceipt) -> dict[str, InvoiceRecord]:
    """The invoices that it may pay, locked in the order of their ids: two receipts never wait crosswise."""
    if new.parts is not None:
        ids = [part.invoice_id for part in new.parts]
    else:
        currency = new.invoice_currency or new.amount.currency
        found = []
        for state in sorted(PAYABLE):
            wanted = InvoiceFilter(customer_id=new.customer_id, state=state, currency=currency)
            found += await list_invoices(merchant_id, wanted, limit=INVOICES_MAX)
        ids = [invoice.id for invoice in found] if new.customer_id else []
    locked = {one: await applications.lock(merchant_id, one) for one in sorted(set(ids))}
    for index, part in enumerate(new.parts or ()):
        if locked[part.invoice_id].customer_id != new.customer_id:
            raise PaymentMismatch(f"parts[{index}].invoice_id", "must be an invoice of the customer who paid")
    return locked


async def _allocate(merchant_id: str, new: NewReceipt, invoices: dict[str, InvoiceRecord]) -> Allocation:
    open_ones = [
        _open(invoice, new) for invoice in invoices.values() if invoice.state in PAYABLE or new.parts is not None
    ]
    currency = next((invoice.owed.currency for invoice in open_ones), new.amount.currency)
    return allocate_receipt(
        new.amount,
        open_ones,
        parts=new.parts,
        rate=new.rate if open_ones else None,
        tolerance_minor=await tolerance_minor(merchant_id, currency),
    )


def _open(invoice: InvoiceRecord, new: NewReceipt) -> OpenInvoice:
    if invoice.document is None or invoice.due_date is None or invoice.state not in PAYABLE:
        raise PaymentMismatch("parts", f"{invoice.number or invoice.id} is {invoice.state}: nothing is owed")
    discount = discount_left(invoice.standing, invoice.document, new.received_on)
    return OpenInvoice(
        id=invoice.id,
        owed=invoice.owed,
        due_date=invoice.due_date,
        issue_date=invoice.document.issue_date,
        discount=Money(discount, invoice.owed.currency) if discount else None,
        booked_rate=new.booked_rate,
    )


async def _apply(
    new: NewReceipt, receipt_id: str, allocated: Allocation, invoices: dict[str, InvoiceRecord]
) -> list[AppliedRow]:
    rows: list[AppliedRow] = []
    now = clock_port.now()
    for part in allocated.applied:
        done = await applications.settle_receipt(
            lambda: new_id("iap"), invoice=invoices[part.invoice_id], part=part, receipt_id=receipt_id, now=now
        )
        await _book(done, part)
        await telling.tell(done.events, now)
        rows += done.rows
    return rows


async def _book(done: Applied, part: allocation.Applied) -> None:
    for row in done.rows:
        is_exchanged = row.kind is ApplicationKind.RECEIPT and part.received.currency != part.applied.currency
        entries = _exchanged(part) if is_exchanged else entries_of(row, done.invoice.customer_id)
        await bookings.book(row, done.invoice, entries, at=row.applied_at)


def _exchanged(part: allocation.Applied) -> list[Entry]:
    """The invoice is paid in its currency by what came to the bank in another, by way of the position account."""
    entries = rules.converted(part.applied, part.received, giving=RECEIVABLE, receiving=BANK)
    return entries + (rules.revalued(part.fx_difference) if part.fx_difference is not None else [])


async def _number(merchant_id: str, receipt_id: str, new: NewReceipt, credited: Money) -> ReceiptRow:
    """Store the receipt with its number, which is taken last: its lock holds up every other receipt."""
    now = clock_port.now()
    number = await series.take_number(
        lambda: new_id("ser"),
        merchant_id=merchant_id,
        series=SeriesKind.RECEIPT.value,
        kind=SeriesKind.RECEIPT,
        issue_date=now.date(),
    )
    rates = {"rate": new.rate, "booked_rate": new.booked_rate}
    used = {name: msgspec.to_builtins(FrozenRate.of(rate)) for name, rate in rates.items() if rate is not None}
    row = ReceiptRow(
        id=receipt_id,
        merchant_id=merchant_id,
        customer_id=new.customer_id,
        number=number,
        source=new.source,
        reference=new.reference,
        amount=new.amount,
        credited=credited,
        received_on=new.received_on,
        created_at=now,
        conversion=used or None,
    )
    await application_store.insert_receipt(row)
    return row


async def _book_rest(receipt: ReceiptRow) -> None:
    entries = rules.moved((BANK, credit_of(receipt.customer_id), receipt.credited))
    if entries:
        await post(
            f"receipt:{receipt.id}",
            entries,
            merchant_id=receipt.merchant_id,
            kind=JournalKind.RECEIPT,
            at=receipt.created_at,
            memo=f"receipt {receipt.number}",
        )
