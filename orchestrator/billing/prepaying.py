"""What was paid before an invoice was issued, such as a deposit: it is the customer's credit, and pays at the issue.

No money comes from nowhere: the draft only says how much it was, and the issue is refused where there is not so much.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from currency.money import Money
from invoicing import application_service as applications
from invoicing import application_store, reversal_store
from invoicing.documents import to_minor
from invoicing.errors import InvalidInvoice
from invoicing.lifecycle import ApplicationKind
from invoicing.store import InvoiceRecord
from orchestrator.billing import bookings, customer_credit, telling
from orchestrator.ids import new_id

Sources = Sequence[tuple[str, Money]]


async def secured(invoice: InvoiceRecord) -> Sources:
    """From which receipts, or from the customer's credit at large, the deposit of the locked draft comes. It stays
    there until the transaction ends. Raises InvalidInvoice naming what is missing."""
    draft = invoice.draft
    prepaid = Money(to_minor(draft.prepaid, draft.currency), draft.currency)
    if not prepaid.minor:
        return ()
    if not invoice.customer_id:
        raise InvalidInvoice("prepaid", "is the credit of a customer; give customer_id, or leave it out")
    left = await customer_credit.balance(invoice.merchant_id, invoice.customer_id, draft.currency)
    if left < prepaid:
        what = f"must be at most {max(0, left.minor)} minor units, which is the customer's credit in {draft.currency}"
        raise InvalidInvoice("prepaid", f"{what}; record what was paid as a receipt first")
    if not draft.prepaid_receipts:
        return ((invoice.customer_id, prepaid),)
    return await _of_receipts(invoice, prepaid)


async def apply(invoice: InvoiceRecord, sources: Sources, now: datetime) -> InvoiceRecord:
    """Pay the issued invoice with what was secured."""
    for source_id, amount in sources:
        done = await applications.spend_credit(
            lambda: new_id("iap"), invoice=invoice, amount=amount, now=now, source_id=source_id
        )
        await bookings.book_all(done, at=now)
        await telling.tell(done.events, now)
        invoice = done.invoice
    return invoice


async def _of_receipts(invoice: InvoiceRecord, prepaid: Money) -> Sources:
    found: list[tuple[str, Money]] = []
    missing = prepaid
    for index, receipt_id in enumerate(invoice.draft.prepaid_receipts):
        rest = await _rest_of(invoice, receipt_id, f"prepaid_receipts[{index}]")
        taken = min(rest, missing)
        if taken.minor:
            found.append((receipt_id, taken))
        missing -= taken
    if missing.minor:
        what = f"is {missing.minor} minor units more than what is left of the receipts"
        raise InvalidInvoice("prepaid", f"{what}; lower it, or name another receipt")
    return found


async def _rest_of(invoice: InvoiceRecord, receipt_id: str, path: str) -> Money:
    """What no invoice has taken of a receipt yet."""
    receipt = await application_store.find_receipt(invoice.merchant_id, receipt_id)
    if receipt is None or receipt.customer_id != invoice.customer_id:
        raise InvalidInvoice(path, f"must be a receipt of the invoice's customer; {receipt_id} is none")
    if receipt.amount.currency != invoice.total.currency:
        raise InvalidInvoice(path, f"must be in {invoice.total.currency}, not {receipt.amount.currency}")
    if await reversal_store.find_reversal(receipt_id) is not None:
        raise InvalidInvoice(path, f"must be money that is there; {receipt.number} was reversed")
    rows = await application_store.applications_from(receipt_id)
    spent = sum(row.applied.minor for row in rows if row.kind is ApplicationKind.CREDIT)
    return Money(max(0, receipt.credited.minor - spent), receipt.amount.currency)
