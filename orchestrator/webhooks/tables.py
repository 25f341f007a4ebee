"""What gateways told us: stored raw and sealed before it is believed, worked later, kept for replay."""

from piccolo.columns import (
    JSONB,
    BigInt,
    Boolean,
    Bytea,
    ForeignKey,
    Integer,
    OnDelete,
    Serial,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.table import Table


class WebhookDelivery(Table, tablename="webhook_delivery"):
    """One verified request as it came in, with its raw body. Both bodies are empty when its time of keeping is over."""

    id = Varchar(length=40, primary_key=True, default=None)
    gateway_account_id = Varchar(length=40, null=False, default=None)
    headers = JSONB(null=False, default=None)
    body = Bytea(null=True, default=None)  # in the clear, as earlier versions kept it, until housekeeping seals it
    sealed_body = Bytea(null=True, default=None)
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
    state = Varchar(length=12, null=False, default=None)  # received, applied, ignored, parked
    note = Text(null=False, default="")
    duplicates = Integer(null=False, default=0)
    tries = Integer(null=False, default=0)  # that failed, since it came or was last replayed
    replays = Integer(null=False, default=0)
    received_at = Timestamptz(null=False, default=None)
    applied_at = Timestamptz(null=True, default=None)


class WebhookRejection(Table, tablename="webhook_rejection"):
    """A request that was not what it claimed to be: its reason, its content dropped. So many an hour are kept."""

    id = Varchar(length=40, primary_key=True, default=None)
    gateway_account_id = Varchar(length=40, null=False, default=None)
    reason = Text(null=False, default=None)
    rejected_at = Timestamptz(null=False, default=None)


class WebhookRejectionHour(Table, tablename="webhook_rejection_hour"):
    """How many requests for an account were turned away within an hour, kept or not."""

    id = Serial(primary_key=True)
    gateway_account_id = Varchar(length=40, null=False, default=None)
    hour = Timestamptz(null=False, default=None)
    rejected = BigInt(null=False, default=None)


class WebhookWatch(Table, tablename="webhook_watch"):
    """What is known of a gateway account's way to us: whether it fell silent, and our endpoint at the gateway."""

    gateway_account_id = Varchar(length=40, primary_key=True, default=None)
    silent_since = Timestamptz(null=True, default=None)  # the last message before the silence, or what should have come
    endpoint_id = Varchar(length=120, null=False, default="")
    endpoint_enabled = Boolean(null=True, default=None)
    endpoint_problem = Text(null=False, default="")
    endpoint_checked_at = Timestamptz(null=True, default=None)
