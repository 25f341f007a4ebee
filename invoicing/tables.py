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
    last_on = Date(null=True, default=None)  # the latest date that any of its documents has


class Invoice(Table, tablename="invoice"):
    """A document of `kind` invoice, credit note, quote or pro forma. `draft` is a DraftInvoice, `document` the
    IssuedInvoice; a trigger keeps issued ones as they are. `origin_id` is the document that it was made from.

    What settles an invoice is in `paid_minor` (money and the customer's credit), `credited_minor` (credit notes),
    `discount_minor` and `written_off_minor`; `credit_notes_minor` is what credit notes come to, settling or not.
    `rounding_minor` is what a payment in cash adds to the total or leaves off: total and rounding are what is asked.
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
    rounding_minor = BigInt(null=False, default=None)


class InvoiceApplication(Table, tablename="invoice_application"):
    """One thing that changed what is owed of an invoice, once. `applied_minor` was settled by it (restored where it is
    negative), the rest of `amount_minor` became the customer's credit. `taxes` splits a discount, see `TaxShare`.

    Money that moved in another currency than the invoice's is in `moved_minor` of `moved_currency`; what that was more
    (or less) than the invoice was booked at, in `fx_difference_minor` of the same.
    """

    id = Varchar(length=40, primary_key=True, default=None)
    invoice_id = ForeignKey(Invoice, null=False, default=None, on_delete=OnDelete.restrict)
    kind = Varchar(length=16, null=False, default=None)
    source_id = Varchar(length=40, null=False, default=None)
    amount_minor = BigInt(null=False, default=None)
    applied_minor = BigInt(null=False, default=None)
    currency = Varchar(length=3, null=False, default=None)
    applied_at = Timestamptz(null=False, default=None)
    taxes = JSONB(null=False, default="[]")
    moved_minor = BigInt(null=True, default=None)
    moved_currency = Varchar(length=3, null=True, default=None)
    fx_difference_minor = BigInt(null=True, default=None)


class Receipt(Table, tablename="receipt"):
    """Money that a customer gave outside of the gateways, or the numbered receipt of a payment (`source` payment).

    `credited_minor` of it went to the customer's credit and to no invoice. `reference` tells it from all others;
    `remittance` is what the payer wrote."""

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
    remittance = Varchar(length=500, null=False, default="")


class ReceiptReversal(Table, tablename="receipt_reversal"):
    """A receipt taken back, once: it bounced, or was a mistake. `reversed_on` is the day on which the money went."""

    id = Varchar(length=40, primary_key=True, default=None)
    receipt_id = ForeignKey(Receipt, null=False, default=None, on_delete=OnDelete.restrict)
    reason = Varchar(length=500, null=False, default=None)
    reversed_on = Date(null=False, default=None)
    created_at = Timestamptz(null=False, default=None)


class CreditPayout(Table, tablename="credit_payout"):
    """A customer's credit that was paid back outside of the gateways; `reference` tells it from all others."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    customer_id = Varchar(length=40, null=False, default=None)
    amount_minor = BigInt(null=False, default=None)
    currency = Varchar(length=3, null=False, default=None)
    reference = Varchar(length=140, null=False, default=None)
    paid_on = Date(null=False, default=None)
    created_at = Timestamptz(null=False, default=None)


class InvoiceBatch(Table, tablename="invoice_batch"):
    """Many drafts to issue, in their order and together with their items."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    issue_date = Date(null=True, default=None)
    send = Boolean(null=False, default=True)
    created_at = Timestamptz(null=False, default=None)
    finished_at = Timestamptz(null=True, default=None)


class InvoiceBatchItem(Table, tablename="invoice_batch_item"):
    """One draft of a batch: waiting, issued, refused with the reason, or failed with the error of its last try."""

    id = Varchar(length=40, primary_key=True, default=None)
    batch_id = ForeignKey(InvoiceBatch, null=False, default=None, on_delete=OnDelete.restrict)
    position = Integer(null=False, default=None)
    invoice_id = Varchar(length=40, null=False, default=None)
    state = Varchar(length=16, null=False, default="waiting")
    code = Varchar(length=60, null=False, default="")
    message = Text(null=False, default="")
    tries = Integer(null=False, default=0)  # that came to an error which is nobody's refusal


class LateBaseRate(Table, tablename="late_base_rate"):
    """A base rate of late interest as a merchant entered it: never changed, a correction is a further row."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    series = Varchar(length=20, null=False, default=None)
    since = Date(null=False, default=None)
    rate_bps = Integer(null=False, default=None)
    source = Varchar(length=500, null=False, default=None)
    entered_at = Timestamptz(null=False, default=None)


class BrandingVersion(Table, tablename="branding_version"):
    """How a merchant's documents look from `created_at` on: each change is a further row, none is changed."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    version = Integer(null=False, default=None)
    logo = Bytea(null=False, default=None)
    accent = Varchar(length=7, null=False, default=None)
    created_at = Timestamptz(null=False, default=None)


class DocumentTemplateVersion(Table, tablename="document_template_version"):
    """A merchant's own template of one kind of document from `created_at` on; without `source` there is none any more.
    Each change is a further row, none is changed."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    kind = Varchar(length=16, null=False, default=None)
    version = Integer(null=False, default=None)
    source = Text(null=True, default=None)
    created_at = Timestamptz(null=False, default=None)


class DocumentProblem(Table, tablename="document_problem"):
    """What kept a document from being drawn as it should be: `times` of it since `first_at`, until `solved_at`."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    document_id = Varchar(length=40, null=False, default=None)
    kind = Varchar(length=16, null=False, default=None)
    message = Text(null=False, default=None)
    times = Integer(null=False, default=None)
    first_at = Timestamptz(null=False, default=None)
    last_at = Timestamptz(null=False, default=None)
    solved_at = Timestamptz(null=True, default=None)


class Reminder(Table, tablename="reminder"):
    """A letter about the part of an invoice that was due on `part_due`, once for each level. `letter` is what it says.

    `interest_minor` and `fee_minor` are what the delay had cost by then, also where an invoice of its own asks for it.
    """

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    customer_id = Varchar(length=40, null=False, default=None)
    invoice_id = ForeignKey(Invoice, null=False, default=None, on_delete=OnDelete.restrict)
    part_due = Date(null=False, default=None)
    level = Integer(null=False, default=None)
    number = Varchar(length=40, null=False, default=None)
    issued_on = Date(null=False, default=None)
    deadline = Date(null=False, default=None)
    currency = Varchar(length=3, null=False, default=None)
    owed_minor = BigInt(null=False, default=None)
    interest_minor = BigInt(null=False, default=None)
    fee_minor = BigInt(null=False, default=None)
    total_minor = BigInt(null=False, default=None)
    by_hand = Boolean(null=False, default=False)
    letter = JSONB(null=False, default=None)
    pdf = Bytea(null=True, default=None)
    created_at = Timestamptz(null=False, default=None)


class ReminderPolicy(Table, tablename="reminder_policy"):
    """When a merchant reminds of unpaid invoices, and what the letters ask for."""

    merchant_id = Varchar(length=40, primary_key=True, default=None)
    policy = JSONB(null=False, default=None)
    updated_at = Timestamptz(null=False, default=None)


class ReminderPause(Table, tablename="reminder_pause"):
    """Nobody is reminded of an invoice, or a customer (`subject_id`), since `paused_at`, or was until `resumed_on`."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    subject_id = Varchar(length=40, null=False, default=None)
    paused_at = Timestamptz(null=True, default=None)
    resumed_on = Date(null=True, default=None)


class LateChargeBilled(Table, tablename="late_charge_billed"):
    """What of an invoice's delay another invoice, `charged_by`, asks for; it counts for nothing once that is gone."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    invoice_id = ForeignKey(Invoice, null=False, default=None, on_delete=OnDelete.restrict)
    part_due = Date(null=False, default=None)
    charged_by = Varchar(length=40, null=False, default=None)
    currency = Varchar(length=3, null=False, default=None)
    interest_minor = BigInt(null=False, default=None)
    fee_minor = BigInt(null=False, default=None)
    created_at = Timestamptz(null=False, default=None)
