"""Payments, attempts and operations: what is owed, each try at a gateway account, each call to a gateway."""

from piccolo.columns import JSONB, BigInt, BigSerial, Boolean, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table


class Payment(Table, tablename="payment"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    amount_minor = BigInt(null=False, default=None)
    currency = Varchar(length=3, null=False, default=None)
    status = Varchar(length=30, null=False, default=None)
    capture_method = Varchar(length=10, null=False, default=None)  # automatic or manual
    amount_captured_minor = BigInt(null=False, default=None)  # recomputed from the operations, like the next one
    amount_refunded_minor = BigInt(null=False, default=None)
    country = Varchar(length=2, null=True, default=None)
    customer_id = Varchar(length=40, null=True, default=None)
    instrument = JSONB(null=True, default=None)  # what it is paid with, by its type; never a card number
    usage = JSONB(null=False, default="{}")  # who starts it, under which agreement, what is to be kept of it
    plan = JSONB(null=True, default=None)  # the route plan with its reasons
    round = Integer(null=False, default=None)  # grows when a shopper tries again with other details
    hosted = Boolean(null=False, default=None)  # the shopper is on our page and may try again
    cancel_requested = Boolean(null=False, default=None)
    failure_reason = Varchar(length=60, null=True, default=None)
    failure_message = Text(null=True, default=None)
    reference = Varchar(length=120, null=True, default=None)  # the merchant's own
    description = Varchar(length=300, null=False, default="")
    locale = Varchar(length=20, null=False, default=None)
    return_url = Text(null=True, default=None)
    metadata = JSONB(null=False, default=None)
    source = Varchar(length=80, null=True, default=None)  # what it pays (`inv_…/0`): one open payment for each
    credit_kind = Varchar(length=40, null=False, default=None)  # the ledger account that a capture credits
    on_unknown = Varchar(length=24, null=False, default="wait")  # wait, or cancel_then_failover
    reauthorise = Boolean(null=False, default=False)  # an authorisation that ran out is asked for again
    splits = JSONB(null=True, default=None)  # recipients' parts, fixed in minor units
    risk_score = Integer(null=True, default=None)  # 0 to 100, of whoever scores for the merchant
    authentication = JSONB(null=True, default=None)  # what was asked of 3-D Secure, and what was decided and why
    public_token = Varchar(length=64, null=False, default=None, unique=True)  # in the address of the hosted page
    created_at = Timestamptz(null=False, default=None)
    updated_at = Timestamptz(null=False, default=None)


class Attempt(Table, tablename="attempt"):
    id = Varchar(length=40, primary_key=True, default=None)
    payment_id = ForeignKey(Payment, on_delete=OnDelete.restrict, null=False)
    position = Integer(null=False, default=None)
    round = Integer(null=False, default=None)
    gateway_account_id = Varchar(length=40, null=False, default=None)
    gateway = Varchar(length=20, null=False, default=None)
    status = Varchar(length=20, null=False, default=None)
    why = Text(null=False, default="")  # why this account now
    gateway_payment_id = Varchar(length=120, null=False, default="")
    gateway_authorisation_id = Varchar(length=120, null=False, default="")
    decline = JSONB(null=True, default=None)
    next_action = JSONB(null=True, default=None)
    capture_mode = Varchar(length=10, null=False, default="manual")  # automatic: its approval takes the money at once
    capture_before = Timestamptz(null=True, default=None)  # the end of the authorisation
    expiry_told_at = Timestamptz(null=True, default=None)  # when the merchant was warned of it
    fingerprint = Varchar(length=64, null=False, default="")  # the credential's: to count its tries at all gateways
    authentication = JSONB(null=True, default=None)  # what was asked of the gateway, and what 3-D Secure came to
    created_at = Timestamptz(null=False, default=None)
    updated_at = Timestamptz(null=False, default=None)


class Operation(Table, tablename="operation"):
    id = Varchar(length=40, primary_key=True, default=None)  # also the idempotency key at the gateway
    payment_id = ForeignKey(Payment, on_delete=OnDelete.restrict, null=False)
    attempt_id = ForeignKey(Attempt, on_delete=OnDelete.restrict, null=False)
    kind = Varchar(length=12, null=False, default=None)
    state = Varchar(length=12, null=False, default=None)  # sent, unknown, pending, settled, needs_review
    outcome = Varchar(length=20, null=True, default=None)
    amount_minor = BigInt(null=False, default=None)
    currency = Varchar(length=3, null=False, default=None)
    target_operation_id = Varchar(length=40, null=True, default=None)  # REFUND: the capture it gives back
    action_result = JSONB(null=True, default=None)  # COMPLETE: what the shopper brought back
    splits = JSONB(null=True, default=None)  # recipients' parts of what this moves, fixed before it is sent
    gateway_operation_id = Varchar(length=120, null=False, default="")
    decline = JSONB(null=True, default=None)
    detail = Text(null=False, default="")
    exchange = JSONB(null=True, default=None)  # redacted
    settled_by = Varchar(length=20, null=True, default=None)  # reply, look_up, resend, webhook, person
    tries = Integer(null=False, default=None)  # of settling an unknown
    sent_at = Timestamptz(null=False, default=None)
    expires_at = Timestamptz(null=False, default=None)  # no reply by then: nobody is waiting any more
    settled_at = Timestamptz(null=True, default=None)
    captures = Boolean(null=False, default=False)  # its approval moves money: a capture, or a confirm that captures
    final = Boolean(null=False, default=True)  # CAPTURE: no other follows
    cause = Varchar(length=20, null=False, default="")  # why it was sent where nobody asked for it
    evidence = JSONB(null=True, default=None)  # what was asked about it while it was unknown, and what was answered
    review = JSONB(null=True, default=None)  # what a person decided: verdict, note, actor, at


class CardStart(Table, tablename="card_start"):
    """When a card was tried last, at whatever gateway: who begins to try it sees that somebody else just did.

    `fingerprint` is that of the attempt. `starts` and `first_at` are of a run of tries, each soon after the one before.
    """

    id = BigSerial(primary_key=True)
    merchant_id = Varchar(length=40, null=False, default=None)
    fingerprint = Varchar(length=64, null=False, default=None)
    starts = Integer(null=False, default=1)
    first_at = Timestamptz(null=False, default=None)
    last_at = Timestamptz(null=False, default=None)
