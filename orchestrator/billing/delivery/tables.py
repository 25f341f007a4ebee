"""What was sent to whom: a row for each thing that was to be sent, by mail or otherwise."""

from piccolo.columns import JSONB, Integer, Text, Timestamptz, Varchar
from piccolo.table import Table


class DocumentDelivery(Table, tablename="document_delivery"):
    """`object_id` is what is sent; `thread_id` the invoice in whose mail thread it goes. `content` is what the writer
    of its letter needs besides. Whoever sends it holds it until `claimed_until`."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    object_id = Varchar(length=40, null=False, default=None)
    thread_id = Varchar(length=40, null=False, default=None)
    kind = Varchar(length=16, null=False, default=None)
    channel = Varchar(length=20, null=False, default=None)
    recipient = Varchar(length=320, null=False, default=None)
    message_id = Varchar(length=255, null=False, default="")
    state = Varchar(length=12, null=False, default=None)
    error = Text(null=False, default="")
    tries = Integer(null=False, default=0)
    requested_by = Varchar(length=60, null=False, default=None)
    content = JSONB(null=False, default="{}")
    created_at = Timestamptz(null=False, default=None)
    claimed_until = Timestamptz(null=True, default=None)
    sent_at = Timestamptz(null=True, default=None)
    finished_at = Timestamptz(null=True, default=None)
