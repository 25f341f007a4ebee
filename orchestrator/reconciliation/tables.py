"""Settlement files as received, their lines, what each was matched with, and the breaks."""

from piccolo.columns import JSONB, BigInt, Bytea, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table


class SettlementFile(Table, tablename="settlement_file"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    gateway_account_id = Varchar(length=40, null=False, default=None)
    name = Varchar(length=255, null=False, default=None)
    sha256 = Varchar(length=64, null=False, default=None)
    state = Varchar(length=30, null=False, default=None)
    report_format = Varchar(length=40, null=True, default=None)
    error = Text(null=True, default=None)
    lines = Integer(null=False, default=0)
    imported_at = Timestamptz(null=False, default=None)
    content = Bytea(null=False, default=None)


class SettlementLineRow(Table, tablename="settlement_line"):
    id = Varchar(length=40, primary_key=True, default=None)
    file_id = ForeignKey(SettlementFile, on_delete=OnDelete.restrict, null=False)
    merchant_id = Varchar(length=40, null=False, default=None)
    gateway_account_id = Varchar(length=40, null=False, default=None)
    row_no = Integer(null=False, default=None)
    line_key = Varchar(length=255, null=False, default=None)
    natural_key = Varchar(length=255, null=False, default=None)
    row_hash = Varchar(length=64, null=False, default=None)
    line_type = Varchar(length=30, null=False, default=None)
    gateway_type = Varchar(length=80, null=False, default=None)
    gross_minor = BigInt(null=False, default=None)
    gross_currency = Varchar(length=3, null=False, default=None)
    fee_minor = BigInt(null=False, default=None)
    fee_currency = Varchar(length=3, null=False, default=None)
    net_minor = BigInt(null=False, default=None)
    net_currency = Varchar(length=3, null=False, default=None)
    customer_minor = BigInt(null=True, default=None)
    customer_currency = Varchar(length=3, null=True, default=None)
    attempt_reference = Varchar(length=120, null=False, default="")
    operation_reference = Varchar(length=120, null=False, default="")
    gateway_payment_id = Varchar(length=120, null=False, default="")
    gateway_operation_id = Varchar(length=120, null=False, default="")
    gateway_parent_id = Varchar(length=120, null=False, default="")
    batch_ref = Varchar(length=255, null=False, default="")
    payout_ref = Text(null=False, default="")
    occurred_at = Timestamptz(null=False, default=None)
    raw_row = JSONB(null=False, default=None)
    suspense_turns = Integer(null=False, default=0)  # odd: its gross is in the suspense account
    conversion_turns = Integer(null=False, default=0)  # odd: its conversion is posted


class SettlementMatch(Table, tablename="settlement_match"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    gateway_account_id = Varchar(length=40, null=False, default=None)
    line_id = ForeignKey(SettlementLineRow, on_delete=OnDelete.restrict, null=False, unique=True)
    movement_id = Varchar(length=160, null=True, default=None)
    basis = Varchar(length=30, null=False, default=None)
    status = Varchar(length=20, null=False, default=None)
    matched_at = Timestamptz(null=False, default=None)


class SettlementBreak(Table, tablename="settlement_break"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    gateway_account_id = Varchar(length=40, null=False, default=None)
    natural_key = Varchar(length=320, null=False, default=None, unique=True)
    kind = Varchar(length=30, null=False, default=None)
    reason = Text(null=False, default=None)
    line_id = ForeignKey(SettlementLineRow, on_delete=OnDelete.restrict, null=True, default=None)
    movement_id = Varchar(length=160, null=True, default=None)
    expected_minor = BigInt(null=True, default=None)
    actual_minor = BigInt(null=True, default=None)
    currency = Varchar(length=3, null=False, default=None)
    actual_currency = Varchar(length=3, null=False, default=None)  # differs from `currency` in a currency_mismatch only
    occurred_at = Timestamptz(null=False, default=None)
    state = Varchar(length=20, null=False, default=None)
    opened_at = Timestamptz(null=False, default=None)
    resolved_at = Timestamptz(null=True, default=None)
    resolution = Varchar(length=40, null=True, default=None)
