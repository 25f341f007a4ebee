"""The customer's credit: what was paid or credited beyond what was owed, by customer and currency, from the ledger."""

from __future__ import annotations

import msgspec

from currency.money import Money
from invoicing import application_store
from invoicing.store import InvoiceRecord
from orchestrator.billing.bookings import credit_of
from orchestrator.db import hold, in_transaction
from orchestrator.ledger.chart import AccountKind
from orchestrator.ledger.service import balance_minor, balances


class CreditBalance(msgspec.Struct, frozen=True):
    """What one customer has to spend in one currency."""

    customer_id: str
    amount: Money


async def balance(merchant_id: str, customer_id: str, currency: str) -> Money:
    """What the customer has to spend now. In a transaction it stays so until its end: nobody else spends it.

    Lock invoices first, so that everybody takes the two in one order.
    """
    if in_transaction():
        await hold(f"credit:{merchant_id}:{customer_id}:{currency}")
    return Money(-await balance_minor(merchant_id, credit_of(customer_id), currency), currency)


async def balances_of(merchant_id: str, customer_id: str | None = None) -> list[CreditBalance]:
    """What customers have to spend, where it is anything."""
    return [
        CreditBalance(row.recipient_id, Money(-row.balance_minor, row.currency))
        for row in await balances(merchant_id)
        if row.kind == AccountKind.CUSTOMER_CREDIT
        and row.balance_minor
        and (customer_id is None or row.recipient_id == customer_id)
    ]


async def left_of(invoice: InvoiceRecord) -> Money:
    """What is left of the credit that came from this invoice: its surplus and its credit notes, as far as the customer
    has not spent it elsewhere."""
    rows = await application_store.applications_of(invoice.id)
    came = sum(row.credit.minor for row in rows if row.kind.value != "credit")
    left = await balance(invoice.merchant_id, invoice.customer_id, invoice.total.currency)
    return Money(max(0, min(came, left.minor)), invoice.total.currency)
