"""Recipients, their accounts at the gateways, and the transfers by which their parts are sent and taken back."""

from piccolo.columns import JSONB, BigInt, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table


class Recipient(Table, tablename="recipient"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    name = Varchar(length=200, null=False, default=None)
    reference = Varchar(length=120, null=True, default=None)  # the merchant's own
    metadata = JSONB(null=False, default=None)
    created_at = Timestamptz(null=False, default=None)
    updated_at = Timestamptz(null=False, default=None)


class RecipientAccount(Table, tablename="recipient_account"):
    id = Varchar(length=40, primary_key=True, default=None)
    recipient_id = ForeignKey(Recipient, on_delete=OnDelete.restrict, null=False)
    gateway_account_id = Varchar(length=40, null=False, default=None)  # of the merchant
    gateway_recipient_id = Varchar(length=120, null=False, default=None)  # the recipient's name there
    state = Varchar(length=12, null=False, default=None)  # ready, incomplete, unverified
    missing = Text(null=False, default="")  # in the gateway's words, what keeps it from being paid
    checked_at = Timestamptz(null=True, default=None)


class SplitTransfer(Table, tablename="split_transfer"):
    """A part sent to a recipient after the capture (`transfer`), or taken back (`reversal` of `reverses_id`)."""

    id = Varchar(length=40, primary_key=True, default=None)  # also the idempotency key at the gateway
    merchant_id = Varchar(length=40, null=False, default=None)
    payment_id = Varchar(length=40, null=False, default=None)
    operation_id = Varchar(length=40, null=False, default=None)  # the capture or refund that brings it about
    kind = Varchar(length=10, null=False, default=None)
    reverses_id = Varchar(length=40, null=True, default=None)
    recipient_id = ForeignKey(Recipient, on_delete=OnDelete.restrict, null=False)
    gateway_account_id = Varchar(length=40, null=False, default=None)
    gateway_recipient_id = Varchar(length=120, null=False, default=None)
    gateway_operation_id = Varchar(length=120, null=False, default="")  # the charge whose money it is
    amount_minor = BigInt(null=False, default=None)
    currency = Varchar(length=3, null=False, default=None)
    state = Varchar(length=12, null=False, default=None)  # planned, sent, unknown, settled, needs_review
    outcome = Varchar(length=20, null=True, default=None)
    gateway_transfer_id = Varchar(length=120, null=False, default="")
    decline = JSONB(null=True, default=None)
    detail = Text(null=False, default="")
    exchange = JSONB(null=True, default=None)  # redacted
    tries = Integer(null=False, default=0)
    created_at = Timestamptz(null=False, default=None)
    sent_at = Timestamptz(null=True, default=None)  # first
    expires_at = Timestamptz(null=True, default=None)  # nobody waits for a reply any more
    settled_at = Timestamptz(null=True, default=None)
