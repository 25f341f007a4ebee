"""The reconciliation report for finance: every line and movement with its status and reason, as CSV and XLSX."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from io import BytesIO, StringIO

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from currency.currencies import exponent_of
from currency.money import Money, to_major
from orchestrator.reconciliation.lines import major_units

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
EXACT_DIGITS = 15  # a spreadsheet's number holds no more; a longer amount is written as text
XLSX_CELL_MAX = 32767


class RowStatus(StrEnum):
    """Where a line or movement stands."""

    MATCHED = "matched"
    BREAK = "break"
    EXPECTED = "expected"  # we recorded it, and the gateway's report is not due yet


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One line or movement. Amounts are as the gateway's balance moved (refunds negative); `expected` is ours."""

    status: RowStatus
    kind: str
    reason: str
    gateway_account_id: str
    line_type: str
    occurred_at: datetime
    age_days: int
    gross: Money | None = None
    fee: Money | None = None
    net: Money | None = None
    expected: Money | None = None
    actual: Money | None = None
    attempt_id: str = ""
    operation_id: str = ""
    gateway_payment_id: str = ""
    gateway_operation_id: str = ""
    batch_ref: str = ""
    payout_ref: str = ""
    line_id: str = ""
    movement_id: str = ""


_MONEY = ("gross", "fee", "net", "expected", "actual")
_TEXT_BEFORE = ("status", "kind", "reason", "gateway_account_id", "line_type")
_TEXT_AFTER = tuple(field.name for field in fields(ReportRow))[-8:]
HEADER: tuple[str, ...] = (
    *_TEXT_BEFORE,
    "occurred_at_utc",
    "age_days",
    *(column for name in _MONEY for column in (name, f"{name}_currency")),
    *_TEXT_AFTER,
)

Cell = str | int | Money


def to_csv(rows: Sequence[ReportRow]) -> bytes:
    """UTF-8 with BOM (spreadsheet programs ask for it), a header, amounts as decimals of major units."""
    out = StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(HEADER)
    for row in rows:
        writer.writerow([_csv_cell(cell) for cell in _cells(row)])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def to_xlsx(rows: Sequence[ReportRow]) -> bytes:
    """Sheets `summary`, `matches`, `expected` and `breaks`; text is never taken for a formula or a link."""
    out = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        bold = book.add_format({"bold": True})
        _summary(book, book.add_worksheet("summary"), rows, bold)
        for sheet, status in (
            ("matches", RowStatus.MATCHED),
            ("expected", RowStatus.EXPECTED),
            ("breaks", RowStatus.BREAK),
        ):
            _table(book, book.add_worksheet(sheet), [row for row in rows if row.status is status], bold)
    return out.getvalue()


def safe_text(text: str) -> str:
    """Text that a spreadsheet program will not run: what begins like a formula gets an apostrophe before it."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) or text.startswith(FORMULA_STARTS) else text


def _cells(row: ReportRow) -> list[Cell]:
    cells: list[Cell] = [str(getattr(row, name)) for name in _TEXT_BEFORE]
    cells += [row.occurred_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), row.age_days]
    for name in _MONEY:
        amount: Money | None = getattr(row, name)
        cells += ["", ""] if amount is None else [amount, amount.currency]
    return cells + [str(getattr(row, name)) for name in _TEXT_AFTER]


def _csv_cell(cell: Cell) -> str | int:
    match cell:
        case Money():
            return major_units(cell)
        case str():
            return safe_text(cell)
        case _:
            return cell


def _summary(book: Workbook, sheet: Worksheet, rows: Sequence[ReportRow], bold: Format) -> None:
    """How many rows and how much money, by status, kind and currency."""
    formats: dict[int, Format] = {}
    counts: Counter[tuple[str, str, str]] = Counter()
    sums: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        amount = row.gross or row.expected or row.actual
        key = (row.status.value, row.kind, amount.currency if amount else "")
        counts[key] += 1
        sums[key] += amount.minor if amount else 0
    for column, name in enumerate(("status", "kind", "currency", "rows", "amount")):
        sheet.write_string(0, column, name, bold)
    for line, (key, count) in enumerate(sorted(counts.items()), start=1):
        for column, text in enumerate(key):
            sheet.write_string(line, column, text)
        sheet.write_number(line, 3, count)
        if key[2]:
            write_cell(book, sheet, formats, (line, 4), Money(sums[key], key[2]))
    sheet.set_column(0, 4, 22)
    sheet.freeze_panes(1, 0)


def _table(book: Workbook, sheet: Worksheet, rows: Sequence[ReportRow], bold: Format) -> None:
    formats: dict[int, Format] = {}
    for column, name in enumerate(HEADER):
        sheet.write_string(0, column, name, bold)
    for line, row in enumerate(rows, start=1):
        for column, cell in enumerate(_cells(row)):
            write_cell(book, sheet, formats, (line, column), cell)
    sheet.set_column(0, len(HEADER) - 1, 18)
    sheet.set_column(2, 2, 70)
    sheet.freeze_panes(1, 0)
    if rows:
        sheet.autofilter(0, 0, len(rows), len(HEADER) - 1)


def write_cell(book: Workbook, sheet: Worksheet, formats: dict[int, Format], at: tuple[int, int], cell: Cell) -> None:
    """An amount as a number with the decimals of its currency, as far as a spreadsheet's numbers are exact. `formats`
    keeps those of the book, by decimals."""
    match cell:
        case Money() if len(str(abs(cell.minor))) > EXACT_DIGITS:
            sheet.write_string(*at, major_units(cell))
        case Money():
            decimals = exponent_of(cell.currency)
            if decimals not in formats:
                formats[decimals] = book.add_format({"num_format": "0." + "0" * decimals if decimals else "0"})
            sheet.write_number(*at, _number(cell), formats[decimals])
        case str():
            sheet.write_string(*at, cell[:XLSX_CELL_MAX])
        case _:
            sheet.write_number(*at, cell)


def _number(money: Money) -> Decimal:
    """XlsxWriter writes a Decimal with 16 significant digits, so the amount arrives as it is."""
    return to_major(money)
