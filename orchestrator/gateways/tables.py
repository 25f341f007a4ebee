"""Gateway accounts: one set of credentials at a gateway, with what it can do."""

from piccolo.columns import JSONB, Boolean, Integer, Text, Timestamptz, Varchar
from piccolo.table import Table


class GatewayAccount(Table, tablename="gateway_account"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    gateway = Varchar(length=20, null=False, default=None)
    label = Varchar(length=100, null=False, default=None)
    mode = Varchar(length=10, null=False, default=None)  # test or live
    priority = Integer(null=False, default=None)
    enabled = Boolean(null=False, default=None)
    capabilities = JSONB(null=False, default=None)  # currencies, countries, brands, methods; empty means all
    fees = JSONB(null=False, default=None)  # {"bps": "150", "fixed_minor": {"EUR": 25}}
    sealed_credentials = Text(null=False, default=None)
    created_at = Timestamptz(null=False, default=None)
