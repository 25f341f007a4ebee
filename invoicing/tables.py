"""The columns of documents, of what settles an invoice, of money received, and of the series that number them."""

from piccolo.columns import (
    JSONB,
    BigInt,
    Boolean,
    Bytea,
    Date,
    ForeignKey,
    Integer,
    OnDelete,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.table import Table


class NumberSeries(Table, tablename="number_series"):
    """The next number of one merchant's series. Its row lock is what makes numbers gap-free.

    A series that starts again (`reset`) counts nothing itself: each of its periods is a row with `counts_for` its name.
    """

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    series = Varchar(length=40, null=False, default=None)
    pattern = Varchar(length=40, null=False, default=None)
    next_seq = BigInt(null=False, default=None)
    kind = Varchar(length=16, null=False, default="invoice")
    reset = Varchar(length=8, null=False, default="never")
    counts_for = Varchar(length=40, null=False, default="")


class Invoice(Table, tablename="invoice"):
    """A document of `kind` invoice, credit note, quote or pro forma. `draft` is a DraftInvoice, `document` the
    IssuedInvoice; a trigger keeps issued ones as they are. `origin_id` is the document that it was made from.

    What settles an invoice is in `paid_minor` (money and the customer's credit), `credited_minor` (credit notes),
    `discount_minor` and `written_off_minor`; `credit_notes_minor` is what credit notes come to, settling or not.
    """

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
    kind = Varchar(length=16, null=False, default="invoice")
    series = Varchar(length=40, null=True, default=None)
    reference = Varchar(length=100, null=False, default="")
    origin_id = Varchar(length=40, null=True, default=None)
    valid_until = Date(null=True, default=None)
    credited_minor = BigInt(null=False, default=None)
    discount_minor = BigInt(null=False, default=None)
    written_off_minor = BigInt(null=False, default=None)
    credit_notes_minor = BigInt(null=False, default=None)
    disputed_at = Timestamptz(null=True, default=None)


class InvoiceApplication(Table, tablename="invoice_application"):
    """One thing that changed what is owed of an invoice, once. `applied_minor` was settled by it (restored where it is
    negative), the rest of `amount_minor` became the customer's credit. `taxes` splits a discount, see `TaxShare`."""

    id = Varchar(length=40, primary_key=True, default=None)
    invoice_id = ForeignKey(Invoice, null=False, default=None, on_delete=OnDelete.restrict)
    kind = Varchar(length=16, null=False, default=None)
    source_id = Varchar(length=40, null=False, default=None)
    amount_minor = BigInt(null=False, default=None)
    applied_minor = BigInt(null=False, default=None)
    currency = Varchar(length=3, null=False, default=None)
    applied_at = Timestamptz(null=False, default=None)
    taxes = JSONB(null=False, default="[]")


class Receipt(Table, tablename="receipt"):
    """Money that a customer gave outside of the gateways, or the numbered receipt of a payment (`source` payment).

    `credited_minor` of it went to the customer's credit and to no invoice. `reference` tells it from all others."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    customer_id = Varchar(length=40, null=False, default=None)
    number = Varchar(length=40, null=False, default=None)
    source = Varchar(length=16, null=False, default=None)
    reference = Varchar(length=140, null=False, default=None)
    amount_minor = BigInt(null=False, default=None)
    currency = Varchar(length=3, null=False, default=None)
    credited_minor = BigInt(null=False, default=None)
    received_on = Date(null=False, default=None)
    conversion = JSONB(null=True, default=None)
    created_at = Timestamptz(null=False, default=None)


class InvoiceBatch(Table, tablename="invoice_batch"):
    """Many drafts to issue, one after the other, each in a transaction of its own with its item."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    issue_date = Date(null=True, default=None)
    send = Boolean(null=False, default=True)
    created_at = Timestamptz(null=False, default=None)
    finished_at = Timestamptz(null=True, default=None)


class InvoiceBatchItem(Table, tablename="invoice_batch_item"):
    """One draft of a batch: waiting, issued, or refused with the reason."""

    id = Varchar(length=40, primary_key=True, default=None)
    batch_id = ForeignKey(InvoiceBatch, null=False, default=None, on_delete=OnDelete.restrict)
    position = Integer(null=False, default=None)
    invoice_id = Varchar(length=40, null=False, default=None)
    state = Varchar(length=16, null=False, default="waiting")
    code = Varchar(length=60, null=False, default="")
    message = Text(null=False, default="")
