"""E-invoices on their way to their buyers, and what was heard of them."""

from piccolo.columns import JSONB, Bytea, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table


class Transmission(Table, tablename="transmission"):
    """One document by one channel. `xml` is kept before it goes, so that each try sends the same bytes."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    document_id = Varchar(length=40, null=False, default=None)  # an invoice or a credit note
    customer_id = Varchar(length=40, null=False, default=None)
    number = Varchar(length=40, null=False, default=None)  # the document's
    channel = Varchar(length=20, null=False, default=None)
    format = Varchar(length=20, null=False, default=None)
    receiver = JSONB(null=True, default=None)  # the address that it goes to: scheme and identifier
    state = Varchar(length=12, null=False, default=None)
    attempt = Integer(null=False, default=1)  # one more for each time that a rejected one is sent again
    tries = Integer(null=False, default=0)  # of this attempt
    claimed_until = Timestamptz(null=True, default=None)  # a worker is at it
    error = Text(null=False, default="")
    reference = Varchar(length=200, null=False, default="")  # the channel's own id
    sha256 = Varchar(length=64, null=False, default="")
    xml = Bytea(null=True, default=None)
    created_at = Timestamptz(null=False, default=None)
    changed_at = Timestamptz(null=False, default=None)
    sent_at = Timestamptz(null=True, default=None)


class TransmissionAcknowledgement(Table, tablename="transmission_acknowledgement"):
    """What the channel, or an access point of the operator's own, said. Only ever added."""

    id = Varchar(length=40, primary_key=True, default=None)
    transmission_id = ForeignKey(Transmission, on_delete=OnDelete.restrict, null=False)
    report_id = Varchar(length=100, null=False, default=None)  # of whoever reports; the same one counts once
    state = Varchar(length=12, null=False, default=None)
    reference = Varchar(length=200, null=False, default="")
    text = Text(null=False, default="")
    told_at = Timestamptz(null=False, default=None)  # by whoever reports
    created_at = Timestamptz(null=False, default=None)
