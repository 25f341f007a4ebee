"""Routes of what accounts departments ask: the sales journal, receivables by age, statements of account."""

import asyncio
from datetime import date
from io import BytesIO
from typing import Annotated, Any, Literal

import msgspec
import xlsxwriter
from litestar import Response, get
from litestar.params import FromPath, QueryParameter
from xlsxwriter.format import Format

from currency.money import Money, to_major
from orchestrator import clock_port
from orchestrator.billing import printed, reports
from orchestrator.billing.reports import AgedRow, JournalLine, Statement
from orchestrator.customers import service as customers
from orchestrator.errors import InvalidField
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.csv_answers import CSV, csv_text
from orchestrator.http.invoices import READ
from orchestrator.http.pdf_answers import AlsoPdf, pdf_answer
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import MoneyBody, money_body
from orchestrator.reconciliation.export import safe_text, write_cell

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HEADER = (
    "date", "document", "number", "invoice_number", "customer_id", "buyer", "country", "vat_id", "tax", "rate_percent",
    "reason_code", "net", "tax_amount", "total", "currency",
)  # fmt: skip


From = Annotated[date, QueryParameter(name="from", description="The first day.")]
To = Annotated[date, QueryParameter(name="to", description="The last day.")]


class AgedBody(msgspec.Struct, kw_only=True):
    """What is owed in one currency by days overdue: not yet due or due today, and so on. Without customer and buyer it
    is the sum of all."""

    customer_id: str | None
    buyer: str | None
    currency: str
    not_due: MoneyBody
    days_1_to_30: MoneyBody
    days_31_to_60: MoneyBody
    days_61_to_90: MoneyBody
    days_over_90: MoneyBody
    total: MoneyBody


class AgedReceivables(msgspec.Struct, kw_only=True):
    """What customers owe, by age."""

    object: str = "aged_receivables"
    as_of: date
    totals: list[AgedBody]
    data: list[AgedBody]


class MovementBody(msgspec.Struct, kw_only=True):
    """One line of a statement: `amount` more (or less) is owed by it, `balance` is owed after it."""

    date: date
    kind: str
    number: str
    amount: MoneyBody
    balance: MoneyBody


class StatementBody(msgspec.Struct, kw_only=True):
    """The account in one currency. A negative balance is the customer's credit."""

    currency: str
    opening: MoneyBody
    movements: list[MovementBody]
    closing: MoneyBody


class StatementList(msgspec.Struct, kw_only=True):
    """A customer's statements of account, one for each currency."""

    object: str = "list"
    data: list[StatementBody]


@get(
    "/sales-journal",
    guards=[needs(READ)],
    responses=PROBLEMS,
    media_type="text/csv",
    tags=["invoices"],
    summary="Get the sales journal",
)
async def get_sales_journal(
    request: ApiRequest,
    since: From,
    until: To,
    file_format: Annotated[Literal["csv", "xlsx"], QueryParameter(name="format")] = "csv",
) -> Response[bytes]:
    """Issued invoices, credit notes (negative) and discounts taken, a line for each tax, as a table to download."""
    _require_order(since, until)
    lines = await reports.sales_journal(merchant_of(request), since, until)
    name = f"sales-journal-{since}-{until}.{file_format}"
    content = await asyncio.to_thread(_csv if file_format == "csv" else _xlsx, lines)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=CSV if file_format == "csv" else XLSX, headers=headers)


@get(
    "/aged-receivables",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["invoices"],
    summary="Get aged receivables",
)
async def get_aged_receivables(request: ApiRequest) -> AgedReceivables:
    """What is owed now, by customer and currency, by how many days it is overdue."""
    today = clock_port.now().date()
    rows = await reports.aged_receivables(merchant_of(request), today)
    return AgedReceivables(
        as_of=today, totals=[_aged(row) for row in reports.totals_of(rows)], data=[_aged(row) for row in rows]
    )


@get(
    "/customers/{customer_id:str}/statements",
    guards=[needs(READ)],
    responses=PROBLEMS,
    operation_class=AlsoPdf,
    tags=["customers"],
    summary="Get a customer's statements",
)
async def get_statements(
    request: ApiRequest,
    customer_id: FromPath[str],
    since: From,
    until: To,
    file_format: Annotated[Literal["json", "pdf"], QueryParameter(name="format")] = "json",
) -> Response[StatementList]:
    """The account of a customer from one day to another: what was owed before, what moved, what is owed after. As a PDF
    it is in the customer's language."""
    _require_order(since, until)
    merchant_id = merchant_of(request)
    await customers.get(merchant_id, customer_id)
    if file_format == "pdf":
        drawn: Response[Any] = pdf_answer(
            f"statement-{since}-{until}", await printed.statement_pdf(merchant_id, customer_id, since, until)
        )
        return drawn
    found = await reports.statements(merchant_id, customer_id, since, until)
    return Response(StatementList(data=[_statement(one) for one in found]))


def _require_order(since: date, until: date) -> None:
    if until < since:
        raise InvalidField("to", "must not be before `from`")


def _csv(lines: list[JournalLine]) -> bytes:
    """UTF-8 with BOM, which spreadsheet programs ask for; amounts are decimals of major units."""
    rows = ([to_major(cell) if isinstance(cell, Money) else cell for cell in _cells(line)] for line in lines)
    return csv_text(HEADER, rows).encode("utf-8-sig")


def _cells(line: JournalLine) -> list[str | Money]:
    return [
        line.day.isoformat(), line.document, line.number, line.invoice_number, line.customer_id, line.buyer,
        line.country, line.vat_id, line.tax_kind, f"{line.rate_bps // 100}.{line.rate_bps % 100:02}", line.reason_code,
        line.base, line.tax, line.base + line.tax, line.base.currency,
    ]  # fmt: skip


def _xlsx(lines: list[JournalLine]) -> bytes:
    """One sheet; text is never taken for a formula or a link."""
    out = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet("sales journal")
        sheet.write_row(0, 0, HEADER, book.add_format({"bold": True}))
        day, formats = book.add_format({"num_format": "yyyy-mm-dd"}), dict[int, Format]()
        for row, line in enumerate(lines, start=1):
            for column, cell in enumerate(_cells(line)):
                write_cell(book, sheet, formats, (row, column), safe_text(cell) if isinstance(cell, str) else cell)
            sheet.write_datetime(row, 0, line.day, day)
        sheet.set_column(0, 0, 11)
        sheet.freeze_panes(1, 0)
    return out.getvalue()


def _aged(row: AgedRow) -> AgedBody:
    ages = [money_body(amount) for amount in row.owed.values()]
    return AgedBody(
        customer_id=row.customer_id or None,
        buyer=row.buyer or None,
        currency=row.currency,
        not_due=ages[0],
        days_1_to_30=ages[1],
        days_31_to_60=ages[2],
        days_61_to_90=ages[3],
        days_over_90=ages[4],
        total=money_body(row.total),
    )


def _statement(one: Statement) -> StatementBody:
    return StatementBody(
        currency=one.currency,
        opening=money_body(one.opening),
        movements=[
            MovementBody(
                date=move.day,
                kind=move.kind,
                number=move.number,
                amount=money_body(move.amount),
                balance=money_body(move.balance),
            )
            for move in one.movements
        ],
        closing=money_body(one.closing),
    )


ROUTES = [get_sales_journal, get_aged_receivables, get_statements]
