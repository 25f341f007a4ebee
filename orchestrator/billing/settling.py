"""What a merchant does about an open invoice without a payment: spends the customer's credit on it, or gives it up."""

from __future__ import annotations

from currency.money import Money
from invoicing import application_service as applications
from invoicing.application_service import Applied
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.access.store import bind_idempotency
from orchestrator.billing import bookings, customer_credit, paying, telling
from orchestrator.db import transaction
from orchestrator.errors import Conflict, InvalidField
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.notifications.service import record


async def spend_credit(
    merchant_id: str, invoice_id: str, amount: Money | None = None, idempotency_id: str | None = None
) -> InvoiceRecord:
    """Pay with the customer's credit: `amount`, or as much as is owed and there is. Two requests never spend it twice.

    Raises InvoiceNotFound, Conflict where there is none, InvalidField for more than there is, InvalidInvoice for more
    than is owed, WrongState.
    """
    async with transaction():
        invoice = await applications.lock(merchant_id, invoice_id)
        left = await customer_credit.balance(merchant_id, invoice.customer_id, invoice.total.currency)
        if not invoice.customer_id or left.minor <= 0:
            raise Conflict(f"The customer has no credit in {invoice.total.currency}.")
        wanted = min(left, invoice.owed) if amount is None else amount
        if wanted.currency == left.currency and wanted > left:
            raise InvalidField("amount.amount", f"must be at most {left.minor}, which is the customer's credit")
        done = await applications.spend_credit(_new_row_id, invoice=invoice, amount=wanted, now=clock_port.now())
        await _book(done, idempotency_id)
    return done.invoice


async def write_off(
    merchant_id: str, invoice_id: str, amount: Money | None = None, idempotency_id: str | None = None
) -> InvoiceRecord:
    """Give up `amount` of what is owed, or all of it; what nothing is owed of is then paid.

    Raises InvoiceNotFound, WrongState, InvalidInvoice for more than is owed.
    """
    now = clock_port.now()
    async with transaction():
        done = await applications.write_off(
            _new_row_id, merchant_id=merchant_id, invoice_id=invoice_id, amount=amount, now=now
        )
        given_up = done.rows[0].applied
        data = {"number": done.invoice.number, "amount_minor": given_up.minor, "currency": given_up.currency}
        await record(EventType.INVOICE_WRITTEN_OFF, merchant_id, invoice_id, data, now)
        await _book(done, idempotency_id)
    return done.invoice


async def mark_uncollectible(merchant_id: str, invoice_id: str, idempotency_id: str | None = None) -> InvoiceRecord:
    """Give up all that is owed. A later payment recovers it. Raises InvoiceNotFound, WrongState."""
    async with transaction():
        done = await applications.mark_uncollectible(
            _new_row_id, merchant_id=merchant_id, invoice_id=invoice_id, now=clock_port.now()
        )
        await _book(done, idempotency_id)
    return done.invoice


def _new_row_id() -> str:
    return new_id("iap")


async def _book(done: Applied, idempotency_id: str | None) -> None:
    now = clock_port.now()
    await bookings.book_all(done, at=now)
    await telling.tell(done.events, now)
    await paying.settled_otherwise(done.invoice)
    if idempotency_id:
        await bind_idempotency(idempotency_id, done.invoice.id)
