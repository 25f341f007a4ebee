"""Checkout sessions, each a page for one payment, and the reusable links that make them."""

from piccolo.columns import JSONB, Array, BigInt, Boolean, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table


class PaymentLink(Table, tablename="payment_link"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    public_token = Varchar(length=64, null=False, default=None, unique=True)  # in the link's address
    currency = Varchar(length=3, null=False, default=None)
    amount_minor = BigInt(null=True, default=None)  # none: the payer chooses between the next two
    amount_min_minor = BigInt(null=True, default=None)
    amount_max_minor = BigInt(null=True, default=None)
    active = Boolean(null=False, default=None)
    uses_max = Integer(null=True, default=None)
    expires_at = Timestamptz(null=True, default=None)
    description = Varchar(length=300, null=False, default=None)
    reference = Varchar(length=120, null=True, default=None)
    success_url = Text(null=True, default=None)
    capture_method = Varchar(length=10, null=False, default=None)
    metadata = JSONB(null=False, default=None)
    authentication = JSONB(null=True, default=None)  # what is asked of 3-D Secure for its payments
    created_at = Timestamptz(null=False, default=None)
    updated_at = Timestamptz(null=False, default=None)


class CheckoutSession(Table, tablename="checkout_session"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    payment_id = Varchar(length=40, null=False, default=None, unique=True)  # made with it: one, never two
    payment_link_id = ForeignKey(PaymentLink, on_delete=OnDelete.restrict, null=True, default=None)
    state = Varchar(length=10, null=False, default=None)
    line_items = JSONB(null=False, default=None)
    methods = Array(base_column=Varchar(length=20), null=False, default=list)
    cancel_url = Text(null=True, default=None)
    expires_at = Timestamptz(null=False, default=None)
    created_at = Timestamptz(null=False, default=None)
    closed_at = Timestamptz(null=True, default=None)
