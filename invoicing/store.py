"""Every query on invoices, their payments and their number series. Opens no transaction."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import Any

import msgspec
from piccolo.engine import engine_finder

from currency.money import Money
from invoicing.documents import DraftInvoice, InvoiceTotals, IssuedInvoice
from invoicing.errors import OutsideTransaction
from invoicing.lifecycle import InvoiceState
from invoicing.tables import Invoice, InvoicePayment, NumberSeries


class InvoiceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice as stored, without the bytes of its PDF."""

    id: str
    merchant_id: str
    customer_id: str
    number: str | None
    state: InvoiceState
    net: Money
    tax: Money
    total: Money
    paid: Money
    issue_date: date | None
    due_date: date | None
    locale: str
    draft: DraftInvoice
    document: IssuedInvoice | None
    pdf_sha256: str | None
    public_token: str
    created_at: datetime
    issued_at: datetime | None
    paid_at: datetime | None

    @property
    def owed(self) -> Money:
        """What is still to be paid, whatever the state."""
        return self.total - self.paid


class AppliedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One payment put against one invoice: `amount` came in, `applied` of it was owed."""

    id: str
    payment_id: str
    amount: Money
    applied: Money
    applied_at: datetime


class SeriesRow(msgspec.Struct, frozen=True, kw_only=True):
    """A number series; `next_seq` is the number that the next document gets."""

    series: str
    pattern: str
    next_seq: int


_COLUMNS = [column for column in Invoice.all_columns() if column._meta.name != "pdf"]


def require_transaction() -> None:
    """Raises OutsideTransaction unless the caller has opened one."""
    engine: Any = engine_finder()
    if engine is None or engine.current_transaction.get() is None:
        raise OutsideTransaction("open a transaction first: this must commit together with what the caller writes")


async def insert_invoice(
    *,
    invoice_id: str,
    merchant_id: str,
    customer_id: str,
    draft: DraftInvoice,
    totals: InvoiceTotals,
    public_token: str,
    created_at: datetime,
) -> None:
    await Invoice.insert(
        Invoice(
            id=invoice_id,
            merchant_id=merchant_id,
            customer_id=customer_id,
            state=InvoiceState.DRAFT.value,
            currency=draft.currency,
            net_minor=totals.net.minor,
            tax_minor=totals.tax.minor,
            total_minor=totals.total.minor,
            paid_minor=0,
            locale=draft.locale,
            draft=_to_json(draft),
            public_token=public_token,
            created_at=created_at,
        )
    )


async def find_invoice(merchant_id: str, invoice_id: str) -> InvoiceRecord | None:
    rows = await Invoice.select(*_COLUMNS).where(Invoice.merchant_id == merchant_id, Invoice.id == invoice_id)
    return _record(rows[0]) if rows else None


async def find_invoice_by_id(invoice_id: str) -> InvoiceRecord | None:
    """For work that was queued by id: whoever queued it had the right to."""
    rows = await Invoice.select(*_COLUMNS).where(Invoice.id == invoice_id)
    return _record(rows[0]) if rows else None


async def find_by_token(public_token: str) -> InvoiceRecord | None:
    rows = await Invoice.select(*_COLUMNS).where(Invoice.public_token == public_token)
    return _record(rows[0]) if rows else None


async def lock_invoice(merchant_id: str, invoice_id: str) -> InvoiceRecord | None:
    """The invoice with its row locked until the caller's transaction ends."""
    rows = (
        await Invoice.select(*_COLUMNS)
        .where(Invoice.merchant_id == merchant_id, Invoice.id == invoice_id)
        .lock_rows("NO KEY UPDATE")
    )
    return _record(rows[0]) if rows else None


async def list_invoices(
    merchant_id: str, *, limit: int, before_id: str | None, customer_id: str | None, state: InvoiceState | None
) -> list[InvoiceRecord]:
    """Newest first (ids sort by time), those before `before_id`."""
    query = Invoice.select(*_COLUMNS).where(Invoice.merchant_id == merchant_id)
    if before_id is not None:
        query = query.where(Invoice.id < before_id)
    if customer_id is not None:
        query = query.where(Invoice.customer_id == customer_id)
    if state is not None:
        query = query.where(Invoice.state == state.value)
    return [_record(row) for row in await query.order_by(Invoice.id, ascending=False).limit(limit)]


async def mark_issued(invoice_id: str, document: IssuedInvoice, *, state: InvoiceState, issued_at: datetime) -> bool:
    """Freeze the document. False where the invoice was no draft any more."""
    totals = document.totals
    rows = (
        await Invoice.update(
            {
                Invoice.state: state.value,
                Invoice.number: document.number,
                Invoice.issue_date: document.issue_date,
                Invoice.due_date: document.due_date,
                Invoice.document: _to_json(document),
                Invoice.net_minor: totals.net.minor,
                Invoice.tax_minor: totals.tax.minor,
                Invoice.total_minor: totals.total.minor,
                Invoice.issued_at: issued_at,
                Invoice.paid_at: issued_at if state is InvoiceState.PAID else None,
            }
        )
        .where(Invoice.id == invoice_id, Invoice.state == InvoiceState.DRAFT.value)
        .returning(Invoice.id)
    )
    return len(rows) == 1


async def update_paid(
    invoice_id: str, *, expected: InvoiceState, state: InvoiceState, paid: Money, paid_at: datetime | None
) -> bool:
    """Move the paid amount and the state. False where the state was not the expected one."""
    rows = (
        await Invoice.update({Invoice.state: state.value, Invoice.paid_minor: paid.minor, Invoice.paid_at: paid_at})
        .where(Invoice.id == invoice_id, Invoice.state == expected.value)
        .returning(Invoice.id)
    )
    return len(rows) == 1


async def find_applied(invoice_id: str, payment_id: str) -> AppliedRow | None:
    rows = await InvoicePayment.select().where(
        InvoicePayment.invoice_id == invoice_id, InvoicePayment.payment_id == payment_id
    )
    return _applied(rows[0]) if rows else None


async def list_applied(invoice_id: str) -> list[AppliedRow]:
    """The payments put against the invoice, oldest first."""
    rows = await InvoicePayment.select().where(InvoicePayment.invoice_id == invoice_id).order_by(InvoicePayment.id)
    return [_applied(row) for row in rows]


async def insert_applied(
    *, applied_id: str, invoice_id: str, payment_id: str, amount: Money, applied: Money, applied_at: datetime
) -> None:
    await InvoicePayment.insert(
        InvoicePayment(
            id=applied_id,
            invoice_id=invoice_id,
            payment_id=payment_id,
            amount_minor=amount.minor,
            applied_minor=applied.minor,
            currency=amount.currency,
            applied_at=applied_at,
        )
    )


async def insert_pdf(merchant_id: str, invoice_id: str, pdf: bytes) -> bool:
    """Keep the PDF of an issued invoice. False where there is one already, or the invoice is none or a draft."""
    rows = (
        await Invoice.update({Invoice.pdf: pdf, Invoice.pdf_sha256: hashlib.sha256(pdf).hexdigest()})
        .where(
            Invoice.merchant_id == merchant_id,
            Invoice.id == invoice_id,
            Invoice.pdf_sha256.is_null(),
            Invoice.issued_at.is_not_null(),
        )
        .returning(Invoice.id)
    )
    return len(rows) == 1


async def find_pdf(merchant_id: str, invoice_id: str) -> bytes | None:
    rows = await Invoice.select(Invoice.pdf).where(Invoice.merchant_id == merchant_id, Invoice.id == invoice_id)
    return bytes(rows[0]["pdf"]) if rows and rows[0]["pdf"] is not None else None


async def insert_series(series_id: str, merchant_id: str, series: str, pattern: str) -> bool:
    """Open the series at 1. False where its name or its pattern is in use by the merchant."""
    rows = (
        await NumberSeries.insert(
            NumberSeries(id=series_id, merchant_id=merchant_id, series=series, pattern=pattern, next_seq=1)
        )
        .on_conflict(action="DO NOTHING")
        .returning(NumberSeries.id)
    )
    return len(rows) == 1


async def find_series(merchant_id: str, series: str) -> SeriesRow | None:
    rows = await _series(merchant_id, series)
    return msgspec.convert(rows[0], SeriesRow) if rows else None


async def take_seq(merchant_id: str, series: str) -> SeriesRow | None:
    """Take the series' next number; the row stays locked until the caller's transaction ends.

    A rolled-back transaction gives its number back, and nobody could take the one after it meanwhile: no gaps.
    Raises OutsideTransaction.
    """
    require_transaction()
    rows = await _series(merchant_id, series).lock_rows("NO KEY UPDATE")
    if not rows:
        return None
    taken = msgspec.convert(rows[0], SeriesRow)
    await NumberSeries.update({NumberSeries.next_seq: taken.next_seq + 1}).where(
        NumberSeries.merchant_id == merchant_id, NumberSeries.series == series
    )
    return taken


def _series(merchant_id: str, series: str) -> Any:
    return NumberSeries.select(NumberSeries.series, NumberSeries.pattern, NumberSeries.next_seq).where(
        NumberSeries.merchant_id == merchant_id, NumberSeries.series == series
    )


def _to_json(struct: msgspec.Struct) -> str:
    return msgspec.json.encode(struct).decode()


def _record(row: dict[str, Any]) -> InvoiceRecord:
    currency: str = row["currency"]
    return InvoiceRecord(
        id=row["id"],
        merchant_id=row["merchant_id"],
        customer_id=row["customer_id"],
        number=row["number"],
        state=InvoiceState(row["state"]),
        net=Money(row["net_minor"], currency),
        tax=Money(row["tax_minor"], currency),
        total=Money(row["total_minor"], currency),
        paid=Money(row["paid_minor"], currency),
        issue_date=row["issue_date"],
        due_date=row["due_date"],
        locale=row["locale"],
        draft=msgspec.json.decode(row["draft"], type=DraftInvoice),
        document=msgspec.json.decode(row["document"], type=IssuedInvoice) if row["document"] is not None else None,
        pdf_sha256=row["pdf_sha256"],
        public_token=row["public_token"],
        created_at=row["created_at"],
        issued_at=row["issued_at"],
        paid_at=row["paid_at"],
    )


def _applied(row: dict[str, Any]) -> AppliedRow:
    currency: str = row["currency"]
    return AppliedRow(
        id=row["id"],
        payment_id=row["payment_id"],
        amount=Money(row["amount_minor"], currency),
        applied=Money(row["applied_minor"], currency),
        applied_at=row["applied_at"],
    )
