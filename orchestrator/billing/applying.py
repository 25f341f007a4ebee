"""Puts what gateways captured, gave back and lost to the invoices that it pays. Run by the outbox; safe to repeat.

Each look compares what became of the payment with what the invoice has of it, under the invoice's row lock, and books
the difference. The payment is read after the lock, so that whoever looks last has seen the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from currency.money import Money
from invoicing import application_service as applications
from invoicing import application_store
from invoicing.application_service import Applied
from invoicing.application_store import AppliedRow
from invoicing.lifecycle import ApplicationKind
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.billing import customer_credit, disputes_abroad, telling
from orchestrator.billing.bookings import book_all
from orchestrator.billing.terms_of_merchant import tolerance_minor
from orchestrator.db import transaction
from orchestrator.disputes import store as dispute_store
from orchestrator.disputes.records import DisputeRow
from orchestrator.events import EventType
from orchestrator.gateways.base import OperationKind
from orchestrator.ids import new_id
from orchestrator.notifications.service import record
from orchestrator.outbox import Later
from orchestrator.payments import store as payment_store
from orchestrator.payments import tidying
from orchestrator.payments.records import Cause, PaymentRow

PAYMENT_CAPTURED = "payment.captured"
_BROUGHT = frozenset({ApplicationKind.PAYMENT, ApplicationKind.CORRECTION})


@dataclass(frozen=True, slots=True)
class _Became:
    """What became of a payment, in minor units: taken and kept, given back by refunds, lost in disputes. Disputes in
    another currency than the payment's are `abroad`, lost or not."""

    taken: int
    refunded: int
    lost: int
    abroad: tuple[DisputeRow, ...] = ()


async def apply_payment(payment_id: str) -> Later | None:
    """Put a captured payment to its invoice, once, and take off it again what went back. What the invoice did not owe
    becomes the customer's credit. Raises the problems of `fx.errors` for a dispute in another currency without a rate.
    """
    payment = await payment_store.payment(payment_id)
    if payment is None or payment.source is None or not payment.source.startswith("inv_"):
        return None  # it pays no invoice
    invoice_id = payment.source.partition("/")[0]
    async with transaction():
        invoice = await applications.lock(payment.merchant_id, invoice_id)
        found = [row for row in await application_store.applications_of(invoice_id) if row.source_id == payment_id]
        became = await _became(payment)
        if not any(row.kind in _BROUGHT for row in found):
            if became.taken:
                invoice = await _apply_first(payment, invoice, became.taken)
        else:
            invoice = await _bring_up(payment, invoice, ApplicationKind.CORRECTION, became.taken - _brought(found))
        for kind, gone in ((ApplicationKind.REFUND, became.refunded), (ApplicationKind.CHARGEBACK, became.lost)):
            invoice = await _bring_up(payment, invoice, kind, -gone - _sum(found, kind))
    for dispute in became.abroad:  # each by itself: a rate that is missing holds up nothing else
        async with transaction():
            invoice = await applications.lock(payment.merchant_id, invoice_id)
            await disputes_abroad.bring_up(payment, invoice, dispute)
    return None


async def look_at_dispute(dispute_id: str) -> None:
    """A dispute moved: what it lost, or won back, changes the invoice that its payment paid."""
    dispute = await dispute_store.dispute(dispute_id)
    if dispute is not None and dispute.payment_id:
        await apply_payment(dispute.payment_id)


async def _became(payment: PaymentRow) -> _Became:
    story = await payment_store.story_of(await payment_store.payment(payment.id) or payment)
    # what was taken twice, or after the payment was given up, is on its way back: that pays nothing
    taken = min(payment.amount_minor, tidying.paid_minor(story))
    refunds = [op for op in story.operations if op.kind is OperationKind.REFUND and op.approved]
    disputes = await dispute_store.disputes_of_payment(payment.id)
    return _Became(
        taken,
        sum(op.amount_minor for op in refunds if op.cause is not Cause.SURPLUS),
        sum(dispute.written_off_minor for dispute in disputes if dispute.currency == payment.currency),
        tuple(dispute for dispute in disputes if dispute.currency != payment.currency),
    )


def _brought(found: Sequence[AppliedRow]) -> int:
    return sum(row.amount.minor for row in found if row.kind in _BROUGHT)


def _sum(found: Sequence[AppliedRow], kind: ApplicationKind) -> int:
    return sum(row.amount.minor for row in found if row.kind is kind)


async def _apply_first(payment: PaymentRow, invoice: InvoiceRecord, taken: int) -> InvoiceRecord:
    now = clock_port.now()
    applied = await applications.record_payment(
        lambda: new_id("iap"),
        merchant_id=payment.merchant_id,
        invoice_id=invoice.id,
        payment_id=payment.id,
        amount=Money(taken, payment.currency),
        now=now,
        tolerance_minor=await tolerance_minor(payment.merchant_id, payment.currency),
    )
    await _book(payment, Applied(applied.invoice, applied.rows, applied.events))
    return applied.invoice


async def _bring_up(payment: PaymentRow, invoice: InvoiceRecord, kind: ApplicationKind, more: int) -> InvoiceRecord:
    """Book `more` of a kind on the invoice: less than nothing goes back."""
    if not more:
        return invoice
    now, amount = clock_port.now(), Money(abs(more), payment.currency)
    if more > 0:
        done = await applications.settle_again(
            lambda: new_id("iap"), invoice=invoice, kind=kind, source_id=payment.id, amount=amount, now=now
        )
    else:
        done = await applications.settle_back(
            lambda: new_id("iap"),
            invoice=invoice,
            kind=kind,
            source_id=payment.id,
            amount=amount,
            credit=await customer_credit.left_of(invoice),
            now=now,
        )
        if kind is ApplicationKind.CORRECTION:
            data = {"payment": payment.id, "amount_minor": amount.minor, "currency": payment.currency}
            await record(EventType.INVOICE_PAYMENT_TAKEN_BACK, payment.merchant_id, invoice.id, data, now)
    await _book(payment, done)
    return done.invoice


async def _book(payment: PaymentRow, done: Applied) -> None:
    now = clock_port.now()
    await book_all(done, at=now, payment_id=payment.id)
    await telling.tell(done.events, now)
