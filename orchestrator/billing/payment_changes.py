"""What becomes of a payment after it paid an invoice: money that goes back, and money that is there again.

What goes back comes out of the credit that the same invoice gave, then is owed on it again. What the invoice cannot
give comes out of the customer's credit, then is owed on the invoices that such credit paid; the rest is given up, and
told. What is there again takes the same way back.
"""

from __future__ import annotations

from dataclasses import dataclass

from currency.money import Money
from invoicing import application_service as applications
from invoicing import application_store
from invoicing.lifecycle import ApplicationKind
from invoicing.settling import Exchanged
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.billing import customer_credit, paying, spent_credit
from orchestrator.billing.spent_credit import Locked
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.notifications.service import record


@dataclass(frozen=True, slots=True)
class Change:
    """`amount` more of the payment's money is there; below zero it went back. `source_id` is the payment, or a dispute
    that is kept in another currency: `exchanged` is what moved then."""

    kind: ApplicationKind
    payment_id: str
    source_id: str
    amount: Money
    exchanged: Exchanged | None = None


async def book(locked: Locked, invoice_id: str, change: Change) -> None:
    """Book the change on the locked invoice, and on those that its credit paid. Raises SpentElsewhereError."""
    if change.amount.minor < 0:
        await _take_back(locked, invoice_id, change)
    elif change.amount.minor > 0:
        await _bring_again(locked, invoice_id, change)


async def _take_back(locked: Locked, invoice_id: str, change: Change) -> None:
    amount = -change.amount
    credit, lost = await _credit_for(locked, invoice_id, amount, change.source_id)
    done = await applications.settle_back(
        lambda: new_id("iap"),
        invoice=locked[invoice_id],
        kind=change.kind,
        source_id=change.source_id,
        amount=amount,
        credit=credit,
        lost=lost,
        now=clock_port.now(),
        exchanged=change.exchanged,
    )
    locked[invoice_id] = await spent_credit.book(done, change.payment_id)
    if lost.minor or change.kind is ApplicationKind.CORRECTION:
        data: dict[str, str | int] = {"payment": change.payment_id, "kind": change.kind.value}
        data |= {"amount_minor": amount.minor, "given_up_minor": lost.minor, "currency": amount.currency}
        merchant_id = done.invoice.merchant_id
        await record(EventType.INVOICE_PAYMENT_TAKEN_BACK, merchant_id, invoice_id, data, clock_port.now())


async def _credit_for(locked: Locked, invoice_id: str, amount: Money, source_id: str) -> tuple[Money, Money]:
    """What of the amount comes out of the customer's credit, and what has nowhere to come from."""
    invoice = locked[invoice_id]
    left, zero = await customer_credit.left_of(invoice), Money.zero(amount.currency)
    beyond = max(zero, amount - invoice.paid)
    if not invoice.customer_id:  # the credit of others is none of this buyer's
        return left, max(zero, beyond - left)
    have = await customer_credit.balance(invoice.merchant_id, invoice.customer_id, amount.currency)
    missing = max(zero, beyond - have)
    customer = (invoice.merchant_id, invoice.customer_id)
    gone = {invoice_id: amount.minor}
    missing = await spent_credit.reopen(locked, customer, missing, source_id=source_id, gone=gone)
    return max(left, beyond - missing), missing


async def _bring_again(locked: Locked, invoice_id: str, change: Change) -> None:
    """First what was given up, then the other invoices, then this one; what is beyond is the customer's credit."""
    invoice, rest = locked[invoice_id], change.amount
    lost = min(rest, await _lost_on(invoice, change.source_id))
    rest -= lost
    again: dict[str, Money] = {}
    for one, owed in (await spent_credit.reopened_by(locked, change.source_id)).items():
        again[one] = min(owed, rest)
        rest -= again[one]
    done = await applications.settle_again(
        lambda: new_id("iap"),
        invoice=invoice,
        kind=change.kind,
        source_id=change.source_id,
        amount=change.amount,
        lost=lost,
        elsewhere=change.amount - lost - rest,
        now=clock_port.now(),
        exchanged=change.exchanged,
    )
    locked[invoice_id] = await spent_credit.book(done, change.payment_id)
    for one, amount in again.items():
        if amount.minor:
            await spent_credit.pay_again(locked, one, amount, source_id=change.source_id)
            await paying.settled_otherwise(locked[one])


async def _lost_on(invoice: InvoiceRecord, source_id: str) -> Money:
    """What of the source's going back came from nowhere, and stands as a loss."""
    rows = await application_store.applications_of(invoice.id)
    lost = [row.credit.minor for row in rows if row.source_id == source_id and row.kind is ApplicationKind.WRITE_OFF]
    return Money(max(0, sum(lost)), invoice.total.currency)
