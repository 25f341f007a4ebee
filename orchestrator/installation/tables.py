"""The installation that this database belongs to, and how far it has come: one row."""

from piccolo.columns import BigInt, Text, Timestamptz, Varchar
from piccolo.table import Table


class Installation(Table, tablename="installation"):
    id = Varchar(length=40, primary_key=True, default=None)
    mark = BigInt(null=False, default=None)  # grows every two seconds, and is remembered outside of the database
    cluster = Varchar(length=80, null=False, default=None)  # where the database was when it was bound
    bound_at = Timestamptz(null=False, default=None)
    frozen_at = Timestamptz(null=True, default=None)
    frozen_because = Text(null=False, default="")
    thawed_at = Timestamptz(null=True, default=None)
    thawed_by = Varchar(length=120, null=False, default="")
