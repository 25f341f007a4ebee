"""Stripe's payout reconciliation report (`payout_reconciliation.itemized.*`, also `by_id.itemized.*`).

Columns: docs.stripe.com/reports/report-types/payout-reconciliation. Amounts are signed decimals of major units.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

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
    first_with_prefix,
    moment,
    named_rows,
    present,
    signed_decimal,
)

REQUIRED = ("balance_transaction_id", "currency", "gross", "fee", "net", "reporting_category")
SOURCE = "stripe_report"
DATE_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d")

# docs.stripe.com/reports/reporting-categories. The field is an open string: what is not here is an adjustment.
_TYPES = {
    "charge": LineType.PAYMENT,
    "payment": LineType.PAYMENT,
    "partial_capture_reversal": LineType.CAPTURE_REVERSAL,
    "refund": LineType.REFUND,
    "refund_failure": LineType.REFUND_REVERSAL,
    "dispute": LineType.CHARGEBACK,
    "dispute_reversal": LineType.CHARGEBACK_REVERSAL,
    "fee": LineType.FEE,
    "stripe_fee": LineType.FEE,
    "network_cost": LineType.FEE,
    "tax": LineType.FEE,
    "risk_reserved_funds": LineType.RESERVE_HOLD,
    "connect_reserved_funds": LineType.RESERVE_HOLD,
    "payout": LineType.PAYOUT,
    "payout_reversal": LineType.PAYOUT_REVERSAL,
    "transfer": LineType.TRANSFER,
    "transfer_reversal": LineType.TRANSFER,
    "topup": LineType.TRANSFER,
    "topup_reversal": LineType.TRANSFER,
}


@dataclass(slots=True)
class _Payout:
    """What the rows of one automatic payout add up to."""

    net: Money
    occurred_at: datetime
    row_no: int
    complete: bool = True


@dataclass(slots=True)
class _Reading:
    lines: list[SettlementLine] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    footing: list[FootingCheck] = field(default_factory=list)
    incomplete_payouts: dict[str, int] = field(default_factory=dict)


def parse(text: str) -> ParsedFile:
    """Lines, and one payout line for each `automatic_payout_id`: Stripe's file has none. Raises FileUnreadable."""
    keys, reading = RowKeys(), _Reading()
    for row_no, row in named_rows(text, REQUIRED, "Stripe payout reconciliation report"):
        try:
            line = _line(row_no, row, keys)
        except RowUnreadable as error:
            reading.errors.append(RowError(row_no, str(error)))
            reading.incomplete_payouts.setdefault(row.get("automatic_payout_id", ""), row_no)
            continue
        reading.lines.append(line)
        if line.net != line.gross - line.fee:
            computed = line.gross - line.fee
            reading.footing.append(
                FootingCheck(f"line {row_no}, gross less fee", line.net.minor, computed.minor, line.net.currency)
            )
    reading.lines.extend(_payout_lines(reading, keys))
    return ParsedFile(ReportFormat.STRIPE, tuple(reading.lines), tuple(reading.errors), tuple(reading.footing))


def _line(row_no: int, row: Row, keys: RowKeys) -> SettlementLine:
    transaction_id, currency = row["balance_transaction_id"], row["currency"]
    if not transaction_id:
        raise RowUnreadable("column 'balance_transaction_id' is empty. Download the report again.")
    category = row["reporting_category"].lower()
    line_type = _TYPES.get(category, LineType.ADJUSTMENT)
    gross, fee, net = (signed_decimal(row[name], currency, SOURCE, name) for name in ("gross", "fee", "net"))
    raw = present(row)
    charge_id, source_id = row.get("charge_id", ""), row.get("source_id", "")
    is_charge = line_type in (LineType.PAYMENT, LineType.CAPTURE_REVERSAL)
    payout_id = row.get("automatic_payout_id", "")
    return SettlementLine(
        row_no=row_no,
        line_key=keys.line_key(transaction_id),
        natural_key=transaction_id,
        row_hash=keys.row_hash(raw),
        line_type=line_type,
        gateway_type=category,
        gross=gross,
        fee=fee,
        net=net,
        occurred_at=_occurred_at(row),
        customer_facing=_customer_facing(row),
        attempt_reference=first_with_prefix("att_", *_metadata(row, "payment_metadata")),
        operation_reference=first_with_prefix("op_", *_metadata(row, "refund_metadata")),
        gateway_payment_id=row.get("payment_intent_id", ""),
        gateway_operation_id=(charge_id or source_id) if is_charge else source_id,
        gateway_parent_id="" if is_charge else charge_id,
        batch_ref=payout_id,
        payout_ref=payout_id,
        raw=raw,
    )


def _metadata(row: Row, group: str) -> Iterable[str]:
    return (value for name, value in row.items() if name.startswith(f"{group}["))


def _occurred_at(row: Row) -> datetime:
    """`created_utc` where the report has it; `created` is in the report's zone, UTC unless another was asked for."""
    column = "created_utc" if row.get("created_utc") else "created"
    return moment(row.get(column, ""), column, *DATE_FORMATS)


def _customer_facing(row: Row) -> Money | None:
    amount, currency = row.get("customer_facing_amount", ""), row.get("customer_facing_currency", "")
    return signed_decimal(amount, currency, SOURCE, "customer_facing_amount") if amount and currency else None


def _payout_lines(reading: _Reading, keys: RowKeys) -> list[SettlementLine]:
    """Payouts as the rows add up to them, unless the report has the payout itself or a row of it was unreadable."""
    payouts: dict[tuple[str, str], _Payout] = {}
    told = {line.gateway_operation_id for line in reading.lines if line.line_type is LineType.PAYOUT}
    for line in reading.lines:
        if not line.batch_ref or line.is_repeat or line.batch_ref in told:
            continue
        payout = payouts.setdefault(
            (line.batch_ref, line.net.currency), _Payout(Money(0, line.net.currency), line.occurred_at, line.row_no)
        )
        payout.net += line.net
        payout.occurred_at = max(payout.occurred_at, _paid_at(line))
    for payout_id in {payout_id for payout_id, _ in payouts} & reading.incomplete_payouts.keys():
        row_no = reading.incomplete_payouts[payout_id]
        message = f"the payout {payout_id} is not booked, because this row of it cannot be read. Correct it first."
        reading.errors.append(RowError(row_no, message))
    return [
        _payout_line(payout_id, payout, keys)
        for (payout_id, _), payout in sorted(payouts.items())
        if payout_id not in reading.incomplete_payouts
    ]


def _paid_at(line: SettlementLine) -> datetime:
    text = line.raw.get("automatic_payout_effective_at_utc") or line.raw.get("automatic_payout_effective_at") or ""
    try:
        return moment(text, "automatic_payout_effective_at", *DATE_FORMATS)
    except RowUnreadable:
        return line.occurred_at


def _payout_line(payout_id: str, payout: _Payout, keys: RowKeys) -> SettlementLine:
    key = f"payout|{payout_id}|{payout.net.currency}"
    raw = {"automatic_payout_id": payout_id, "made_from": "the sum of the payout's rows"}
    return SettlementLine(
        row_no=payout.row_no,
        line_key=keys.line_key(key),
        natural_key=key,
        row_hash=keys.row_hash(raw),
        line_type=LineType.PAYOUT,
        gateway_type="payout",
        gross=-payout.net,
        fee=Money(0, payout.net.currency),
        net=-payout.net,
        occurred_at=payout.occurred_at,
        gateway_operation_id=payout_id,
        batch_ref=payout_id,
        payout_ref=payout_id,
        raw=raw,
    )
