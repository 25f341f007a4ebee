"""Every query on documents. Opens no transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from piccolo.columns.combination import Or, WhereRaw
from piccolo.engine import engine_finder
from piccolo.querystring import QueryString

from currency.money import Money
from invoicing.constraints import BARE_NUMBER
from invoicing.documents import DocumentType, DraftInvoice, InvoiceTotals, IssuedInvoice
from invoicing.errors import OutsideTransaction
from invoicing.lifecycle import InvoiceState, Standing
from invoicing.problems import OpenProblem, ProblemKind
from invoicing.tables import Invoice


class InvoiceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A document as stored, without the bytes of its PDF."""

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

    kind: DocumentType = DocumentType.INVOICE
    series: str | None = None
    reference: str = ""
    origin_id: str | None = None
    valid_until: date | None = None
    standing: Standing
    disputed_at: datetime | None = None
    problems: tuple[OpenProblem, ...] = ()

    @property
    def rounding(self) -> Money:
        """What a payment in cash adds to the total, or leaves off."""
        return Money(self.standing.total - self.total.minor, self.total.currency)

    @property
    def owed(self) -> Money:
        """What is still to be paid, whatever the state."""
        return Money(self.standing.owed, self.total.currency)


class InvoiceFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What a list is narrowed to; None is everything. Days are included. `text` is looked for in number, reference and
    the buyer's name."""

    kind: DocumentType | None = DocumentType.INVOICE
    state: InvoiceState | None = None
    customer_id: str | None = None
    number: str | None = None
    reference: str | None = None
    origin_id: str | None = None
    currency: str | None = None
    total: int | None = None
    due_from: date | None = None
    due_to: date | None = None
    is_disputed: bool | None = None
    problem: ProblemKind | None = None
    text: str | None = None


_PROBLEMS = QueryString(
    "(SELECT json_agg(json_build_object('kind', kind, 'message', message, 'times', times, 'first_at', first_at, "
    "'last_at', last_at) ORDER BY first_at) FROM document_problem "
    "WHERE document_id = invoice.id AND solved_at IS NULL)",
    alias="problems",
)
_HAS_PROBLEM = (
    "EXISTS (SELECT FROM document_problem problem WHERE problem.merchant_id = invoice.merchant_id "
    "AND problem.document_id = invoice.id AND problem.kind = {} AND problem.solved_at IS NULL)"
)
_COLUMNS = [*(column for column in Invoice.all_columns() if column._meta.name != "pdf"), _PROBLEMS]


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
    reference: str = "",
    origin_id: str | None = None,
    valid_until: date | None = None,
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
            rounding_minor=totals.rounding_minor,
            paid_minor=0,
            credited_minor=0,
            discount_minor=0,
            written_off_minor=0,
            credit_notes_minor=0,
            locale=draft.locale,
            draft=_to_json(draft),
            public_token=public_token,
            created_at=created_at,
            kind=draft.type.value,
            reference=reference,
            origin_id=origin_id,
            valid_until=valid_until,
        )
    )


async def update_draft(
    invoice_id: str, draft: DraftInvoice, totals: InvoiceTotals, *, customer_id: str, changes: dict[str, Any]
) -> bool:
    """Put another content into a draft; `changes` are other columns. False where it is no draft any more."""
    values: dict[Any, Any] = {
        Invoice.customer_id: customer_id,
        Invoice.currency: draft.currency,
        Invoice.net_minor: totals.net.minor,
        Invoice.tax_minor: totals.tax.minor,
        Invoice.total_minor: totals.total.minor,
        Invoice.rounding_minor: totals.rounding_minor,
        Invoice.locale: draft.locale,
        Invoice.draft: _to_json(draft),
        **changes,
    }
    rows = (
        await Invoice.update(values)
        .where(Invoice.id == invoice_id, Invoice.state == InvoiceState.DRAFT.value)
        .returning(Invoice.id)
    )
    return len(rows) == 1


async def delete_draft(merchant_id: str, invoice_id: str) -> bool:
    """False where there is none, or it was issued."""
    rows = (
        await Invoice.delete()
        .where(
            Invoice.merchant_id == merchant_id,
            Invoice.id == invoice_id,
            Invoice.state == InvoiceState.DRAFT.value,
        )
        .returning(Invoice.id)
    )
    return len(rows) == 1


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


async def find_invoices(
    merchant_id: str, invoice_ids: Sequence[str], *, lock: bool = False
) -> dict[str, InvoiceRecord]:
    """Those of these invoices that there are, by id; with their rows locked, in the order of their ids, until the
    caller's transaction ends where that is wanted."""
    query = Invoice.select(*_COLUMNS).where(
        Invoice.merchant_id == merchant_id, WhereRaw("invoice.id = ANY({}::varchar[])", list(invoice_ids))
    )
    ordered = query.order_by(Invoice.id)
    rows = await (ordered.lock_rows("NO KEY UPDATE") if lock else ordered)
    return {row["id"]: _record(row) for row in rows}


async def invoices_made_from(merchant_id: str, document_ids: Sequence[str]) -> dict[str, str]:
    """The invoices that quotes and pro formas became: the invoice's id by theirs."""
    if not document_ids:
        return {}
    rows = await Invoice.select(Invoice.id, Invoice.origin_id).where(
        Invoice.merchant_id == merchant_id,
        Invoice.kind == DocumentType.INVOICE.value,
        Invoice.origin_id.is_in(list(document_ids)),
    )
    return {row["origin_id"]: row["id"] for row in rows}


async def invoices_by_bare_number(merchant_id: str, numbers: Sequence[str]) -> dict[str, InvoiceRecord]:
    """The issued invoices of which one of these is the number without its signs, by id."""
    if not numbers:
        return {}
    query = Invoice.select(*_COLUMNS).where(
        Invoice.merchant_id == merchant_id,
        Invoice.kind == DocumentType.INVOICE.value,
        Invoice.number.is_not_null(),
        WhereRaw(f"{BARE_NUMBER} = ANY({{}})", list(numbers)),
    )
    return {row["id"]: _record(row) for row in await query}


async def list_invoices(
    merchant_id: str, wanted: InvoiceFilter, *, limit: int, before_id: str | None = None
) -> list[InvoiceRecord]:
    """Newest first (ids sort by time), those before `before_id`."""
    query = Invoice.select(*_COLUMNS).where(Invoice.merchant_id == merchant_id)
    if before_id is not None:
        query = query.where(Invoice.id < before_id)
    for column, value in (
        (Invoice.kind, wanted.kind),
        (Invoice.state, wanted.state),
        (Invoice.customer_id, wanted.customer_id),
        (Invoice.number, wanted.number),
        (Invoice.reference, wanted.reference),
        (Invoice.origin_id, wanted.origin_id),
        (Invoice.currency, wanted.currency),
        (Invoice.total_minor, wanted.total),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.due_from is not None:
        query = query.where(Invoice.due_date >= wanted.due_from)
    if wanted.due_to is not None:
        query = query.where(Invoice.due_date <= wanted.due_to)
    if wanted.is_disputed is not None:
        flag = Invoice.disputed_at
        query = query.where(flag.is_not_null() if wanted.is_disputed else flag.is_null())
    if wanted.problem is not None:
        query = query.where(WhereRaw(_HAS_PROBLEM, wanted.problem.value))
    if wanted.text is not None:
        found = f"%{_literal(wanted.text)}%"
        buyer = WhereRaw("draft->'buyer'->>'name' ILIKE {}", found)
        query = query.where(Or(Or(Invoice.number.ilike(found), Invoice.reference.ilike(found)), buyer))
    return [_record(row) for row in await query.order_by(Invoice.id, ascending=False).limit(limit)]


async def oldest_open(merchant_id: str, customer_id: str, currency: str, *, limit: int) -> list[str]:
    """The ids of the customer's invoices of a currency that something is owed of, those due first before."""
    states = [InvoiceState.OPEN.value, InvoiceState.PARTLY_PAID.value]
    query = Invoice.select(Invoice.id).where(
        Invoice.merchant_id == merchant_id,
        Invoice.customer_id == customer_id,
        Invoice.currency == currency,
        Invoice.kind == DocumentType.INVOICE.value,
        Invoice.state.is_in(states),
    )
    rows = await query.order_by(Invoice.due_date).order_by(Invoice.issue_date).order_by(Invoice.id).limit(limit)
    return [row["id"] for row in rows]


def _literal(text: str) -> str:
    """The text with what LIKE would take for a pattern escaped."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def update_standing(
    invoice_id: str, *, expected: InvoiceState, state: InvoiceState, standing: Standing, paid_at: datetime | None
) -> bool:
    """Move what settled the invoice, and its state. False where the state was not the expected one."""
    rows = (
        await Invoice.update(
            {
                Invoice.state: state.value,
                Invoice.paid_minor: standing.paid,
                Invoice.credited_minor: standing.credited,
                Invoice.discount_minor: standing.discount,
                Invoice.written_off_minor: standing.written_off,
                Invoice.credit_notes_minor: standing.credit_notes,
                Invoice.paid_at: paid_at,
            }
        )
        .where(Invoice.id == invoice_id, Invoice.state == expected.value)
        .returning(Invoice.id)
    )
    return len(rows) == 1


async def update_state(invoice_id: str, *, expected: InvoiceState, state: InvoiceState) -> bool:
    """False where the state was not the expected one."""
    rows = (
        await Invoice.update({Invoice.state: state.value})
        .where(Invoice.id == invoice_id, Invoice.state == expected.value)
        .returning(Invoice.id)
    )
    return len(rows) == 1


async def update_disputed(invoice_id: str, disputed_at: datetime | None) -> None:
    await Invoice.update({Invoice.disputed_at: disputed_at}).where(Invoice.id == invoice_id)


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
        kind=DocumentType(row["kind"]),
        series=row["series"],
        reference=row["reference"],
        origin_id=row["origin_id"],
        valid_until=row["valid_until"],
        standing=_standing(row),
        disputed_at=row["disputed_at"],
        problems=msgspec.json.decode(row["problems"] or "[]", type=tuple[OpenProblem, ...]),
    )


def _standing(row: dict[str, Any]) -> Standing:
    return Standing(
        total=row["total_minor"] + row["rounding_minor"],
        paid=row["paid_minor"],
        credited=row["credited_minor"],
        discount=row["discount_minor"],
        written_off=row["written_off_minor"],
        credit_notes=row["credit_notes_minor"],
    )
