"""Every query on receipts that were taken back, on where credit was spent, and on credit that was paid out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

from currency.money import Money
from invoicing.tables import CreditPayout, InvoiceApplication, ReceiptReversal


class ReversalRow(msgspec.Struct, frozen=True, kw_only=True):
    """That a receipt was taken back, and why; on `reversed_on` the money went."""

    id: str
    receipt_id: str
    reason: str
    reversed_on: date
    created_at: datetime


class PayoutRow(msgspec.Struct, frozen=True, kw_only=True):
    """Credit that was paid back to a customer outside of the gateways."""

    id: str
    merchant_id: str
    customer_id: str
    amount: Money
    reference: str
    paid_on: date
    created_at: datetime


# Newest first, but those before that name the receipt as what they were paid with.
_SPENT = """
    SELECT a.invoice_id, sum(a.applied_minor)::bigint AS minor FROM invoice_application a
    JOIN invoice i ON i.id = a.invoice_id
    WHERE i.merchant_id = {} AND i.customer_id = {} AND a.currency = {} AND a.kind = 'credit'
    GROUP BY a.invoice_id HAVING sum(a.applied_minor) > 0
    ORDER BY bool_or(a.source_id = {}) DESC, max(a.id) DESC"""


async def insert_reversal(row: ReversalRow) -> None:
    await ReceiptReversal.insert(ReceiptReversal(**msgspec.structs.asdict(row)))


async def find_reversal(receipt_id: str) -> ReversalRow | None:
    rows = await ReceiptReversal.select().where(ReceiptReversal.receipt_id == receipt_id)
    return msgspec.convert(rows[0], ReversalRow) if rows else None


async def credit_spent_on(merchant_id: str, customer_id: str, currency: str, receipt_id: str) -> list[tuple[str, int]]:
    """The invoices that the customer's credit paid a part of, and how much: what is to be taken back first is first."""
    rows = await InvoiceApplication.raw(_SPENT, merchant_id, customer_id, currency, receipt_id)
    return [(row["invoice_id"], row["minor"]) for row in rows]


async def insert_payout(row: PayoutRow) -> None:
    await CreditPayout.insert(
        CreditPayout(
            id=row.id,
            merchant_id=row.merchant_id,
            customer_id=row.customer_id,
            amount_minor=row.amount.minor,
            currency=row.amount.currency,
            reference=row.reference,
            paid_on=row.paid_on,
            created_at=row.created_at,
        )
    )


async def find_payout(merchant_id: str, payout_id: str) -> PayoutRow | None:
    rows = await CreditPayout.select().where(CreditPayout.merchant_id == merchant_id, CreditPayout.id == payout_id)
    return _payout(rows[0]) if rows else None


async def find_payout_by_reference(merchant_id: str, reference: str) -> PayoutRow | None:
    rows = await CreditPayout.select().where(
        CreditPayout.merchant_id == merchant_id, CreditPayout.reference == reference
    )
    return _payout(rows[0]) if rows else None


async def paid_out_since(merchant_id: str, customer_id: str, currency: str, since: datetime) -> int:
    """What the customer was paid out, in minor units."""
    rows = await CreditPayout.raw(
        "SELECT COALESCE(sum(amount_minor), 0)::bigint AS paid FROM credit_payout "
        "WHERE merchant_id = {} AND customer_id = {} AND currency = {} AND created_at > {}",
        merchant_id,
        customer_id,
        currency,
        since,
    )
    return int(rows[0]["paid"])


async def list_payouts(
    merchant_id: str, *, limit: int, before_id: str | None = None, customer_id: str | None = None
) -> list[PayoutRow]:
    """Newest first."""
    query = CreditPayout.select().where(CreditPayout.merchant_id == merchant_id)
    if before_id is not None:
        query = query.where(CreditPayout.id < before_id)
    if customer_id is not None:
        query = query.where(CreditPayout.customer_id == customer_id)
    return [_payout(row) for row in await query.order_by(CreditPayout.id, ascending=False).limit(limit)]


def _payout(row: dict[str, Any]) -> PayoutRow:
    return PayoutRow(
        id=row["id"],
        merchant_id=row["merchant_id"],
        customer_id=row["customer_id"],
        amount=Money(row["amount_minor"], row["currency"]),
        reference=row["reference"],
        paid_on=row["paid_on"],
        created_at=row["created_at"],
    )
