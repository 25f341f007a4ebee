"""PayPal's settlement report, version 9 (`STL-yyyymmdd.01.009.CSV`): tagged records, hundredths for every currency.

developer.paypal.com/docs/reports/sftp-reports/settlement-report. SF and RF state per currency the totals of gross and
fee, then opening and closing of three balances (available, total, payable), then the number of rows. SC, RC and FF each
state the number of body rows of their section, report and file.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime

from simulators.reports.lines import Batch, CurrencyTotal, LineKind, SettlementLine, in_hundredths

COLUMNS: tuple[str, ...] = (
    "Transaction ID",
    "Invoice ID",
    "PayPal Reference ID",
    "PayPal Reference ID Type",
    "Transaction Event Code",
    "Transaction Initiation Date",
    "Transaction Completion Date",
    "Transaction Debit or Credit",
    "Gross Transaction Amount",
    "Gross Transaction Currency",
    "Fee Debit or Credit",
    "Fee Amount",
    "Fee Currency",
    "Custom Field",
    "Consumer ID",
    "Payment Tracking ID",
    "Store ID",
    "Bank Reference ID",
    "Credit Transactional Fee",
    "Credit Promotional Fee",
    "Credit Term",
)
_STAMP = "%Y/%m/%d %H:%M:%S +0000"
_CODES = {
    LineKind.PAYMENT: "T0006",
    LineKind.CAPTURE_FAILURE: "T1106",
    LineKind.REFUND: "T1107",
    LineKind.REFUND_FAILURE: "T1900",
    LineKind.CHARGEBACK: "T1201",
    LineKind.SECOND_CHARGEBACK: "T1201",
    LineKind.CHARGEBACK_REVERSAL: "T1202",
    LineKind.FEE: "T0100",
}  # developer.paypal.com/reports/reference/t-codes


def file_name(batch: Batch) -> str:
    return f"STL-{batch.closed_at:%Y%m%d}.{batch.number:02d}.009.CSV"


def write(batch: Batch) -> bytes:
    """The file's bytes: UTF-8 with a byte order mark, as PayPal writes since version 9."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    day = batch.closed_at.replace(hour=0, minute=0, second=0)
    writer.writerow(["RH", batch.closed_at.strftime(_STAMP), "A", batch.account, "009", ""])
    writer.writerow(["FH", f"{batch.number:02d}"])
    writer.writerow(["SH", day.strftime(_STAMP), batch.closed_at.strftime(_STAMP), batch.account, ""])
    writer.writerow(["CH", *COLUMNS])
    body = [row for line in batch.lines for row in _rows_of(line)]
    body += [_withdrawal(total, batch.closed_at) for total in batch.totals if total.payout_minor]
    writer.writerows(["SB", *row.cells()] for row in body)
    footers = [_footer(body, total) for total in batch.totals]
    writer.writerows(["SF", *footer] for footer in footers)
    writer.writerow(["SC", len(body)])
    writer.writerows(["RF", *footer] for footer in footers)
    writer.writerow(["RC", len(body)])
    writer.writerow(["FF", len(body)])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


@dataclass(frozen=True, slots=True)
class _Row:
    """`minor` is what the gross does to the balance; `fee_minor` is positive where it is charged."""

    id: str
    code: str
    at: datetime
    minor: int
    fee_minor: int
    currency: str
    decimals: int
    invoice_id: str = ""
    reference_id: str = ""
    reference_type: str = ""
    custom: str = ""
    bank_reference: str = ""

    def cells(self) -> list[str | int]:
        """In the order of COLUMNS."""
        stamp = self.at.strftime(_STAMP)
        fee: list[str | int] = ["", "", ""]
        if self.fee_minor:
            fee = [_side(-self.fee_minor), in_hundredths(abs(self.fee_minor), self.decimals), self.currency]
        return [
            *(self.id, self.invoice_id, self.reference_id, self.reference_type, self.code, stamp, stamp),
            *(_side(self.minor), in_hundredths(abs(self.minor), self.decimals), self.currency),
            *fee,
            *(self.custom, "", "", "", self.bank_reference, "", "", ""),
        ]


def _rows_of(line: SettlementLine) -> list[_Row]:
    """The movement, a dispute's fee, and the two sides of a conversion: each a row of its own."""
    id, is_payment = line.movement_id.replace("-", ""), line.kind is LineKind.PAYMENT
    movement = _Row(
        id, _code(line), line.occurred_at, line.gross_minor, 0 if line.kind.is_dispute else line.fee_minor,
        line.currency, line.decimals, line.reference, line.payment_id if is_payment else line.parent_id,
        "ODR" if is_payment else "TXN", line.reference,
    )  # fmt: skip
    rows = [movement]
    if line.kind.is_dispute and line.fee_minor:
        rows.append(_side_row(line, f"{id}FEE", "T0106", -line.fee_minor, line.currency, line.decimals))
    if conversion := line.conversion:
        away, back = (conversion.source, conversion.source_decimals), (conversion.currency, conversion.decimals)
        rows.append(_side_row(line, f"{id}C1", "T0200", -conversion.source_minor, *away))
        rows.append(_side_row(line, f"{id}C2", "T0200", conversion.minor, *back))
    return rows


def _side_row(line: SettlementLine, id: str, code: str, minor: int, currency: str, decimals: int) -> _Row:
    movement_id = line.movement_id.replace("-", "")
    return _Row(id, code, line.occurred_at, minor, 0, currency, decimals, line.reference, movement_id, "TXN")


def _code(line: SettlementLine) -> str:
    """What a card's bank takes back is a chargeback; what a buyer disputes at PayPal is held until it is decided."""
    if line.method != "card":
        return {LineKind.CHARGEBACK: "T1110", LineKind.CHARGEBACK_REVERSAL: "T1111"}.get(line.kind, _CODES[line.kind])
    return _CODES[line.kind]


def _withdrawal(total: CurrencyTotal, at: datetime) -> _Row:
    return _Row(
        total.payout_id, "T0400", at, -total.payout_minor, 0, total.currency, total.decimals,
        bank_reference=total.bank_reference,
    )  # fmt: skip


def _footer(body: list[_Row], total: CurrencyTotal) -> list[str | int]:
    rows = [row for row in body if row.currency == total.currency]
    sums = (
        sum(row.minor for row in rows if row.minor > 0),
        -sum(row.minor for row in rows if row.minor < 0),
        -sum(row.fee_minor for row in rows if row.fee_minor < 0),
        sum(row.fee_minor for row in rows if row.fee_minor > 0),
    )
    balances: list[str | int] = []
    for minor in (total.opening_minor, total.closing_minor, total.opening_minor, total.closing_minor, 0, 0):
        balances += [_side(minor), in_hundredths(abs(minor), total.decimals)]
    return [total.currency, *(in_hundredths(minor, total.decimals) for minor in sums), *balances, len(rows)]


def _side(minor: int) -> str:
    return "DR" if minor < 0 else "CR"
