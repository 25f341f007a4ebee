"""Refunds: what was asked to be given back. What became of it is the outcome of the refund's operation."""

from piccolo.columns import Array, BigInt, Text, Timestamptz, Varchar
from piccolo.table import Table


class Refund(Table, tablename="refund"):
    id = Varchar(length=40, primary_key=True, default=None)
    payment_id = Varchar(length=40, null=False, default=None)
    operation_id = Varchar(length=40, null=False, default=None, unique=True)
    more_operation_ids = Array(base_column=Varchar(length=40), null=False, default=list)  # of its further captures
    amount_minor = BigInt(null=False, default=None)
    currency = Varchar(length=3, null=False, default=None)
    reason = Text(null=False, default="")
    created_at = Timestamptz(null=False, default=None)
