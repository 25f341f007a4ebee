"""What gateways told us: stored raw before it is believed, worked later, kept for replay."""

from piccolo.columns import JSONB, Bytea, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table


class WebhookDelivery(Table, tablename="webhook_delivery"):
    """One verified request as it came in, with its raw body."""

    id = Varchar(length=40, primary_key=True, default=None)
    gateway_account_id = Varchar(length=40, null=False, default=None)
    headers = JSONB(null=False, default=None)
    body = Bytea(null=False, default=None)
    received_at = Timestamptz(null=False, default=None)


class WebhookMessage(Table, tablename="webhook_message"):
    """One message of a delivery, once for each event key, whatever is delivered again."""

    id = Varchar(length=40, primary_key=True, default=None)
    delivery_id = ForeignKey(WebhookDelivery, on_delete=OnDelete.restrict, null=False)
    gateway_account_id = Varchar(length=40, null=False, default=None)
    event_key = Varchar(length=200, null=False, default=None)
    event_type = Varchar(length=80, null=False, default=None)
    kind = Varchar(length=40, null=False, default=None)
    content = JSONB(null=False, default=None)
    payment_id = Varchar(length=40, null=True, default=None)
    state = Varchar(length=12, null=False, default=None)  # received, applied, ignored
    note = Text(null=False, default="")
    duplicates = Integer(null=False, default=0)
    received_at = Timestamptz(null=False, default=None)
    applied_at = Timestamptz(null=True, default=None)


class WebhookRejection(Table, tablename="webhook_rejection"):
    """A request that was not what it claimed to be: counted with its reason, its content dropped."""

    id = Varchar(length=40, primary_key=True, default=None)
    gateway_account_id = Varchar(length=40, null=False, default=None)
    reason = Text(null=False, default=None)
    rejected_at = Timestamptz(null=False, default=None)
