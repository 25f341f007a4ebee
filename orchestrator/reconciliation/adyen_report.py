"""Adyen's settlement details report (`settlement_detail_report_batch_N.csv`), one per merchant account and batch.

Columns: docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report. Amounts are
unsigned decimals of major units in pairs of debit and credit columns; the order of columns has changed over the years.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from currency.money import Money
from orchestrator.reconciliation.lines import (
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
    first_with_prefix,
    moment,
    named_rows,
    present,
    signed_decimal,
)

REQUIRED = (
    "merchant account",
    "psp reference",
    "merchant reference",
    "creation date",
    "timezone",
    "type",
    "modification reference",
    "gross currency",
    "gross debit (gc)",
    "gross credit (gc)",
    "net currency",
    "net debit (nc)",
    "net credit (nc)",
    "batch number",
)
FEE_COLUMNS = (
    "commission (nc)",
    "markup (nc)",
    "scheme fees (nc)",
    "interchange (nc)",
    "payment fees (nc)",
    "dcc markup (nc)",
)
SOURCE = "adyen_report"

# Journal types, compared without case; an unknown one is an adjustment.
_TYPES = {
    "settled": LineType.PAYMENT,
    "settledexternally": LineType.PAYMENT,
    "refunded": LineType.REFUND,
    "refundedexternally": LineType.REFUND,
    "refundedreversed": LineType.REFUND_REVERSAL,
    "chargeback": LineType.CHARGEBACK,
    "chargebackexternally": LineType.CHARGEBACK,
    "secondchargeback": LineType.CHARGEBACK,
    "chargebackreversed": LineType.CHARGEBACK_REVERSAL,
    "paidout": LineType.TRANSFER,
    "paidoutreversed": LineType.TRANSFER,
    "bppaidout": LineType.TRANSFER,
    "paymentcost": LineType.FEE,
    "settlecost": LineType.FEE,
    "fee": LineType.FEE,
    "invoicededuction": LineType.FEE,
    "misccosts": LineType.FEE,
    "authorisationschemefee": LineType.FEE,
    "balancetransfer": LineType.CARRY,
    "reserveadjustment": LineType.RESERVE_HOLD,
    "merchantpayout": LineType.PAYOUT,
    "bankinstructionreturned": LineType.PAYOUT_REVERSAL,
    "internalcompanypayout": LineType.TRANSFER,
}

# The abbreviations that the report's TimeZone columns hold, as hours from UTC: they already say summer or winter.
_ZONE_HOURS = {
    "UTC": 0, "GMT": 0, "WET": 0, "BST": 1, "CET": 1, "WEST": 1, "CEST": 2, "EET": 2, "EEST": 3, "SGT": 8, "JST": 9,
    "AEST": 10, "AEDT": 11, "BRT": -3, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8,
    "PDT": -7,
}  # fmt: skip


def parse(text: str) -> ParsedFile:
    """Lines of the report; the payout of each batch is checked against its other rows. Raises FileUnreadable."""
    keys = RowKeys()
    lines: list[SettlementLine] = []
    errors: list[RowError] = []
    footing: list[FootingCheck] = []
    for row_no, row in named_rows(text, REQUIRED, "Adyen settlement details report"):
        try:
            line = _line(row_no, row, keys)
            lines.append(line)
            footing.extend(_fee_check(row, line))
        except RowUnreadable as error:
            errors.append(RowError(row_no, str(error)))
    footing.extend(_batch_checks(lines))
    named = frozenset(line.raw["merchant account"] for line in lines if line.raw.get("merchant account"))
    return ParsedFile(ReportFormat.ADYEN, tuple(lines), tuple(errors), tuple(footing), named)


def _line(row_no: int, row: Row, keys: RowKeys) -> SettlementLine:
    line_type = _TYPES.get(row["type"].lower(), LineType.ADJUSTMENT)
    gross, fee, net = _amounts(row)
    raw = present(row)
    line_key, natural_key = _keys_of(row, net, keys)
    merchant_account, batch = row["merchant account"], row["batch number"]
    is_payout = line_type is LineType.PAYOUT
    return SettlementLine(
        row_no=row_no,
        line_key=line_key,
        natural_key=natural_key,
        row_hash=keys.row_hash(raw),
        line_type=line_type,
        gateway_type=row["type"],
        gross=gross,
        fee=fee,
        net=net,
        occurred_at=_occurred_at(row),
        attempt_reference=first_with_prefix("att_", row["merchant reference"]),
        operation_reference=first_with_prefix("op_", row.get("modification merchant reference", "")),
        gateway_payment_id=row["psp reference"],
        gateway_operation_id="" if is_payout else row["modification reference"][:120],
        batch_ref=f"{merchant_account}:{batch}" if batch else "",
        payout_ref=row["modification reference"] if is_payout else "",
        raw=raw,
    )


def _amounts(row: Row) -> tuple[Money, Money, Money]:
    """Gross, fee and net.

    The fee is what gross and net differ by, because that is what was taken; only across currencies it is the sum of the
    fee columns. A row without gross (fees, payouts) has its net for gross.
    """
    net = _side(row, "net credit (nc)", "net currency") - _side(row, "net debit (nc)", "net currency")
    if not row["gross debit (gc)"] and not row["gross credit (gc)"]:
        return net, Money(0, net.currency), net
    gross = _side(row, "gross credit (gc)", "gross currency") - _side(row, "gross debit (gc)", "gross currency")
    fee = gross - net if gross.currency == net.currency else _fee_columns(row)
    return gross, fee, net


def _side(row: Row, column: str, currency_column: str) -> Money:
    return signed_decimal(row[column], row[currency_column], SOURCE, column)


def _fee_columns(row: Row) -> Money:
    currency = row["net currency"]
    total = signed_decimal("", currency, SOURCE, FEE_COLUMNS[0])
    for column in FEE_COLUMNS:
        total += signed_decimal(row.get(column, ""), currency, SOURCE, column)
    return total


def _keys_of(row: Row, net: Money, keys: RowKeys) -> tuple[str, str]:
    """Line key and natural key. Account-level rows may repeat byte for byte and each counts: their ordinal tells."""
    parts = ("merchant account", "batch number", "type", "psp reference", "modification reference")
    named = [row[part] for part in parts]
    if row["psp reference"]:
        natural_key = bounded_key(*named)
        return keys.line_key(natural_key), natural_key
    account_key = keys.line_key(bounded_key(*named, row["creation date"], str(net.minor), net.currency))
    return account_key, account_key


def _occurred_at(row: Row) -> datetime:
    local = moment(row["creation date"], "creation date", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d")
    return local.replace(tzinfo=_zone(row["timezone"])).astimezone(UTC)


def _zone(name: str) -> tzinfo:
    hours = _ZONE_HOURS.get(name.upper())
    if hours is not None:
        return timezone(timedelta(hours=hours))
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        message = f"column 'timezone' holds {name!r}, which is no time zone we know. Tell us its meaning."
        raise RowUnreadable(message) from None


def _fee_check(row: Row, line: SettlementLine) -> list[FootingCheck]:
    """That the fee columns explain the difference between gross and net, on lines that have any of them."""
    if not any(row.get(column) for column in FEE_COLUMNS):
        return []
    declared = _fee_columns(row)
    return [FootingCheck(f"line {line.row_no}, fee columns", declared.minor, line.fee.minor, declared.currency)]


def _batch_checks(lines: list[SettlementLine]) -> list[FootingCheck]:
    """MerchantPayout's net debit equals the sum of all other rows' net in the batch."""
    paid: dict[tuple[str, str], int] = {}
    earned: dict[tuple[str, str], int] = {}
    for line in lines:
        side, sign = (paid, -1) if line.line_type is LineType.PAYOUT else (earned, 1)
        key = (line.batch_ref, line.net.currency)
        side[key] = side.get(key, 0) + sign * line.net.minor
    return [
        FootingCheck(f"payout of batch {batch}", declared, earned.get((batch, currency), 0), currency)
        for (batch, currency), declared in sorted(paid.items())
    ]
