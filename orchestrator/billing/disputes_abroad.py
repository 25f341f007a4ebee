"""Lost disputes that a gateway keeps in another currency than the payment's, put to the invoice that it had paid.

The invoice is owed again in its own currency; the difference to what left the gateway is one of rates.
"""

from __future__ import annotations

from currency.money import Money
from currency.rates import Rate, convert
from invoicing import application_store
from invoicing.lifecycle import ApplicationKind
from invoicing.settling import Exchanged
from orchestrator.billing import payment_changes
from orchestrator.billing.payment_changes import Change
from orchestrator.billing.spent_credit import Locked
from orchestrator.disputes import store as dispute_store
from orchestrator.disputes.records import DisputeRow
from orchestrator.fx import service as fx
from orchestrator.payments.records import PaymentRow

# Gateways exchange at rates of their own. A dispute that is worth so nearly the payment is one about all of it:
# "usually the amount of the charge, but it can differ (usually because of currency fluctuation or because only part of
# the order is disputed)", docs.stripe.com/api/disputes/object.
NEARLY_ALL_BPS = 500
_BPS = 10_000


async def bring_up(payment: PaymentRow, invoice_id: str, dispute: DisputeRow, locked: Locked) -> None:
    """Book on the locked invoice what the dispute has lost beyond what is booked of it, or has won back.

    Raises RateUnknownProblem, RateStaleProblem or CurrencyEndedProblem where the merchant must enter a rate of the day
    on which the dispute was opened: the work is tried again, and shown to a person. Raises SpentElsewhereError.
    """
    dispute = await dispute_store.dispute(dispute.id) or dispute  # as it is now that the invoice is ours
    rows = [row for row in await application_store.applications_of(invoice_id) if row.source_id == dispute.id]
    lost = Money(dispute.written_off_minor, dispute.currency)
    known = Money(-sum(row.moved.minor for row in rows if row.moved is not None), dispute.currency)
    if lost == known:
        return
    rate = await fx.rate(payment.merchant_id, dispute.currency, payment.currency, dispute.created_at.date())
    booked = sum(row.amount.minor for row in rows if row.kind is ApplicationKind.CHARGEBACK)
    due = -_of_payment(lost, payment, rate) - Money(booked, payment.currency)
    moved = known - lost
    exchanged = Exchanged(moved, moved - convert(due, rate.inverse()))
    change = Change(ApplicationKind.CHARGEBACK, payment.id, dispute.id, due, exchanged)
    await payment_changes.book(locked, invoice_id, change)


def _of_payment(lost: Money, payment: PaymentRow, rate: Rate) -> Money:
    """What of the payment is lost, in its currency."""
    worth, whole = convert(lost, rate), Money(payment.amount_minor, payment.currency)
    is_all = worth.minor * _BPS >= whole.minor * (_BPS - NEARLY_ALL_BPS)
    return whole if is_all else worth
