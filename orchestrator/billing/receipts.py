"""Money that came by no gateway, and the numbered receipts of all money: put to invoices, the rest is credit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import msgspec

from currency.money import Money
from currency.rates import Rate, convert
from invoicing import application_service as applications
from invoicing import application_store, reversal_store
from invoicing import series_service as series
from invoicing.allocation import Allocation, OpenInvoice, Part, allocate_receipt
from invoicing.application_store import AppliedRow, ReceiptRow
from invoicing.documents import FrozenRate
from invoicing.errors import PaymentMismatch
from invoicing.lifecycle import InvoiceState
from invoicing.reversal_store import ReversalRow
from invoicing.series_store import SeriesKind
from invoicing.settling import discount_left
from invoicing.store import InvoiceRecord, oldest_open
from orchestrator import clock_port
from orchestrator.access.store import bind_idempotency
from orchestrator.billing import bookings, naming, paying, telling
from orchestrator.billing.bookings import BANK, credit_of
from orchestrator.billing.terms_of_merchant import tolerance_minor
from orchestrator.db import hold, transaction
from orchestrator.errors import Conflict, NotFound
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.ledger import rules
from orchestrator.ledger.service import JournalKind, post
from orchestrator.notifications.service import record
from orchestrator.payments import store as payment_store

OF_PAYMENT = "payment"  # the source of a receipt that says what a gateway took already
INVOICES_MAX = 100  # of one receipt


@dataclass(frozen=True, slots=True)
class NewReceipt:
    """Money that a customer gave: `reference` tells it from all others of its `source` (bank, cash). `parts` says what
    it is for; else the invoices that `remittance` names; without either it pays the customer's open invoices of
    `invoice_currency`, the oldest first, but with a remittance that names none only where `is_oldest_first` says so.
    `rate` leads from its currency to that of the invoices; `booked_rate` the other way round, as the invoices were
    booked."""

    customer_id: str
    amount: Money
    source: str
    reference: str
    received_on: date
    parts: tuple[Part, ...] | None = None
    invoice_currency: str = ""
    rate: Rate | None = None
    booked_rate: Rate | None = None
    remittance: str = ""
    is_oldest_first: bool = True


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """A receipt with what it settled, and how it was taken back, where it was."""

    receipt: ReceiptRow
    applications: tuple[AppliedRow, ...]
    reversal: ReversalRow | None = None


async def apply_receipt(merchant_id: str, new: NewReceipt, idempotency_id: str | None = None) -> ReceiptView:
    """Record money received and put it to invoices, once for each reference, however often it is told.

    Raises InvoiceNotFound; PaymentMismatch where it does not fit the invoices, or was told before as another amount.
    """
    async with transaction():
        await hold(f"receipt:{merchant_id}:{new.source}:{new.reference}")
        before = await application_store.find_receipt_by_reference(merchant_id, new.source, new.reference)
        if before is not None:
            return await _repeated(before, new)
        named = await naming.named_invoices(merchant_id, new.remittance) if new.parts is None else []
        if named or new.remittance:
            new = _of_payer(new, named)
        invoices = await _locked(merchant_id, new, [invoice.id for invoice in named])
        allocated = await _allocate(merchant_id, new, invoices)
        receipt_id = new_id("rct")
        rows = await _apply(new, receipt_id, allocated, invoices)
        await _book_rest(merchant_id, receipt_id, new, allocated.credit)
        receipt = await _number(merchant_id, receipt_id, new, allocated.credit)
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
            receipt = await _number(merchant_id, new_id("rct"), new, Money.zero(payment.currency))
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
    applied = tuple(await application_store.applications_from(source_id))
    return ReceiptView(receipt, applied, await reversal_store.find_reversal(receipt.id))


def _of_payer(new: NewReceipt, named: Sequence[InvoiceRecord]) -> NewReceipt:
    """The receipt of the customer whose invoices the payer names, for just those. Raises PaymentMismatch."""
    if not named:
        if not new.customer_id:
            raise PaymentMismatch("customer_id", "must say who paid: the remittance names none of your invoices")
        return new
    customers = {invoice.customer_id for invoice in named}
    numbers = ", ".join(invoice.number or "" for invoice in named)
    if len(customers) > 1 or new.customer_id not in ("", *customers):
        what = f"must be the customer of {numbers}, which the remittance names"
        raise PaymentMismatch("customer_id", f"{what}; leave it out, or give parts")
    owed = sum(_owed(invoice).minor for invoice in named)
    available = new.amount if new.rate is None else convert(new.amount, new.rate)
    if len(named) > 1 and available.minor != owed:
        what = f"names {numbers}, which owe {owed} minor units together, not what came in"
        raise PaymentMismatch("remittance", f"{what}; say in parts what is for which")
    return replace(new, customer_id=next(iter(customers)))


def _owed(invoice: InvoiceRecord) -> Money:
    """What a payment may still settle of it: what was given up as uncollectible, too."""
    given_up = invoice.standing.written_off if invoice.state is InvoiceState.UNCOLLECTIBLE else 0
    return Money(invoice.standing.owed + given_up, invoice.total.currency)


async def _repeated(before: ReceiptRow, new: NewReceipt) -> ReceiptView:
    if before.amount != new.amount or new.customer_id not in ("", before.customer_id):
        raise PaymentMismatch("reference", "was told before, with another amount or customer")
    return await view(before)


async def _locked(merchant_id: str, new: NewReceipt, named: Sequence[str]) -> dict[str, InvoiceRecord]:
    """The invoices that it may pay, locked in the order of their ids: two receipts never wait crosswise."""
    if new.parts is not None:
        ids = [part.invoice_id for part in new.parts]
    elif named or not new.is_oldest_first:
        ids = list(named)
    else:
        currency = new.invoice_currency or new.amount.currency
        ids = await oldest_open(merchant_id, new.customer_id, currency, limit=INVOICES_MAX) if new.customer_id else []
    locked = {one: await applications.lock(merchant_id, one) for one in sorted(set(ids))}
    for index, part in enumerate(new.parts or ()):
        if locked[part.invoice_id].customer_id != new.customer_id:
            raise PaymentMismatch(f"parts[{index}].invoice_id", "must be an invoice of the customer who paid")
    return locked


async def _allocate(merchant_id: str, new: NewReceipt, invoices: dict[str, InvoiceRecord]) -> Allocation:
    open_ones = [_open(invoice, new) for invoice in invoices.values() if _owed(invoice).minor or new.parts is not None]
    currency = next((invoice.owed.currency for invoice in open_ones), new.amount.currency)
    return allocate_receipt(
        new.amount,
        open_ones,
        parts=new.parts,
        rate=new.rate if open_ones else None,
        tolerance_minor=await tolerance_minor(merchant_id, currency),
    )


def _open(invoice: InvoiceRecord, new: NewReceipt) -> OpenInvoice:
    owed = _owed(invoice)
    if invoice.document is None or invoice.due_date is None or not owed.minor:
        raise PaymentMismatch("parts", f"{invoice.number or invoice.id} is {invoice.state}: nothing is owed")
    discount = discount_left(invoice.standing, invoice.document, new.received_on)
    return OpenInvoice(
        id=invoice.id,
        owed=owed,
        due_date=invoice.due_date,
        issue_date=invoice.document.issue_date,
        discount=Money(discount, invoice.owed.currency) if discount else None,
        booked_rate=_booked_rate(invoice.number or "", invoice.document.content.tax_rate, new),
    )


def _booked_rate(number: str, frozen: FrozenRate | None, new: NewReceipt) -> Rate | None:
    """The rate that was frozen with the invoice, where it leads to the receipt's currency, else the one that is said.

    Raises PaymentMismatch where both are there and differ."""
    if frozen is None or new.rate is None or (frozen.quote, frozen.base) != (new.rate.base, new.rate.quote):
        return new.booked_rate
    rate = frozen.thaw()
    if new.booked_rate is not None and new.booked_rate.value != rate.value:
        what = f"is not the rate at which {number} was issued, {rate} of {rate.on}; leave it out"
        raise PaymentMismatch("conversion.booked_rate", what)
    return rate


async def _apply(
    new: NewReceipt, receipt_id: str, allocated: Allocation, invoices: dict[str, InvoiceRecord]
) -> list[AppliedRow]:
    rows: list[AppliedRow] = []
    now = clock_port.now()
    for part in allocated.applied:
        done = await applications.settle_receipt(
            lambda: new_id("iap"), invoice=invoices[part.invoice_id], part=part, receipt_id=receipt_id, now=now
        )
        await bookings.book_all(done, at=now)
        await telling.tell(done.events, now)
        await paying.settled_otherwise(done.invoice)
        rows += done.rows
    return rows


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
        remittance=new.remittance,
    )
    await application_store.insert_receipt(row)
    return row


async def _book_rest(merchant_id: str, receipt_id: str, new: NewReceipt, credited: Money) -> None:
    """Before the number is taken: accounts that are opened are waited for, too, and always before the series."""
    entries = rules.moved((BANK, credit_of(new.customer_id), credited))
    if entries:
        await post(
            f"receipt:{receipt_id}",
            entries,
            merchant_id=merchant_id,
            kind=JournalKind.RECEIPT,
            at=clock_port.now(),
            memo=f"receipt, {new.source} {new.reference}",
        )
