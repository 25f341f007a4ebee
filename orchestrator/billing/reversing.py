"""Receipts taken back: money that bounced at the bank, or never came. What it paid is owed again, once.

What it gave as credit leaves the customer's credit. Where that was spent meanwhile, the invoices that it paid are owed
again, the latest first: money that never came pays nothing, and a customer's credit never becomes negative.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from currency.money import Money
from invoicing import application_service as applications
from invoicing import application_store, reversal_store, store
from invoicing.application_store import AppliedRow, ReceiptRow
from invoicing.lifecycle import ApplicationKind
from invoicing.reversal import ReceiptPart
from invoicing.reversal_store import ReversalRow
from invoicing.settling import Exchanged
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.access.store import bind_idempotency
from orchestrator.billing import customer_credit, receipts, spent_credit
from orchestrator.billing.bookings import credit_of
from orchestrator.billing.money_days import refuse_future
from orchestrator.billing.receipts import OF_PAYMENT, ReceiptView
from orchestrator.billing.spent_credit import TRIES_MAX, Locked, SpentElsewhereError
from orchestrator.db import hold, transaction
from orchestrator.errors import Busy, Conflict, InvalidField, NotFound
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.ledger import rules
from orchestrator.ledger.service import JournalKind, balance_minor, entries_of, post, reversal_key
from orchestrator.notifications.service import record


class CreditPaidOut(Conflict):
    """What the receipt gave as credit is not the customer's any more, nor is any invoice paid with it."""

    code = "credit_paid_out"

    def __init__(self, receipt: ReceiptRow, missing: Money) -> None:
        super().__init__(
            f"Of what {receipt.number} gave as credit, {missing.minor} minor units of {missing.currency} went back to "
            "the customer. Have the customer pay them back, record that as a receipt for no invoice (with a "
            "`remittance` that names none), and reverse this one then."
        )


@dataclass(frozen=True, slots=True)
class _Parts:
    """What invoices have of a receipt, by their ids."""

    receipt: ReceiptRow
    of: Mapping[str, ReceiptPart]

    def amount_on(self, invoice_id: str) -> int:
        part = self.of.get(invoice_id)
        return part.amount if part else 0

    def beyond(self, invoice: InvoiceRecord) -> int:
        """What the invoice cannot give: its money went back by another way, which left the customer with credit."""
        return max(0, self.amount_on(invoice.id) - invoice.standing.paid)

    def from_credit(self, invoices: Mapping[str, InvoiceRecord]) -> dict[str, int]:
        """What must come out of the customer's credit, by currency."""
        wanted = {self.receipt.amount.currency: self.receipt.credited.minor}
        for invoice in (invoices[one] for one in self.of):
            currency = invoice.total.currency
            wanted[currency] = wanted.get(currency, 0) + self.beyond(invoice)
        return wanted


async def reverse(
    merchant_id: str, receipt_id: str, reason: str, reversed_on: date, idempotency_id: str | None = None
) -> ReceiptView:
    """Take a receipt back, once, however often it is told. Each of its applications is undone by another of the
    opposite sign: out of the credit that the same invoice gave, as far as the customer has it; else it is owed again.

    Raises NotFound; Conflict for the receipt of a payment, and where it was reversed with another reason or day;
    InvalidField for a day before the receipt or to come; CreditPaidOut; Busy.
    """
    for _ in range(TRIES_MAX):
        try:
            await _reverse(merchant_id, receipt_id, reason, reversed_on, idempotency_id)
        except SpentElsewhereError:
            continue
        return await receipts.get(merchant_id, receipt_id)
    raise Busy("The customer's credit is being spent at this moment. Nothing was reversed; try again.")


async def _reverse(
    merchant_id: str, receipt_id: str, reason: str, reversed_on: date, idempotency_id: str | None
) -> None:
    async with transaction():
        receipt = await _held(merchant_id, receipt_id)
        before = await reversal_store.find_reversal(receipt_id)
        if before is None:
            _require_day(receipt, reversed_on)
            await _take_back(receipt)
            await _note(receipt, reason, reversed_on)
        elif (before.reason, before.reversed_on) != (reason, reversed_on):
            raise Conflict(f"{receipt.number} was reversed on {before.reversed_on} already: {before.reason}")
        if idempotency_id:
            await bind_idempotency(idempotency_id, receipt_id)


async def _held(merchant_id: str, receipt_id: str) -> ReceiptRow:
    receipt = await application_store.find_receipt(merchant_id, receipt_id)
    if receipt is None:
        raise NotFound("receipt", receipt_id)
    if receipt.source == OF_PAYMENT:
        raise Conflict(
            f"{receipt.number} says what a gateway took: give the money back with "
            f"POST /v1/payments/{receipt.reference}/refunds."
        )
    await hold(f"receipt:{merchant_id}:{receipt.source}:{receipt.reference}")
    return receipt


def _require_day(receipt: ReceiptRow, reversed_on: date) -> None:
    if reversed_on < receipt.received_on:
        raise InvalidField("reversed_on", f"must not be before {receipt.received_on}, when the money came")
    refuse_future("reversed_on", reversed_on)


async def _take_back(receipt: ReceiptRow) -> None:
    """Under the locks of all invoices that change, in the order of their ids, and of the customer's credit after them:
    the order in which everybody takes them."""
    parts = _Parts(receipt, _parts_of(await application_store.applications_from(receipt.id)))
    found = {one: await store.find_invoice(receipt.merchant_id, one) for one in parts.of}
    wanted = parts.from_credit({one: row for one, row in found.items() if row is not None})
    short = {currency: minor - await _left(receipt, currency) for currency, minor in wanted.items()}
    spent_on = [one for currency in short if short[currency] > 0 for one, _ in await _spent(receipt, currency)]
    locked = {one: await applications.lock(receipt.merchant_id, one) for one in sorted({*parts.of, *spent_on})}
    wanted = parts.from_credit(locked)
    for currency in sorted(wanted):
        left = await customer_credit.balance(receipt.merchant_id, receipt.customer_id, currency)
        await _reopen(parts, locked, Money(max(0, wanted[currency] - left.minor), currency))
    await _book_rest(receipt)
    for invoice_id in sorted(parts.of):
        await _reverse_part(parts, locked, invoice_id)


def _parts_of(rows: Sequence[AppliedRow]) -> dict[str, ReceiptPart]:
    """Of what the receipt settled; that somebody prepaid with its rest is no part of it."""
    ids = {row.invoice_id for row in rows if row.kind is ApplicationKind.RECEIPT}
    return {one: _part_of([row for row in rows if row.invoice_id == one]) for one in sorted(ids)}


def _part_of(rows: Sequence[AppliedRow]) -> ReceiptPart:
    """From the applications of the receipt on one invoice. What it recovered of a write-off is no part of it."""
    money = next(row for row in rows if row.kind is ApplicationKind.RECEIPT)
    exchanged = Exchanged(money.moved, money.fx_difference) if money.moved is not None else None
    given_up = sum(max(0, row.applied.minor) for row in rows if row.kind is ApplicationKind.WRITE_OFF)
    return ReceiptPart(money.amount.minor, given_up, exchanged)


async def _left(receipt: ReceiptRow, currency: str) -> int:
    """What there is of the customer's credit now. It is not held yet: invoices are locked first."""
    return -await balance_minor(receipt.merchant_id, credit_of(receipt.customer_id), currency)


async def _spent(receipt: ReceiptRow, currency: str) -> list[tuple[str, int]]:
    return await reversal_store.credit_spent_on(receipt.merchant_id, receipt.customer_id, currency, receipt.id)


async def _reopen(parts: _Parts, locked: Locked, missing: Money) -> None:
    """Take credit that was spent off the invoices that it paid, until nothing is missing. Raises CreditPaidOut."""
    receipt = parts.receipt
    gone = {invoice_id: part.amount for invoice_id, part in parts.of.items()}
    customer = (receipt.merchant_id, receipt.customer_id)
    missing = await spent_credit.reopen(locked, customer, missing, source_id=receipt.id, gone=gone)
    if missing.minor:
        raise CreditPaidOut(receipt, missing)


async def _book_rest(receipt: ReceiptRow) -> None:
    """What it gave as credit leaves the credit, by the journal that undoes its own."""
    key = f"receipt:{receipt.id}"
    entries = rules.taken_back(await entries_of(key))
    if entries:
        await post(
            reversal_key(key),
            entries,
            merchant_id=receipt.merchant_id,
            kind=JournalKind.RECEIPT,
            at=clock_port.now(),
            memo=f"receipt {receipt.number} reversed",
        )


async def _reverse_part(parts: _Parts, locked: Locked, invoice_id: str) -> None:
    """`credit` leaves enough for what invoices to come cannot give."""
    invoice, part = locked[invoice_id], parts.of[invoice_id]
    left = await customer_credit.left_of(invoice)
    have = await customer_credit.balance(invoice.merchant_id, invoice.customer_id, left.currency)
    others = sum(parts.beyond(locked[one]) for one in _after(parts.of, invoice_id))
    credit = max(parts.beyond(invoice), min(left.minor, have.minor - others))
    done = await applications.reverse_receipt(
        _new_row_id,
        invoice=invoice,
        part=part,
        receipt_id=parts.receipt.id,
        credit=Money(credit, left.currency),
        now=clock_port.now(),
    )
    locked[invoice_id] = await spent_credit.book(done)


def _after(ids: Iterable[str], one: str) -> list[str]:
    return [other for other in ids if other > one]


async def _note(receipt: ReceiptRow, reason: str, reversed_on: date) -> None:
    now = clock_port.now()
    await reversal_store.insert_reversal(
        ReversalRow(id=new_id("rcv"), receipt_id=receipt.id, reason=reason, reversed_on=reversed_on, created_at=now)
    )
    data = {"number": receipt.number, "amount_minor": receipt.amount.minor, "currency": receipt.amount.currency}
    data |= {"reason": reason, "reversed_on": reversed_on.isoformat()}
    await record(EventType.RECEIPT_REVERSED, receipt.merchant_id, receipt.id, data, now)


def _new_row_id() -> str:
    return new_id("iap")
