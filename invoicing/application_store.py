"""Every query on what settled invoices, and on money received outside of the gateways. Opens no transaction."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

import msgspec

from currency.money import Money
from invoicing.lifecycle import ApplicationKind
from invoicing.settling import Move, TaxShare
from invoicing.tables import InvoiceApplication, Receipt


class AppliedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that settled a part of an invoice: of `amount`, `applied` was owed, and the rest is the customer's.

    Money in another currency is `moved`, with the sign of the amount; `fx_difference` is what it was more than booked.
    """

    id: str
    invoice_id: str
    kind: ApplicationKind
    source_id: str
    amount: Money
    applied: Money
    applied_at: datetime
    taxes: tuple[TaxShare, ...] = ()
    moved: Money | None = None
    fx_difference: Money | None = None

    @property
    def payment_id(self) -> str:
        return self.source_id

    @property
    def credit(self) -> Money:
        return self.amount - self.applied


class ReceiptRow(msgspec.Struct, frozen=True, kw_only=True):
    """Money received; `credited` of it settled no invoice. `conversion` says how it paid in another currency."""

    id: str
    merchant_id: str
    customer_id: str
    number: str
    source: str
    reference: str
    amount: Money
    credited: Money
    received_on: date
    created_at: datetime
    conversion: dict[str, Any] | None = None
    remittance: str = ""


async def insert_application(
    application_id: str, invoice_id: str, move: Move, *, source_id: str, currency: str, applied_at: datetime
) -> AppliedRow:
    moved, difference = (move.exchanged.moved, move.exchanged.difference) if move.exchanged else (None, None)
    await InvoiceApplication.insert(
        InvoiceApplication(
            id=application_id,
            invoice_id=invoice_id,
            kind=move.kind.value,
            source_id=source_id,
            amount_minor=move.amount,
            applied_minor=move.applied,
            currency=currency,
            applied_at=applied_at,
            taxes=msgspec.json.encode(move.taxes).decode(),
            moved_minor=moved.minor if moved else None,
            moved_currency=moved.currency if moved else None,
            fx_difference_minor=difference.minor if difference else None,
        )
    )
    return AppliedRow(
        id=application_id,
        invoice_id=invoice_id,
        kind=move.kind,
        source_id=source_id,
        amount=Money(move.amount, currency),
        applied=Money(move.applied, currency),
        applied_at=applied_at,
        taxes=move.taxes,
        moved=moved,
        fx_difference=difference,
    )


async def applications_of(invoice_id: str) -> list[AppliedRow]:
    """What settled the invoice, oldest first."""
    query = InvoiceApplication.select().where(InvoiceApplication.invoice_id == invoice_id)
    return [_applied(row) for row in await query.order_by(InvoiceApplication.id)]


async def applications_from(source_id: str) -> list[AppliedRow]:
    """What came out of one receipt, payment or credit note, oldest first."""
    query = InvoiceApplication.select().where(InvoiceApplication.source_id == source_id)
    return [_applied(row) for row in await query.order_by(InvoiceApplication.id)]


async def insert_receipt(row: ReceiptRow) -> None:
    await Receipt.insert(
        Receipt(
            id=row.id,
            merchant_id=row.merchant_id,
            customer_id=row.customer_id,
            number=row.number,
            source=row.source,
            reference=row.reference,
            amount_minor=row.amount.minor,
            currency=row.amount.currency,
            credited_minor=row.credited.minor,
            received_on=row.received_on,
            conversion=None if row.conversion is None else msgspec.json.encode(row.conversion).decode(),
            created_at=row.created_at,
            remittance=row.remittance,
        )
    )


async def find_receipt(merchant_id: str, receipt_id: str) -> ReceiptRow | None:
    rows = await Receipt.select().where(Receipt.merchant_id == merchant_id, Receipt.id == receipt_id)
    return _receipt(rows[0]) if rows else None


async def find_receipt_by_reference(merchant_id: str, source: str, reference: str) -> ReceiptRow | None:
    rows = await Receipt.select().where(
        Receipt.merchant_id == merchant_id, Receipt.source == source, Receipt.reference == reference
    )
    return _receipt(rows[0]) if rows else None


async def received_on(receipt_ids: Collection[str]) -> dict[str, date]:
    """The days on which the money of these receipts came, by id."""
    rows = await Receipt.select(Receipt.id, Receipt.received_on).where(Receipt.id.is_in([*receipt_ids, ""]))
    return {row["id"]: row["received_on"] for row in rows}


async def list_receipts(
    merchant_id: str, *, limit: int, before_id: str | None = None, customer_id: str | None = None
) -> list[ReceiptRow]:
    """Newest first."""
    query = Receipt.select().where(Receipt.merchant_id == merchant_id)
    if before_id is not None:
        query = query.where(Receipt.id < before_id)
    if customer_id is not None:
        query = query.where(Receipt.customer_id == customer_id)
    return [_receipt(row) for row in await query.order_by(Receipt.id, ascending=False).limit(limit)]


def _applied(row: dict[str, Any]) -> AppliedRow:
    currency: str = row["currency"]
    return AppliedRow(
        id=row["id"],
        invoice_id=row["invoice_id"],
        kind=ApplicationKind(row["kind"]),
        source_id=row["source_id"],
        amount=Money(row["amount_minor"], currency),
        applied=Money(row["applied_minor"], currency),
        applied_at=row["applied_at"],
        taxes=msgspec.json.decode(row["taxes"], type=tuple[TaxShare, ...]),
        moved=_money(row["moved_minor"], row["moved_currency"]),
        fx_difference=_money(row["fx_difference_minor"], row["moved_currency"]),
    )


def _money(minor: int | None, currency: str | None) -> Money | None:
    return None if minor is None or currency is None else Money(minor, currency)


def _receipt(row: dict[str, Any]) -> ReceiptRow:
    currency: str = row["currency"]
    return ReceiptRow(
        id=row["id"],
        merchant_id=row["merchant_id"],
        customer_id=row["customer_id"],
        number=row["number"],
        source=row["source"],
        reference=row["reference"],
        amount=Money(row["amount_minor"], currency),
        credited=Money(row["credited_minor"], currency),
        received_on=row["received_on"],
        created_at=row["created_at"],
        conversion=None if row["conversion"] is None else msgspec.json.decode(row["conversion"]),
        remittance=row["remittance"],
    )
