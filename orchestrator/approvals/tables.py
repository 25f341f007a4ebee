"""Requests for a second pair of eyes, and what each merchant wants one for."""

from piccolo.columns import JSONB, Text, Timestamptz, Varchar
from piccolo.table import Table


class ApprovalRequest(Table, tablename="approval_request"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    kind = Varchar(length=20, null=False, default=None)
    subject = Varchar(length=40, null=False, default=None)  # the payment, the merchant
    payload = JSONB(null=False, default=None)  # what is to be done; never changed
    state = Varchar(length=12, null=False, default=None)
    requested_by = Varchar(length=60, null=False, default=None)  # key:…, user:…
    requested_at = Timestamptz(null=False, default=None)
    expires_at = Timestamptz(null=False, default=None)
    decided_by = Varchar(length=60, null=True, default=None)
    decided_at = Timestamptz(null=True, default=None)
    note = Text(null=False, default="")  # of whoever decided
    due_at = Timestamptz(null=True, default=None)  # approved: it has its effect then
    finished_at = Timestamptz(null=True, default=None)
    result_id = Varchar(length=40, null=True, default=None)  # what it made
    failure = Text(null=True, default=None)


class MerchantPolicy(Table, tablename="merchant_policy"):
    merchant_id = Varchar(length=40, primary_key=True, default=None)
    refund_limits = JSONB(null=False, default=None)  # minor units by currency: a payment's refunds above it
    updated_by = Varchar(length=60, null=False, default=None)
    updated_at = Timestamptz(null=False, default=None)
