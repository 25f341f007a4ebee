"""The page on which a buyer sees and pays an invoice, and the payment behind it.

An invoice row and a payment row are never locked in one transaction: a captured payment comes here through the outbox.
"""

from __future__ import annotations

import contextlib
from datetime import date

from currency.money import Money
from invoicing import service as invoicing
from invoicing.lifecycle import InvoiceState
from invoicing.settling import discount_left
from invoicing.store import InvoiceRecord
from invoicing.terms import discount_at
from orchestrator import clock_port
from orchestrator.errors import Conflict
from orchestrator.ledger.service import AccountKind
from orchestrator.payments import service as payments
from orchestrator.payments import store as payment_store
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.settings import get_settings

PAYABLE = frozenset({InvoiceState.OPEN, InvoiceState.PARTLY_PAID})


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
