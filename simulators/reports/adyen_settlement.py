"""Adyen's `settlement_detail_report_batch_N.csv`: major units, unsigned, in pairs of debit and credit columns.

docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report. A batch closes per
currency with a MerchantPayout row, or with a Balancetransfer row when there is nothing to pay out.
"""

from __future__ import annotations

import csv
import io
from datetime import datetime

from simulators.fees import Fee
from simulators.reports.lines import Batch, CurrencyTotal, LineKind, SettlementLine, in_major_units

COMPANY = "ClearwaySim"

# fmt: off
COLUMNS: tuple[str, ...] = (
    "Company Account", "Merchant Account", "Psp Reference", "Merchant Reference", "Payment Method", "Creation Date",
    "TimeZone", "Type", "Modification Reference", "Gross Currency", "Gross Debit (GC)", "Gross Credit (GC)",
    "Exchange Rate", "Net Currency", "Net Debit (NC)", "Net Credit (NC)", "Commission (NC)", "Markup (NC)",
    "Scheme Fees (NC)", "Interchange (NC)", "Payment Method Variant", "Modification Merchant Reference",
    "Batch Number",
    *(f"Reserved{n}" for n in range(4, 11)),
    "Booking Date", "Booking Date TimeZone", "Metadata", "Balance Currency", "Net Debit (BC)", "Net Credit (BC)",
    "Payment Fees (NC)", "DCC Markup (NC)", "Funds Destination", "Balance Platform Debit", "Balance Platform Credit",
    "Shopper Country", "Clearing Network", "Merchant Order Reference", "Dispute Reference", "ARN", "Settlement Flow",
    "Authorisation Code", "Gross Fees (NC)",
)
# fmt: on
_STAMP = "%Y-%m-%d %H:%M:%S"
_TYPES = {
    LineKind.PAYMENT: "Settled",
    LineKind.CAPTURE_FAILURE: "SettledReversed",  # named as the webhook SETTLED_REVERSED: no page lists it as a type
    LineKind.REFUND: "Refunded",
    LineKind.REFUND_FAILURE: "RefundedReversed",
    LineKind.CHARGEBACK: "Chargeback",
    LineKind.CHARGEBACK_REVERSAL: "ChargebackReversed",
    LineKind.SECOND_CHARGEBACK: "SecondChargeback",
    LineKind.FEE: "Fee",
}
_METHODS = {"sepa_debit": "sepadirectdebit"}


def file_name(batch: Batch) -> str:
    return f"settlement_detail_report_batch_{batch.number}.csv"


def write(batch: Batch) -> bytes:
    """The file's bytes: UTF-8, comma separated, a header row."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for total in batch.totals:
        if total.opening_minor:
            writer.writerow(_account_row(batch, total, "Balancetransfer", "carried over", total.opening_minor))
        for line in batch.of_currency(total.currency):
            writer.writerow(_line_row(batch, line))
        writer.writerow(_closing_row(batch, total))
    return out.getvalue().encode()


def _line_row(batch: Batch, line: SettlementLine) -> dict[str, str]:
    if line.kind is LineKind.FEE:
        return _net_row(batch, line.currency, line.decimals, _TYPES[line.kind], line.description, line.net_minor)
    method = _METHODS.get(line.method, line.method) if line.method != "card" else line.brand
    return {
        **_dated(batch, line.occurred_at),
        **_net(line.currency, line.net_minor, line.decimals),
        **_gross(line),
        **_fees(line),
        "Psp Reference": line.payment_id,
        "Merchant Reference": line.reference,
        "Payment Method": method,
        "Payment Method Variant": method,
        "Type": _TYPES[line.kind],
        "Modification Reference": line.movement_id,
        "Modification Merchant Reference": line.operation_reference,
        "Merchant Order Reference": line.payment_reference,
        "Dispute Reference": line.movement_id if line.kind.is_dispute else "",
    }


def _gross(line: SettlementLine) -> dict[str, str]:
    """In the currency of the payment; times the exchange rate it is the net before fees."""
    currency, amount, rate = line.currency, in_major_units(line.amount_minor, line.decimals), "1"
    if conversion := line.conversion:
        amount = in_major_units(conversion.presented_minor, conversion.source_decimals)
        currency, rate = conversion.source, f"{conversion.rate:f}"
    side = "Gross Credit (GC)" if line.kind.sign > 0 else "Gross Debit (GC)"
    return {"Gross Currency": currency, side: amount, "Exchange Rate": rate}


def _fees(line: SettlementLine) -> dict[str, str]:
    """In the net currency, by who gets them; a blended price and a dispute's fee are Adyen's commission."""
    fee = line.fee or Fee(commission_minor=line.fee_minor)
    parts = {
        "Commission (NC)": fee.commission_minor,
        "Markup (NC)": fee.markup_minor,
        "Scheme Fees (NC)": fee.scheme_minor,
        "Interchange (NC)": fee.interchange_minor,
    }
    return {name: in_major_units(minor, line.decimals) for name, minor in parts.items() if minor}


def _closing_row(batch: Batch, total: CurrencyTotal) -> dict[str, str]:
    if total.payout_minor:
        text = f"{total.bank_reference} batch {batch.number}, {batch.account}"
        return _account_row(batch, total, "MerchantPayout", text, -total.payout_minor)
    return _account_row(batch, total, "Balancetransfer", "carried to the next batch", -total.closing_minor)


def _account_row(batch: Batch, total: CurrencyTotal, kind: str, text: str, net_minor: int) -> dict[str, str]:
    return _net_row(batch, total.currency, total.decimals, kind, text, net_minor)


def _net_row(batch: Batch, currency: str, decimals: int, kind: str, text: str, net_minor: int) -> dict[str, str]:
    """Of the account or the batch: no payment and no gross."""
    return {
        **_dated(batch, batch.closed_at),
        **_net(currency, net_minor, decimals),
        "Type": kind,
        "Modification Reference": text,
    }


def _dated(batch: Batch, at: datetime) -> dict[str, str]:
    return {
        "Company Account": COMPANY,
        "Merchant Account": batch.account,
        "Creation Date": at.strftime(_STAMP),
        "TimeZone": "UTC",
        "Booking Date": batch.closed_at.strftime(_STAMP),
        "Booking Date TimeZone": "UTC",
        "Batch Number": str(batch.number),
    }


def _net(currency: str, net_minor: int, decimals: int) -> dict[str, str]:
    amount = in_major_units(abs(net_minor), decimals)
    debit, credit = (amount, "") if net_minor < 0 else ("", amount)
    return {
        "Net Currency": currency,
        "Net Debit (NC)": debit,
        "Net Credit (NC)": credit,
        "Balance Currency": currency,
        "Net Debit (BC)": debit,
        "Net Credit (BC)": credit,
    }
