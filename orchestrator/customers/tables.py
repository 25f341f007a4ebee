"""Who pays, with which kept credentials, and where each of those is kept."""

from piccolo.columns import JSONB, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table


class Customer(Table, tablename="customer"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    name = Varchar(length=200, null=False, default=None)
    email = Varchar(length=320, null=False, default=None)
    country = Varchar(length=2, null=True, default=None)
    locale = Varchar(length=20, null=False, default=None)
    profile = JSONB(null=False, default=None)  # address lines, postal code, city, VAT id
    default_payment_method_id = Varchar(length=40, null=True, default=None)
    deleted_at = Timestamptz(null=True, default=None)  # what names a person is gone since; the id stays
    created_at = Timestamptz(null=False, default=None)


class GatewayCustomer(Table, tablename="gateway_customer"):
    """Who a customer is at a gateway account: what is kept there is kept for that one."""

    id = Varchar(length=40, primary_key=True, default=None)
    customer_id = ForeignKey(Customer, on_delete=OnDelete.restrict, null=False)
    gateway_account_id = Varchar(length=40, null=False, default=None)
    gateway_customer = Varchar(length=255, null=False, default=None)
    created_at = Timestamptz(null=False, default=None)


class PaymentMethod(Table, tablename="payment_method"):
    """A credential that the customer let us keep. What is charged are its tokens, one for each gateway account."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    customer_id = ForeignKey(Customer, on_delete=OnDelete.restrict, null=False)
    method = Varchar(length=20, null=False, default=None)
    brand = Varchar(length=20, null=False, default=None)
    last4 = Varchar(length=4, null=False, default=None)
    expiry_month = Integer(null=False, default=None)
    expiry_year = Integer(null=False, default=None)
    agreement = Varchar(length=20, null=False, default=None)  # what it may be used for
    network_transaction_id = Varchar(length=120, null=False, default=None)
    consent = JSONB(null=False, default=None)  # the text, when and how it was agreed to, whether it covers mirroring
    status = Varchar(length=20, null=False, default=None)
    payment_id = Varchar(length=40, null=True, default=None)  # the payment that it was kept with
    setup = JSONB(null=True, default=None)  # how it is being kept without a payment; forgotten with the answer
    fingerprint = Varchar(length=64, null=False, default="")
    failure_reason = Varchar(length=60, null=True, default=None)
    expiry_told = Varchar(length=7, null=False, default="")  # the expiry (2030-12) that was warned of
    bin = Varchar(length=8, null=False, default="")  # of a card, where whoever kept it knew, as the next two
    issuer_country = Varchar(length=2, null=False, default="")
    funding = Varchar(length=10, null=False, default="")
    created_at = Timestamptz(null=False, default=None)
    updated_at = Timestamptz(null=True, default=None)


class PaymentMethodToken(Table, tablename="payment_method_token"):
    """A payment method as one gateway account keeps it, or is to keep it."""

    id = Varchar(length=40, primary_key=True, default=None)  # also the idempotency key of the mirroring
    payment_method_id = ForeignKey(PaymentMethod, on_delete=OnDelete.restrict, null=False)
    gateway_account_id = Varchar(length=40, null=False, default=None)
    gateway_token = Varchar(length=255, null=False, default=None)
    gateway_customer = Varchar(length=255, null=False, default=None)
    mirrored_from = Varchar(length=40, null=True, default=None)  # the token whose gateway forwarded the card
    state = Varchar(length=12, null=False, default=None)
    tries = Integer(null=False, default=None)
    detail = Text(null=False, default=None)  # one line for people: why it failed, or is waiting
    created_at = Timestamptz(null=False, default=None)
    changed_at = Timestamptz(null=False, default=None)
