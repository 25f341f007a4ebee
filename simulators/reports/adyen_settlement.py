"""Adyen's `settlement_detail_report_batch_N.csv`: major units, unsigned, in pairs of debit and credit columns.

docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report. A batch closes per
currency with a MerchantPayout row, or with a Balancetransfer row when there is nothing to pay out.
"""

from __future__ import annotations

import csv
import io
from datetime import datetime

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
            writer.writerow(_payment_row(batch, line))
        writer.writerow(_closing_row(batch, total))
    return out.getvalue().encode()


def _payment_row(batch: Batch, line: SettlementLine) -> dict[str, str]:
    is_refund = line.kind is LineKind.REFUND
    amount = in_major_units(line.amount_minor, line.decimals)
    interchange_minor, scheme_minor = line.fee_minor // 2, line.fee_minor // 10
    markup_minor = line.fee_minor - interchange_minor - scheme_minor
    return {
        **_dated(batch, line.occurred_at),
        **_net(line.currency, line.net_minor, line.decimals),
        "Psp Reference": line.payment_id,
        "Merchant Reference": line.reference,
        "Payment Method": line.brand,
        "Payment Method Variant": line.brand,
        "Type": "Refunded" if is_refund else "Settled",
        "Modification Reference": line.movement_id,
        "Modification Merchant Reference": line.operation_reference,
        "Gross Currency": line.currency,
        "Gross Debit (GC)": amount if is_refund else "",
        "Gross Credit (GC)": "" if is_refund else amount,
        "Exchange Rate": "1",
        "Markup (NC)": in_major_units(markup_minor, line.decimals),
        "Scheme Fees (NC)": in_major_units(scheme_minor, line.decimals),
        "Interchange (NC)": in_major_units(interchange_minor, line.decimals),
        "Merchant Order Reference": line.payment_reference,
    }


def _closing_row(batch: Batch, total: CurrencyTotal) -> dict[str, str]:
    if total.payout_minor:
        text = f"{total.bank_reference} batch {batch.number}, {batch.account}"
        return _account_row(batch, total, "MerchantPayout", text, -total.payout_minor)
    return _account_row(batch, total, "Balancetransfer", "carried to the next batch", -total.closing_minor)


def _account_row(batch: Batch, total: CurrencyTotal, kind: str, text: str, net_minor: int) -> dict[str, str]:
    return {
        **_dated(batch, batch.closed_at),
        **_net(total.currency, net_minor, total.decimals),
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
