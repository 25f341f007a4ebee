"""The ledger's side of what settles invoices: each row that was added is posted once, by a key of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from currency.money import Money
from invoicing.application_service import Applied
from invoicing.application_store import AppliedRow
from invoicing.documents import InvoiceTotals
from invoicing.lifecycle import ApplicationKind
from invoicing.store import InvoiceRecord
from orchestrator.ledger import rules
from orchestrator.ledger.service import (
    AccountKey,
    AccountKind,
    Entry,
    Journal,
    JournalKind,
    References,
    post,
    post_many,
)

RECEIVABLE = AccountKey(AccountKind.CUSTOMER_RECEIVABLE)
_SALES, _TAX = AccountKey(AccountKind.SALES), AccountKey(AccountKind.TAX)
_ROUNDING = AccountKey(AccountKind.CASH_ROUNDING)
BANK = AccountKey(AccountKind.BANK)
# What pays for it, or gets it back. Payments and what gateways correct of them are in the receivable already.
_OTHER = {
    ApplicationKind.PAYMENT: RECEIVABLE,
    ApplicationKind.CORRECTION: RECEIVABLE,
    ApplicationKind.CREDIT_NOTE: RECEIVABLE,
    ApplicationKind.RECEIPT: BANK,
    ApplicationKind.RECEIPT_REVERSAL: BANK,
    ApplicationKind.REFUND: AccountKey(AccountKind.REFUNDS),
    ApplicationKind.CHARGEBACK: AccountKey(AccountKind.CHARGEBACKS),
    ApplicationKind.WRITE_OFF: AccountKey(AccountKind.WRITE_OFF),
}


def credit_of(customer_id: str) -> AccountKey:
    """The customer's credit: what was paid or credited beyond what was owed."""
    return AccountKey(AccountKind.CUSTOMER_CREDIT, recipient_id=customer_id)


def at_issue(totals: InvoiceTotals) -> list[Entry]:
    """What a customer owes by an invoice: net and tax, and what a payment in cash adds or leaves off."""
    return rules.moved(
        (RECEIVABLE, _SALES, totals.net), (RECEIVABLE, _TAX, totals.tax), (RECEIVABLE, _ROUNDING, totals.rounding)
    )


async def book_issued(invoices: Sequence[InvoiceRecord], *, at: datetime) -> None:
    """Post what a merchant's invoices come to, each once, in the transaction that issues them."""
    journals = [
        Journal(f"invoice:{invoice.id}", entries, memo=invoice.number or "")
        for invoice in invoices
        if invoice.document is not None and (entries := at_issue(invoice.document.totals))
    ]
    if journals:
        await post_many(journals, merchant_id=invoices[0].merchant_id, kind=JournalKind.INVOICE, at=at)


def at_credit(totals: InvoiceTotals) -> list[Entry]:
    """What a credit note takes back of what was owed; its rows say where it went."""
    return rules.taken_back(at_issue(totals))


def entries_of(row: AppliedRow, customer_id: str) -> list[Entry]:
    """What one row means. Negative amounts turn the entry round."""
    if row.kind is ApplicationKind.CREDIT:
        return rules.moved((credit_of(customer_id), RECEIVABLE, row.applied))
    if row.kind is ApplicationKind.DISCOUNT:
        currency = row.applied.currency
        base = Money(sum(share.base_minor for share in row.taxes), currency)
        tax = Money(sum(share.tax_minor for share in row.taxes), currency)
        return rules.moved((AccountKey(AccountKind.DISCOUNT), RECEIVABLE, base), (_TAX, RECEIVABLE, tax))
    other = _OTHER[row.kind]
    if row.moved is not None:  # by way of the position account: each currency's entries balance by themselves
        entries = rules.moved(
            (rules.FX_POSITION, RECEIVABLE, row.applied),
            (rules.FX_POSITION, credit_of(customer_id), row.credit),
            (other, rules.FX_POSITION, row.moved),
        )
        return entries + (rules.revalued(row.fx_difference) if row.fx_difference is not None else [])
    settled = [] if other == RECEIVABLE else [(other, RECEIVABLE, row.applied)]
    return rules.moved(*settled, (other, credit_of(customer_id), row.credit))


async def book_all(done: Applied, *, at: datetime, payment_id: str = "") -> None:
    """Post each row, in the transaction that added it."""
    for row in done.rows:
        entries = entries_of(row, done.invoice.customer_id)
        if entries:
            await post(
                f"application:{row.id}",
                entries,
                merchant_id=done.invoice.merchant_id,
                kind=JournalKind.APPLICATION,
                at=at,
                memo=f"{row.kind.value} of {done.invoice.number}",
                references=References(payment_id=payment_id),
            )
