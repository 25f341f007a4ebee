"""Puts what gateways captured, gave back and lost to the invoices that it pays. Run by the outbox; safe to repeat.

Each look compares what became of the payment with what the invoice has of it, under the invoice's row lock, and books
the difference. The payment is read after the lock, so that whoever looks last has seen the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from currency.money import Money
from invoicing import application_service as applications
from invoicing import application_store
from invoicing.application_service import Applied
from invoicing.application_store import AppliedRow
from invoicing.lifecycle import ApplicationKind
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.billing import disputes_abroad, payment_changes, spent_credit
from orchestrator.billing.payment_changes import Change
from orchestrator.billing.spent_credit import Locked
from orchestrator.billing.terms_of_merchant import tolerance_minor
from orchestrator.disputes import store as dispute_store
from orchestrator.disputes.records import DisputeRow
from orchestrator.gateways.base import OperationKind
from orchestrator.ids import new_id
from orchestrator.outbox import Later
from orchestrator.payments import store as payment_store
from orchestrator.payments import tidying
from orchestrator.payments.outcomes import was_taken_back
from orchestrator.payments.records import Cause, PaymentRow

PAYMENT_CAPTURED = "payment.captured"
_BROUGHT = frozenset({ApplicationKind.PAYMENT, ApplicationKind.CORRECTION})


@dataclass(frozen=True, slots=True)
class _Became:
    """What became of a payment, in minor units: taken and kept, given back by refunds, lost in disputes. Disputes in
    another currency than the payment's are `abroad`, lost or not. `paid_on` is the day on which the buyer paid: money
    may be captured, or heard of, days later. `taken_back` says that a gateway had taken it and has not after all."""

    taken: int
    taken_back: bool
    refunded: int
    lost: int
    paid_on: date | None
    abroad: tuple[DisputeRow, ...] = ()


async def apply_payment(payment_id: str) -> Later | None:
    """Put a captured payment to its invoice, once, and take off it again what went back. What the invoice did not owe
    becomes the customer's credit. Raises the problems of `fx.errors` for a dispute in another currency without a rate.
    """
    payment = await payment_store.payment(payment_id)
    if payment is None or payment.source is None or not payment.source.startswith("inv_"):
        return None  # it pays no invoice
    invoice_id, merchant_id = payment.source.partition("/")[0], payment.merchant_id
    abroad: tuple[DisputeRow, ...] = ()

    async def look(locked: Locked) -> None:
        nonlocal abroad
        abroad = await _look(payment, locked, invoice_id)

    await spent_credit.under_locks(merchant_id, invoice_id, look)
    for dispute in abroad:  # each by itself: a rate that is missing holds up nothing else
        await spent_credit.under_locks(
            merchant_id, invoice_id, partial(disputes_abroad.bring_up, payment, invoice_id, dispute)
        )
    return None


async def look_at_dispute(dispute_id: str) -> None:
    """A dispute moved: what it lost, or won back, changes the invoice that its payment paid."""
    dispute = await dispute_store.dispute(dispute_id)
    if dispute is not None and dispute.payment_id:
        await apply_payment(dispute.payment_id)


async def _look(payment: PaymentRow, locked: Locked, invoice_id: str) -> tuple[DisputeRow, ...]:
    """Book what is not booked yet; disputes in another currency, which are not looked at, are returned."""
    found = [row for row in await application_store.applications_of(invoice_id) if row.source_id == payment.id]
    became = await _became(payment)
    brought = became.taken
    if any(row.kind in _BROUGHT for row in found):
        brought = _sum(found, *_BROUGHT)
    elif became.taken:
        locked[invoice_id] = await _apply_first(payment, locked[invoice_id], became)
    elif not became.taken_back:  # what was not here yet cannot leave: whoever hears of the capture looks again
        return became.abroad
    more = (
        (ApplicationKind.CORRECTION, became.taken - brought),
        (ApplicationKind.REFUND, -became.refunded - _sum(found, ApplicationKind.REFUND)),
        (ApplicationKind.CHARGEBACK, -became.lost - _sum(found, ApplicationKind.CHARGEBACK)),
    )
    for kind, minor in more:
        change = Change(kind, payment.id, payment.id, Money(minor, payment.currency))
        await payment_changes.book(locked, invoice_id, change)
    return became.abroad


async def _became(payment: PaymentRow) -> _Became:
    story = await payment_store.story_of(await payment_store.payment(payment.id) or payment)
    # what was taken twice, or after the payment was given up, is on its way back: that pays nothing
    taken, winner = min(payment.amount_minor, tidying.paid_minor(story)), tidying.winner_of(story)
    refunds = [op for op in story.operations if op.kind is OperationKind.REFUND and op.approved]
    disputes = await dispute_store.disputes_of_payment(payment.id)
    return _Became(
        taken,
        any(was_taken_back(op) for op in story.operations if op.kind is not OperationKind.REFUND),
        sum(op.amount_minor for op in refunds if op.cause is not Cause.SURPLUS),
        sum(dispute.written_off_minor for dispute in disputes if dispute.currency == payment.currency),
        winner.created_at.date() if winner is not None else None,
        tuple(dispute for dispute in disputes if dispute.currency != payment.currency),
    )


def _sum(found: Sequence[AppliedRow], *kinds: ApplicationKind) -> int:
    return sum(row.amount.minor for row in found if row.kind in kinds)


async def _apply_first(payment: PaymentRow, invoice: InvoiceRecord, became: _Became) -> InvoiceRecord:
    now = clock_port.now()
    applied = await applications.record_payment(
        lambda: new_id("iap"),
        merchant_id=payment.merchant_id,
        invoice_id=invoice.id,
        payment_id=payment.id,
        amount=Money(became.taken, payment.currency),
        now=now,
        paid_on=became.paid_on,
        tolerance_minor=await tolerance_minor(payment.merchant_id, payment.currency),
    )
    return await spent_credit.book(Applied(applied.invoice, applied.rows, applied.events), payment.id)
