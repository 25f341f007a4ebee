"""Stripe's `payout_reconciliation.itemized.5` report: one row per balance transaction, amounts in major units.

Columns and their order: docs.stripe.com/reports/report-types/payout-reconciliation. The payout itself has no row: what
belongs to one payout carries its id, and the net column of those rows sums to the payout.
"""

from __future__ import annotations

import csv
import io
from datetime import timedelta

from simulators.reports.lines import Batch, CurrencyTotal, LineKind, SettlementLine, in_major_units

_ADDRESS_PARTS = ("line1", "line2", "city", "state", "postal_code", "country")


def _address(kind: str) -> list[str]:
    return [f"{kind}_address_{part}" for part in _ADDRESS_PARTS]


COLUMNS: tuple[str, ...] = (
    "automatic_payout_id",
    "automatic_payout_effective_at",
    "balance_transaction_id",
    "created_utc",
    "created",
    "available_on_utc",
    "available_on",
    "currency",
    "gross",
    "fee",
    "net",
    "reporting_category",
    "source_id",
    "description",
    "customer_facing_amount",
    "customer_facing_currency",
    "regulatory_tag",
    "automatic_payout_effective_at_utc",
    "customer_id",
    "customer_email",
    "customer_name",
    "customer_description",
    *_address("customer_shipping"),
    *_address("customer"),
    *_address("shipping"),
    *_address("card"),
    "charge_id",
    "payment_intent_id",
    "charge_created_utc",
    "charge_created",
    "invoice_id",
    "invoice_number",
    "subscription_id",
    "order_id",
    "payment_method_type",
    "is_link",
    "card_brand",
    "card_funding",
    "card_country",
    "statement_descriptor",
    "dispute_reason",
    "connected_account_id",
    "connected_account_name",
    "connected_account_country",
    "connected_account_direct_charge_id",
    "destination_payment_id",
    "payment_metadata[clearway_attempt]",
    "payment_metadata[clearway_payment]",
    "refund_metadata[clearway_operation]",
)
_STAMP = "%Y-%m-%d %H:%M:%S"
_CATEGORIES = {
    LineKind.PAYMENT: "charge",
    LineKind.CAPTURE_FAILURE: "charge_failure",
    LineKind.REFUND: "refund",
    LineKind.REFUND_FAILURE: "refund_failure",
    LineKind.CHARGEBACK: "dispute",
    LineKind.SECOND_CHARGEBACK: "dispute",
    LineKind.CHARGEBACK_REVERSAL: "dispute_reversal",
    LineKind.FEE: "fee",
}  # docs.stripe.com/reports/reporting-categories


def file_name(batch: Batch) -> str:
    return f"payout_reconciliation_itemized_5_{batch.account}_{batch.number}.csv"


def write(batch: Batch) -> bytes:
    """The file's bytes: UTF-8, comma separated, a header row."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for total in batch.totals:
        for line in batch.of_currency(total.currency):
            writer.writerow(_row(line, total, batch))
    return out.getvalue().encode()


def _row(line: SettlementLine, total: CurrencyTotal, batch: Batch) -> dict[str, str]:
    created = line.occurred_at.strftime(_STAMP)
    available = (line.occurred_at + timedelta(days=2)).strftime("%Y-%m-%d 00:00:00")
    effective = batch.closed_at.strftime("%Y-%m-%d 00:00:00")
    row = {
        "automatic_payout_id": total.payout_id if total.payout_minor else "",
        "automatic_payout_effective_at": effective,
        "automatic_payout_effective_at_utc": effective,
        "balance_transaction_id": _transaction_id(line),
        "created_utc": created,
        "created": created,
        "available_on_utc": available,
        "available_on": available,
        "currency": line.currency.lower(),
        "gross": in_major_units(line.gross_minor, line.decimals),
        "fee": in_major_units(line.fee_minor, line.decimals),
        "net": in_major_units(line.net_minor, line.decimals),
        "reporting_category": _CATEGORIES[line.kind],
        "description": line.description,
    }
    return row if line.kind is LineKind.FEE else row | _of_the_charge(line)


def _transaction_id(line: SettlementLine) -> str:
    """A charge, a refund or a dispute can be the source of several balance transactions."""
    suffix = {LineKind.REFUND_FAILURE: "f", LineKind.CHARGEBACK_REVERSAL: "r"}.get(line.kind, "")
    if line.kind is LineKind.PAYMENT and line.number > 1:
        suffix = f"{line.number:02d}"
    return f"txn_{line.movement_id.partition('_')[2]}{suffix}"


def _of_the_charge(line: SettlementLine) -> dict[str, str]:
    """`customer_facing`: as the shopper paid or got it, before any conversion."""
    charge_id = line.movement_id if line.kind is LineKind.PAYMENT else line.parent_id
    facing, currency = in_major_units(line.gross_minor, line.decimals), line.currency
    if line.conversion:
        presented_minor = line.kind.sign * line.conversion.presented_minor
        facing = in_major_units(presented_minor, line.conversion.source_decimals)
        currency = line.conversion.source
    descriptions = {
        LineKind.REFUND: "REFUND FOR CHARGE",
        LineKind.REFUND_FAILURE: "REFUND FAILURE",
        LineKind.CHARGEBACK: f"Chargeback withdrawal for {charge_id}",
        LineKind.CHARGEBACK_REVERSAL: f"Chargeback reversal for {charge_id}",
    }
    is_refund = line.kind in (LineKind.REFUND, LineKind.REFUND_FAILURE)
    return {
        "source_id": line.movement_id,
        "description": descriptions.get(line.kind, ""),
        "customer_facing_amount": facing,
        "customer_facing_currency": currency.lower(),
        "charge_id": charge_id,
        "payment_intent_id": line.payment_id,
        "payment_method_type": line.method,
        "card_brand": line.brand if line.method == "card" else "",
        "dispute_reason": line.dispute_reason,
        "payment_metadata[clearway_attempt]": line.reference,
        "payment_metadata[clearway_payment]": line.payment_reference,
        "refund_metadata[clearway_operation]": line.operation_reference if is_refund else "",
    }
