"""Lost disputes that a gateway keeps in another currency than the payment's, put to the invoice that it had paid.

The invoice is owed again in its own currency; the difference to what left the gateway is one of rates.
"""

from __future__ import annotations

from currency.money import Money
from currency.rates import Rate, convert
from invoicing import application_service as applications
from invoicing import application_store
from invoicing.lifecycle import ApplicationKind
from invoicing.settling import Exchanged
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.billing import customer_credit, telling
from orchestrator.billing.bookings import book_all
from orchestrator.disputes import store as dispute_store
from orchestrator.disputes.records import DisputeRow
from orchestrator.fx import service as fx
from orchestrator.ids import new_id
from orchestrator.payments.records import PaymentRow

# Gateways exchange at rates of their own. A dispute that is worth so nearly the payment is one about all of it:
# "usually the amount of the charge, but it can differ (usually because of currency fluctuation or because only part of
# the order is disputed)", docs.stripe.com/api/disputes/object.
NEARLY_ALL_BPS = 500
_BPS = 10_000


async def bring_up(payment: PaymentRow, invoice: InvoiceRecord, dispute: DisputeRow) -> InvoiceRecord:
    """Book on the locked invoice what the dispute has lost beyond what is booked of it, or has won back.

    Raises RateUnknownProblem, RateStaleProblem or CurrencyEndedProblem where the merchant must enter a rate of the day
    on which the dispute was opened: the work is tried again, and shown to a person.
    """
    dispute = await dispute_store.dispute(dispute.id) or dispute  # as it is now that the invoice is ours
    rows = [row for row in await application_store.applications_of(invoice.id) if row.source_id == dispute.id]
    lost = Money(dispute.written_off_minor, dispute.currency)
    known = Money(-sum(row.moved.minor for row in rows if row.moved is not None), dispute.currency)
    if lost == known:
        return invoice
    rate = await fx.rate(payment.merchant_id, dispute.currency, payment.currency, dispute.created_at.date())
    due = _of_payment(lost, payment, rate)
    booked = Money(-sum(row.amount.minor for row in rows), payment.currency)
    done = await _book(invoice, dispute, due - booked, lost - known, rate)
    await book_all(done, at=clock_port.now(), payment_id=payment.id)
    await telling.tell(done.events, clock_port.now())
    return done.invoice


def _of_payment(lost: Money, payment: PaymentRow, rate: Rate) -> Money:
    """What of the payment is lost, in its currency."""
    worth, whole = convert(lost, rate), Money(payment.amount_minor, payment.currency)
    is_all = worth.minor * _BPS >= whole.minor * (_BPS - NEARLY_ALL_BPS)
    return whole if is_all else worth


async def _book(
    invoice: InvoiceRecord, dispute: DisputeRow, amount: Money, moved: Money, rate: Rate
) -> applications.Applied:
    """`amount` more is lost on the invoice, and `moved` at the gateway; below zero both were won back."""
    if amount.minor == 0:
        return applications.Applied(invoice)
    difference = convert(amount, rate.inverse()) - moved
    exchanged = Exchanged(-moved, difference)
    now, kind = clock_port.now(), ApplicationKind.CHARGEBACK
    if amount.minor < 0:
        return await applications.settle_again(
            lambda: new_id("iap"),
            invoice=invoice,
            kind=kind,
            source_id=dispute.id,
            amount=-amount,
            now=now,
            exchanged=exchanged,
        )
    return await applications.settle_back(
        lambda: new_id("iap"),
        invoice=invoice,
        kind=kind,
        source_id=dispute.id,
        amount=amount,
        credit=await customer_credit.left_of(invoice),
        now=now,
        exchanged=exchanged,
    )
