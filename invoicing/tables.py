"""The columns of invoices, of the payments put against them, and of the series that number them."""

from piccolo.columns import JSONB, BigInt, Bytea, Date, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table


class NumberSeries(Table, tablename="number_series"):
    """The next number of one merchant's series. Its row lock is what makes numbers gap-free."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    series = Varchar(length=40, null=False, default=None)
    pattern = Varchar(length=40, null=False, default=None)
    next_seq = BigInt(null=False, default=None)


class Invoice(Table, tablename="invoice"):
    """An invoice. `draft` is a DraftInvoice, `document` the IssuedInvoice; a trigger keeps issued ones as they are."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    customer_id = Varchar(length=40, null=False, default=None)
    number = Varchar(length=40, null=True, default=None)
    state = Varchar(length=16, null=False, default=None)
    currency = Varchar(length=3, null=False, default=None)
    net_minor = BigInt(null=False, default=None)
    tax_minor = BigInt(null=False, default=None)
    total_minor = BigInt(null=False, default=None)
    paid_minor = BigInt(null=False, default=None)
    issue_date = Date(null=True, default=None)
    due_date = Date(null=True, default=None)
    locale = Varchar(length=35, null=False, default=None)
    draft = JSONB(null=False, default=None)
    document = JSONB(null=True, default=None)
    pdf_sha256 = Text(null=True, default=None)
    pdf = Bytea(null=True, default=None)
    public_token = Varchar(length=64, null=False, default=None, unique=True)
    created_at = Timestamptz(null=False, default=None)
    issued_at = Timestamptz(null=True, default=None)
    paid_at = Timestamptz(null=True, default=None)


class InvoicePayment(Table, tablename="invoice_payment"):
    """A payment put against an invoice, once. Of `amount_minor`, `applied_minor` was owed."""

    id = Varchar(length=40, primary_key=True, default=None)
    invoice_id = ForeignKey(Invoice, null=False, default=None, on_delete=OnDelete.restrict)
    payment_id = Varchar(length=40, null=False, default=None)
    amount_minor = BigInt(null=False, default=None)
    applied_minor = BigInt(null=False, default=None)
    currency = Varchar(length=3, null=False, default=None)
    applied_at = Timestamptz(null=False, default=None)
