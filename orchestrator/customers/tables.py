"""Who pays."""

from piccolo.columns import JSONB, Timestamptz, Varchar
from piccolo.table import Table


class Customer(Table, tablename="customer"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    name = Varchar(length=200, null=False, default=None)
    email = Varchar(length=320, null=False, default=None)
    country = Varchar(length=2, null=True, default=None)
    locale = Varchar(length=20, null=False, default=None)
    profile = JSONB(null=False, default=None)  # address lines, postal code, city, VAT id
    created_at = Timestamptz(null=False, default=None)
