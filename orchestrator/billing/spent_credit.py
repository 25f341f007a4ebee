"""Credit that was spent on invoices: they are owed again once its money went back, and paid again once it is there.

Everybody locks invoices in the order of their ids, and the customer's credit after them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

from currency.money import Money
from invoicing import application_service as applications
from invoicing import application_store, reversal_store
from invoicing.application_service import Applied
from invoicing.lifecycle import ApplicationKind
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.billing import bookings, telling
from orchestrator.db import transaction
from orchestrator.errors import Busy
from orchestrator.ids import new_id

TRIES_MAX = 5
Locked = dict[str, InvoiceRecord]


class SpentElsewhereError(Exception):
    """Credit went to invoices that are not locked: the locks are taken anew, with theirs."""

    def __init__(self, invoice_ids: Iterable[str]) -> None:
        super().__init__()
        self.invoice_ids = frozenset(invoice_ids)


async def under_locks(merchant_id: str, invoice_id: str, work: Callable[[Locked], Awaitable[None]]) -> None:
    """Do the work in a transaction that has locked the invoice and, where it raises SpentElsewhereError, those others.

    Raises Busy where the credit is spent anew each time.
    """
    wanted = frozenset({invoice_id})
    for _ in range(TRIES_MAX):
        try:
            async with transaction():
                await work({one: await applications.lock(merchant_id, one) for one in sorted(wanted)})
                return
        except SpentElsewhereError as elsewhere:
            wanted |= elsewhere.invoice_ids
    raise Busy("The customer's credit is being spent at this moment. Nothing was booked; try again.")


async def reopen(
    locked: Locked, customer: tuple[str, str], missing: Money, *, source_id: str, gone: Mapping[str, int]
) -> Money:
    """Take credit off the invoices that it paid until nothing is missing: those that name the source first, then the
    latest. `customer` is the merchant and the customer; `gone` is what else is about to leave an invoice, in minor
    units. What is missing still is returned. Raises SpentElsewhereError."""
    if not missing.minor:
        return missing
    spent = await reversal_store.credit_spent_on(*customer, missing.currency, source_id)
    _require_locked(locked, (invoice_id for invoice_id, _ in spent))
    for invoice_id, minor in spent:
        there = locked[invoice_id].standing.paid - gone.get(invoice_id, 0)
        back = Money(max(0, min(minor, there, missing.minor)), missing.currency)
        if back.minor:
            done = await applications.unspend_credit(
                _new_row_id, invoice=locked[invoice_id], amount=back, source_id=source_id, now=clock_port.now()
            )
            locked[invoice_id] = await book(done)
            missing -= back
    return missing


async def reopened_by(locked: Locked, source_id: str) -> dict[str, Money]:
    """Of what the source's going back took off invoices, what they can be paid again. Raises SpentElsewhereError."""
    taken: dict[str, int] = {}
    for row in await application_store.applications_from(source_id):
        if row.kind is ApplicationKind.CREDIT:
            taken[row.invoice_id] = taken.get(row.invoice_id, 0) - row.applied.minor
    owed_again = {one: minor for one, minor in taken.items() if minor > 0}
    _require_locked(locked, owed_again)
    return {one: min(Money(minor, locked[one].total.currency), locked[one].owed) for one, minor in owed_again.items()}


async def pay_again(locked: Locked, invoice_id: str, amount: Money, *, source_id: str) -> None:
    """Spend on the invoice again what was taken off it; the caller has seen that the customer has it."""
    done = await applications.respend_credit(
        _new_row_id, invoice=locked[invoice_id], amount=amount, source_id=source_id, now=clock_port.now()
    )
    locked[invoice_id] = await book(done)


async def book(done: Applied, payment_id: str = "") -> InvoiceRecord:
    """Post the rows and tell of them, in the transaction that added them."""
    now = clock_port.now()
    await bookings.book_all(done, at=now, payment_id=payment_id)
    await telling.tell(done.events, now)
    return done.invoice


def _require_locked(locked: Locked, invoice_ids: Iterable[str]) -> None:
    unlocked = [one for one in invoice_ids if one not in locked]
    if unlocked:
        raise SpentElsewhereError(unlocked)


def _new_row_id() -> str:
    return new_id("iap")
