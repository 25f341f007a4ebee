"""Who may act: merchants, their API keys, and the replies kept for repeated requests."""

from piccolo.columns import JSONB, Array, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table


class Merchant(Table, tablename="merchant"):
    id = Varchar(length=40, primary_key=True, default=None)
    name = Varchar(length=200, null=False, default=None)
    profile = JSONB(null=False, default=None)  # address, VAT id, e-mail, bank reference: what its documents print
    created_at = Timestamptz(null=False, default=None)


class ApiKey(Table, tablename="api_key"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = ForeignKey(Merchant, on_delete=OnDelete.restrict, null=False)
    name = Varchar(length=100, null=False, default=None)
    key_hash = Varchar(length=64, null=False, default=None, unique=True)
    key_hint = Varchar(length=20, null=False, default=None)  # the first characters, to recognise it by
    scopes = Array(base_column=Varchar(length=40), null=False, default=list)
    created_at = Timestamptz(null=False, default=None)
    revoked_at = Timestamptz(null=True, default=None)


class IdempotencyRecord(Table, tablename="idempotency_record"):
    id = Varchar(length=64, primary_key=True, default=None)  # SHA-256 over merchant, route and key
    merchant_id = Varchar(length=40, null=False, default=None)
    route = Varchar(length=120, null=False, default=None)
    fingerprint = Varchar(length=64, null=False, default=None)
    resource_id = Varchar(length=40, null=True, default=None)  # what the work made, written with it
    status = Integer(null=True, default=None)  # of the reply; none while in flight
    body = Text(null=True, default=None)
    claimed_at = Timestamptz(null=False, default=None)
    expires_at = Timestamptz(null=False, default=None)
