"""Receipts and statements of account as PDFs. They are drawn when they are asked for, from what is written for good."""

from __future__ import annotations

from datetime import date

import msgspec

from currency.money import Money
from invoicing import application_store
from invoicing import service as invoicing
from invoicing.application_store import AppliedRow, ReceiptRow
from invoicing.documents import FrozenRate, Party
from invoicing.lifecycle import ApplicationKind
from invoicing.rendering import Account, AccountMovement, ReceiptView, SettledInvoice, StatementView
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.access import service as access
from orchestrator.billing import branding, pdf, receipts, reports
from orchestrator.billing.parties import buyer_of, seller_of
from orchestrator.customers import service as customers

_RECEIVED = frozenset({ApplicationKind.RECEIPT, ApplicationKind.PAYMENT})


async def receipt_pdf(merchant_id: str, receipt_id: str) -> tuple[str, bytes]:
    """The receipt's number and its PDF, in the language of its invoices, else of the customer.

    What later happens to the invoices changes nothing on it; that it was reversed is said. Raises NotFound, Conflict,
    DrawingFailed.
    """
    found = await receipts.get(merchant_id, receipt_id)
    received = [row for row in found.applications if row.kind in _RECEIVED]
    invoices = {row.invoice_id: await invoicing.get(merchant_id, row.invoice_id) for row in received}
    seller, buyer, locale = await _parties(found.receipt, list(invoices.values()))
    view = ReceiptView(
        seller=seller,
        buyer=buyer,
        number=found.receipt.number,
        issued_on=found.receipt.created_at.date(),
        received_on=found.receipt.received_on,
        amount=found.receipt.amount,
        credited=found.receipt.credited,
        method=found.receipt.source,
        reference=found.receipt.reference,
        invoices=tuple([await _settled(one, list(found.applications)) for one in invoices.values()]),
        rate=_rate_of(found.receipt),
        reversed_on=found.reversal.reversed_on if found.reversal else None,
        branding=await branding.look_of(merchant_id, found.receipt.created_at),
    )
    return found.receipt.number, (await pdf.draw(view, locale)).pdf


async def statement_pdf(merchant_id: str, customer_id: str, since: date, until: date) -> bytes:
    """The customer's account from one day to another, both included, in the customer's language. Raises NotFound,
    Conflict, DrawingFailed."""
    customer = await customers.get(merchant_id, customer_id)
    found = await reports.statements(merchant_id, customer_id, since, until)
    view = StatementView(
        seller=seller_of(await access.get_merchant(merchant_id)),
        buyer=buyer_of(customer),
        since=since,
        until=until,
        issued_on=clock_port.now().date(),
        accounts=tuple(_account(one) for one in found),
        branding=await branding.look_of(merchant_id),
    )
    return (await pdf.draw(view, customer.locale)).pdf


async def _parties(receipt: ReceiptRow, invoices: list[InvoiceRecord]) -> tuple[Party, Party | None, str]:
    """As on the first invoice; without one as they are now."""
    for invoice in invoices:
        if invoice.document is not None:
            content = invoice.document.content
            return content.seller, content.buyer, content.locale
    seller = seller_of(await access.get_merchant(receipt.merchant_id))
    if not receipt.customer_id:
        return seller, None, seller.locale
    buyer = buyer_of(await customers.get(receipt.merchant_id, receipt.customer_id))
    return seller, buyer, buyer.locale


async def _settled(invoice: InvoiceRecord, of_receipt: list[AppliedRow]) -> SettledInvoice:
    """What the invoice got of the receipt, and what was left of it then."""
    assert invoice.document is not None
    rows = [row for row in of_receipt if row.invoice_id == invoice.id]
    last = max(row.id for row in rows if row.kind in _RECEIVED)
    before = [row for row in await application_store.applications_of(invoice.id) if row.id <= last]
    discounts = [row for row in rows if row.kind is ApplicationKind.DISCOUNT and row.applied.minor > 0]
    currency = invoice.total.currency
    discount = Money(sum(row.applied.minor for row in discounts), currency)
    settled = {row.id: row.applied.minor for row in (*before, *discounts)}
    return SettledInvoice(
        number=invoice.document.number,
        issue_date=invoice.document.issue_date,
        total=invoice.document.totals.total,
        applied=Money(sum(row.applied.minor for row in rows if row.kind in _RECEIVED), currency),
        owed=Money(max(0, invoice.standing.total - sum(settled.values())), currency),
        discount=discount if discount.minor else None,
    )


def _rate_of(receipt: ReceiptRow) -> FrozenRate | None:
    said = (receipt.conversion or {}).get("rate")
    return msgspec.convert(said, FrozenRate) if said else None


def _account(found: reports.Statement) -> Account:
    movements = tuple(
        AccountMovement(day=move.day, kind=move.kind, number=move.number, amount=move.amount, balance=move.balance)
        for move in found.movements
    )
    return Account(opening=found.opening, movements=movements, closing=found.closing)
