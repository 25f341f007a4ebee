"""VAT ids as each merchant knows them: what the registers answered, who has them, and which documents rest on them."""

from piccolo.columns import BigInt, Boolean, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table


class VatId(Table, tablename="vat_id"):
    """An id that a merchant's customers have, once. A register is asked about this row, never about a customer."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    vat_id = Varchar(length=20, null=False, default=None)  # compact
    prefix = Varchar(length=2, null=False, default=None)  # as registers have it: EL for Greece
    state = Varchar(length=12, null=False, default=None)
    detail = Text(null=False, default=None)  # why there is no answer
    tries = Integer(null=False, default=None)  # without an answer, one after the other
    asked_at = Timestamptz(null=True, default=None)
    due_at = Timestamptz(null=True, default=None)  # when it is to be asked (again)
    created_at = Timestamptz(null=False, default=None)


class VatIdAnswer(Table, tablename="vat_id_answer"):
    """What a register said, for good: the proof that it was asked."""

    id = Varchar(length=40, primary_key=True, default=None)
    vat_id_id = ForeignKey(VatId, on_delete=OnDelete.restrict, null=False)
    register = Varchar(length=20, null=False, default=None)
    state = Varchar(length=12, null=False, default=None)
    answered_at = Timestamptz(null=False, default=None)
    asked_by = Varchar(length=20, null=False, default=None)  # the seller's own id, in whose name it was asked
    proof = Varchar(length=100, null=False, default=None)
    name = Text(null=False, default=None)
    address = Text(null=False, default=None)


class VatIdHolder(Table, tablename="vat_id_holder"):
    customer_id = Varchar(length=40, primary_key=True, default=None)
    vat_id_id = ForeignKey(VatId, on_delete=OnDelete.restrict, null=False)
    since = Timestamptz(null=False, default=None)


class VatIdOnInvoice(Table, tablename="vat_id_on_invoice"):
    """What was known of the buyer's id when the invoice was issued."""

    invoice_id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    vat_id_id = ForeignKey(VatId, on_delete=OnDelete.restrict, null=False)
    state = Varchar(length=12, null=False, default=None)
    answer_id = ForeignKey(VatIdAnswer, on_delete=OnDelete.restrict, null=True)
    untaxed = Boolean(null=False, default=None)  # on the strength of the id
    kept_at = Timestamptz(null=False, default=None)


class VatIdLane(Table, tablename="vat_id_lane"):
    """Who asks about a country's ids at the moment: one at a time, over all processes."""

    prefix = Varchar(length=2, primary_key=True, default=None)
    busy_until = Timestamptz(null=False, default=None)
    held_by = BigInt(null=False, default=None)  # by chance: whoever is late finds another's number
