"""PayPal's settlement report, version 9 (`STL-yyyymmdd.01.009.CSV`): tagged records, hundredths for every currency.

developer.paypal.com/docs/reports/sftp-reports/settlement-report. SF and RF state per currency the totals of gross and
fee, then opening and closing of three balances (available, total, payable), then the number of rows. SC, RC and FF each
state the number of body rows of their section, report and file.
"""

from __future__ import annotations

import csv
import io
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
    body = [row for total in batch.totals for row in _body_rows(batch, total)]
    writer.writerows(["SB", *row] for row in body)
    footers = [_footer(batch, total) for total in batch.totals]
    writer.writerows(["SF", *footer] for footer in footers)
    writer.writerow(["SC", len(body)])
    writer.writerows(["RF", *footer] for footer in footers)
    writer.writerow(["RC", len(body)])
    writer.writerow(["FF", len(body)])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _body_rows(batch: Batch, total: CurrencyTotal) -> list[list[str | int]]:
    rows = [_movement(line) for line in batch.of_currency(total.currency)]
    if total.payout_minor:
        rows.append(_withdrawal(total, batch.closed_at))
    return rows


def _movement(line: SettlementLine) -> list[str | int]:
    is_refund = line.kind is LineKind.REFUND
    at = line.occurred_at.strftime(_STAMP)
    fee: list[str | int] = ["", "", ""]
    if line.fee_minor:
        fee = ["DR", in_hundredths(line.fee_minor, line.decimals), line.currency]
    return [
        line.movement_id,
        line.reference,
        line.parent_id if is_refund else line.payment_id,
        "TXN" if is_refund else "ODR",
        "T1107" if is_refund else "T0006",
        at,
        at,
        "DR" if is_refund else "CR",
        in_hundredths(line.amount_minor, line.decimals),
        line.currency,
        *fee,
        line.reference,
        *[""] * 7,
    ]


def _withdrawal(total: CurrencyTotal, at: datetime) -> list[str | int]:
    stamp = at.strftime(_STAMP)
    amount = in_hundredths(total.payout_minor, total.decimals)
    row: list[str | int] = [total.payout_id, "", "", "", "T0400", stamp, stamp, "DR", amount, total.currency]
    return [*row, *[""] * 7, total.bank_reference, "", "", ""]


def _footer(batch: Batch, total: CurrencyTotal) -> list[str | int]:
    lines = batch.of_currency(total.currency)
    credits = sum(line.amount_minor for line in lines if line.kind is LineKind.PAYMENT)
    debits = total.payout_minor + sum(line.amount_minor for line in lines if line.kind is LineKind.REFUND)
    fees = sum(line.fee_minor for line in lines)
    totals = [in_hundredths(minor, total.decimals) for minor in (credits, debits, 0, fees)]
    balances: list[str | int] = []
    for minor in (total.opening_minor, total.closing_minor, total.opening_minor, total.closing_minor, 0, 0):
        balances += ["DR" if minor < 0 else "CR", in_hundredths(abs(minor), total.decimals)]
    return [total.currency, *totals, *balances, len(lines) + (1 if total.payout_minor else 0)]
