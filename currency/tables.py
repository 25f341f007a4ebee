"""Columns of the stored exchange rates. What was published or entered is only ever added to."""

from piccolo.columns import BigSerial, Date, Integer, Numeric, Timestamptz, Varchar
from piccolo.table import Table


class FxRate(Table, tablename="fx_rate"):
    """So many `quote` for one `base` on a day, as one source says. A correction is a row with the next revision."""

    id = BigSerial(primary_key=True)
    merchant_id = Varchar(length=40, null=False, default="")  # whose own rate it is; empty: everybody's
    source = Varchar(length=20, null=False, default=None)
    base = Varchar(length=3, null=False, default=None)
    quote = Varchar(length=3, null=False, default=None)
    rate_date = Date(null=False, default=None)
    revision = Integer(null=False, default=None)
    units = Numeric(null=True, default=None)  # exactly as published; null: the rate is withdrawn
    fetched_at = Timestamptz(null=False, default=None)
    entered_by = Varchar(length=80, null=False, default="")
