"""What happened, in the order in which it was committed, to be told to the outside."""

from piccolo.columns import JSONB, Timestamptz, Varchar
from piccolo.table import Table


class Event(Table, tablename="event"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    type = Varchar(length=60, null=False, default=None)
    object_id = Varchar(length=40, null=False, default=None)
    data = JSONB(null=False, default=None)
    created_at = Timestamptz(null=False, default=None)
