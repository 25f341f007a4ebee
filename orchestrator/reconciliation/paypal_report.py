"""PayPal's settlement report (`STL-yyyymmdd.nn.009.CSV`): tagged records, money in hundredths for every currency.

Layout: developer.paypal.com/docs/reports/sftp-reports/settlement-report. Amounts are unsigned with a DR/CR column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from currency.exponents import from_gateway_minor
from currency.money import Money
from orchestrator.reconciliation.lines import (
    FileUnreadable,
    FootingCheck,
    LineType,
    ParsedFile,
    ReportFormat,
    RowError,
    RowUnreadable,
    SettlementLine,
)
from orchestrator.reconciliation.table_reading import (
    Row,
    RowKeys,
    bounded_key,
    checked_header,
    first_with_prefix,
    moment,
    named,
    present,
    records,
    row_error,
    separator_of,
)

REQUIRED = (
    "transaction id",
    "invoice id",
    "paypal reference id",
    "transaction event code",
    "transaction initiation date",
    "transaction debit or credit",
    "gross transaction amount",
    "gross transaction currency",
    "fee debit or credit",
    "fee amount",
    "fee currency",
    "custom field",
)
SOURCE = "paypal_stl"

# Event codes by full code first, then by accounting group, the first two digits after the T
# (developer.paypal.com/reports/reference/t-codes).
_CODES = {
    "T1105": LineType.RESERVE_RELEASE,
    "T1106": LineType.CHARGEBACK,
    "T1108": LineType.FEE,
    "T1109": LineType.FEE,
    "T1110": LineType.RESERVE_HOLD,
    "T1111": LineType.RESERVE_RELEASE,
    "T1202": LineType.CHARGEBACK_REVERSAL,
    "T0401": LineType.PAYOUT_REVERSAL,
}
_GROUPS = {
    "T00": LineType.PAYMENT,
    "T01": LineType.FEE,
    "T02": LineType.FX,
    "T03": LineType.TRANSFER,
    "T04": LineType.PAYOUT,
    "T11": LineType.REFUND,
    "T12": LineType.CHARGEBACK,
    "T15": LineType.RESERVE_HOLD,
}


@dataclass(slots=True)
class _Reading:
    header: list[str] = field(default_factory=list)
    lines: list[SettlementLine] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    footing: list[FootingCheck] = field(default_factory=list)
    footers: dict[str, list[tuple[int, list[str]]]] = field(default_factory=lambda: {"SF": [], "RF": []})
    section_rows: int = 0
    report_rows: int = 0


def parse(text: str) -> ParsedFile:
    """Lines of the body records; counts and totals of the footers are checked. Raises FileUnreadable."""
    keys, reading = RowKeys(), _Reading()
    first_line = text.lstrip("\ufeff\r\n ").split("\n", 1)[0]
    for row_no, cells in records(text, separator_of(first_line)):
        _read_record(row_no, [cell.strip() for cell in cells], keys, reading)
    if not reading.header:
        raise FileUnreadable(
            "line 1: there is no column header record (CH). Take the settlement report (STL) as PayPal delivers it."
        )
    for row_no, cells in reading.footers["RF"] or reading.footers["SF"]:
        _check_totals(row_no, cells, reading)
    return ParsedFile(ReportFormat.PAYPAL, tuple(reading.lines), tuple(reading.errors), tuple(reading.footing))


def _read_record(row_no: int, cells: list[str], keys: RowKeys, reading: _Reading) -> None:
    tag = cells[0].lstrip("\ufeff").upper()
    match tag:
        case "CH":
            reading.header = checked_header(cells[1:], REQUIRED, "PayPal settlement report", row_no)
            reading.section_rows = 0
        case "SB":
            if not reading.header:
                raise FileUnreadable(
                    f"line {row_no}: a body record (SB) before the column header (CH). Take the file as it came."
                )
            reading.section_rows += 1
            reading.report_rows += 1
            try:
                reading.lines.append(_line(row_no, named(reading.header, cells[1:]), keys))
            except RowUnreadable as error:
                reading.errors.append(RowError(row_no, str(error)))
        case "SF" | "RF":
            reading.footers[tag].append((row_no, cells))
        case "SC":
            _check_count(row_no, "rows of the section (SC)", cells, reading.section_rows, reading)
        case "RC":
            _check_count(row_no, "rows of the report (RC)", cells, reading.report_rows, reading)
        case _:  # RH, FH, SH, FF: nothing that money depends on
            return


def _line(row_no: int, row: Row, keys: RowKeys) -> SettlementLine:
    code, side = row["transaction event code"].upper(), row["transaction debit or credit"].upper()
    line_type = _CODES.get(code) or _GROUPS.get(code[:3], LineType.ADJUSTMENT)
    if line_type is LineType.PAYMENT and side == "DR":
        line_type = LineType.TRANSFER  # the same code on the payer's side: money that we sent
    gross = _amount(row, "gross transaction amount", "gross transaction currency", side)
    fee = -_amount(row, "fee amount", "fee currency", row["fee debit or credit"], otherwise=gross.currency)
    if fee.currency != gross.currency:
        raise RowUnreadable(f"the fee is in {fee.currency}, the amount in {gross.currency}. Book this row by hand.")
    raw = present(row)
    natural_key = bounded_key(row["transaction id"], code, side, gross.currency)
    is_child = row.get("paypal reference id type", "").upper() != "ODR"
    return SettlementLine(
        row_no=row_no,
        line_key=keys.line_key(natural_key),
        natural_key=natural_key,
        row_hash=keys.row_hash(raw),
        line_type=line_type,
        gateway_type=code,
        gross=gross,
        fee=fee,
        net=gross - fee,
        occurred_at=moment(
            row["transaction initiation date"],
            "transaction initiation date",
            "%Y/%m/%d %H:%M:%S %z",
            "%Y/%m/%d %H:%M:%S",
        ),
        attempt_reference=first_with_prefix("att_", row["custom field"], row["invoice id"]),
        operation_reference=first_with_prefix("op_", row["invoice id"], row["custom field"]),
        gateway_payment_id="" if is_child else row["paypal reference id"],
        gateway_operation_id=row["transaction id"],
        gateway_parent_id=row["paypal reference id"] if is_child else "",
        payout_ref=(row.get("bank reference id") or row["transaction id"]) if line_type is LineType.PAYOUT else "",
        raw=raw,
    )


def _amount(row: Row, column: str, currency_column: str, side: str, *, otherwise: str = "") -> Money:
    """Signed as the balance moves: CR positive, DR negative. `otherwise` is the currency of an absent amount."""
    text, currency = row[column], (row[currency_column] or otherwise).upper()
    if not text:
        return Money(0, otherwise) if otherwise else _refuse(column)
    with row_error(text, column):
        amount = from_gateway_minor(int(text), currency, SOURCE)
    if side.upper() not in ("CR", "DR"):
        raise RowUnreadable(f"column {column!r}: neither CR nor DR stands beside it. Download the report again.")
    return amount if side.upper() == "CR" else -amount


def _refuse(column: str) -> Money:
    raise RowUnreadable(f"column {column!r} is empty. Download the report again.")


def _check_count(row_no: int, name: str, cells: Sequence[str], counted: int, reading: _Reading) -> None:
    declared = cells[1] if len(cells) > 1 else ""
    if declared.isdigit():
        reading.footing.append(FootingCheck(f"line {row_no}, {name}", int(declared), counted))
    else:
        reading.errors.append(RowError(row_no, f"the count is {declared!r}, not a number. Download the report again."))


def _check_totals(row_no: int, cells: Sequence[str], reading: _Reading) -> None:
    """Currency, four totals, opening and closing of three balances (each CR/DR and amount), and the row count."""
    currency = cells[1].upper() if len(cells) > 1 else ""
    lines = [line for line in reading.lines if line.gross.currency == currency]
    sums = (
        sum(line.gross.minor for line in lines if line.gross.minor > 0),
        -sum(line.gross.minor for line in lines if line.gross.minor < 0),
        -sum(line.fee.minor for line in lines if line.fee.minor < 0),
        sum(line.fee.minor for line in lines if line.fee.minor > 0),
    )
    try:
        with row_error(",".join(cells[2:18]), "totals"):
            declared = [from_gateway_minor(int(text), currency, SOURCE).minor for text in cells[2:6]]
            balances = [_balance(cells[at], cells[at + 1], currency) for at in range(6, min(len(cells) - 1, 17), 2)]
    except RowUnreadable as error:
        reading.errors.append(RowError(row_no, str(error)))
        return
    names = ("gross credits", "gross debits", "fee credits", "fee debits")
    for name, total, computed in zip(names, declared, sums, strict=False):
        reading.footing.append(FootingCheck(f"line {row_no}, {name}", total, computed, currency))
    reading.footing.extend(_balance_check(row_no, balances, sum(line.net.minor for line in lines), currency))


def _balance(side: str, text: str, currency: str) -> int:
    amount = from_gateway_minor(int(text), currency, SOURCE).minor
    return -amount if side.upper() == "DR" else amount


def _balance_check(row_no: int, balances: Sequence[int], moved: int, currency: str) -> list[FootingCheck]:
    """Opening and closing of the balance must differ by what moved.

    Which of the three pairs is the balance that these rows move is not published: one that foots is enough.
    """
    pairs = list(zip(balances[::2], balances[1::2], strict=False))
    if not pairs:
        return []
    opening, closing = next((pair for pair in pairs if pair[1] - pair[0] == moved), pairs[0])
    return [FootingCheck(f"line {row_no}, closing balance", closing, opening + moved, currency)]
