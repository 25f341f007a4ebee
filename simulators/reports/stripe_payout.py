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
    is_refund = line.kind is LineKind.REFUND
    gross_minor = -line.amount_minor if is_refund else line.amount_minor
    gross = in_major_units(gross_minor, line.decimals)
    created = line.occurred_at.strftime(_STAMP)
    available = (line.occurred_at + timedelta(days=2)).strftime("%Y-%m-%d 00:00:00")
    effective = batch.closed_at.strftime("%Y-%m-%d 00:00:00")
    return {
        "automatic_payout_id": total.payout_id,
        "automatic_payout_effective_at": effective,
        "automatic_payout_effective_at_utc": effective,
        "balance_transaction_id": "txn_" + line.movement_id.partition("_")[2],
        "created_utc": created,
        "created": created,
        "available_on_utc": available,
        "available_on": available,
        "currency": line.currency.lower(),
        "gross": gross,
        "fee": in_major_units(line.fee_minor, line.decimals),
        "net": in_major_units(line.net_minor, line.decimals),
        "reporting_category": "refund" if is_refund else "charge",
        "source_id": line.movement_id,
        "customer_facing_amount": gross,
        "customer_facing_currency": line.currency.lower(),
        "charge_id": line.parent_id if is_refund else line.movement_id,
        "payment_intent_id": line.payment_id,
        "payment_method_type": "card",
        "card_brand": line.brand,
        "payment_metadata[clearway_attempt]": line.reference,
        "payment_metadata[clearway_payment]": line.payment_reference,
        "refund_metadata[clearway_operation]": line.operation_reference if is_refund else "",
    }
