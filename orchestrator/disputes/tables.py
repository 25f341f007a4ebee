"""Disputes, what was heard of them (only ever added to), and the calls that we made about them."""

from piccolo.columns import JSONB, BigInt, Boolean, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table


class Dispute(Table, tablename="dispute"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    gateway_account_id = Varchar(length=40, null=False, default=None)
    gateway = Varchar(length=20, null=False, default=None)
    gateway_dispute_id = Varchar(length=120, null=False, default=None)
    payment_id = Varchar(length=40, null=True, default=None)  # empty: unmatched, no payment of ours is known
    attempt_id = Varchar(length=40, null=True, default=None)
    operation_id = Varchar(length=40, null=True, default=None)
    kind = Varchar(length=12, null=False, default=None)  # inquiry, chargeback
    status = Varchar(length=20, null=False, default=None)
    amount_minor = BigInt(null=False, default=None)
    currency = Varchar(length=3, null=False, default=None)  # the dispute's own, which may not be the payment's
    reason = Varchar(length=40, null=False, default=None)
    gateway_reason = Varchar(length=120, null=False, default="")
    gateway_payment_id = Varchar(length=120, null=False, default="")
    gateway_operation_id = Varchar(length=120, null=False, default="")
    evidence_due_at = Timestamptz(null=True, default=None)
    withdrawn_minor = BigInt(null=False, default=None)
    written_off_minor = BigInt(null=False, default=None)
    withdrawals = Integer(null=False, default=None)
    postings = Integer(null=False, default=None)
    fee_minor = BigInt(null=True, default=None)  # as the settlement report has it
    fee_currency = Varchar(length=3, null=True, default=None)
    reminded_for = Timestamptz(null=True, default=None)  # the due date of which was reminded last
    reminded_days = Integer(null=True, default=None)
    version = Integer(null=False, default=None)
    created_at = Timestamptz(null=False, default=None)
    updated_at = Timestamptz(null=False, default=None)
    closed_at = Timestamptz(null=True, default=None)


class DisputeHistory(Table, tablename="dispute_history"):
    id = Varchar(length=40, primary_key=True, default=None)
    dispute_id = ForeignKey(Dispute, on_delete=OnDelete.restrict, null=False)
    source = Varchar(length=10, null=False, default=None)  # notice, reading, ours
    event_key = Varchar(length=200, null=False, default=None)
    event_type = Varchar(length=80, null=False, default=None)
    kind = Varchar(length=40, null=False, default=None)
    status = Varchar(length=20, null=False, default=None)
    amount_minor = BigInt(null=False, default=None)
    currency = Varchar(length=3, null=False, default=None)
    funds_withdrawn = Boolean(null=False, default=None)
    evidence_due_at = Timestamptz(null=True, default=None)
    occurred_at = Timestamptz(null=False, default=None)
    heard_at = Timestamptz(null=False, default=None)


class DisputeAction(Table, tablename="dispute_action"):
    id = Varchar(length=40, primary_key=True, default=None)  # also the idempotency key at the gateway
    dispute_id = ForeignKey(Dispute, on_delete=OnDelete.restrict, null=False)
    kind = Varchar(length=12, null=False, default=None)  # accept, evidence
    state = Varchar(length=12, null=False, default=None)  # sent, unknown, settled, needs_review
    outcome = Varchar(length=20, null=True, default=None)
    content = JSONB(null=False, default=None)  # the texts, and of each file its name, kind, size and digest
    decline = JSONB(null=True, default=None)
    detail = Text(null=False, default="")
    exchange = JSONB(null=True, default=None)  # redacted
    sent_at = Timestamptz(null=False, default=None)
    expires_at = Timestamptz(null=False, default=None)  # no reply by then: nobody is waiting any more
    settled_at = Timestamptz(null=True, default=None)
