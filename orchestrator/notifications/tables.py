"""What happened, in the order in which it was committed, and the merchants' servers that are told of it."""

from piccolo.columns import JSONB, Array, Boolean, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table


class Event(Table, tablename="event"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    type = Varchar(length=60, null=False, default=None)
    object_id = Varchar(length=40, null=False, default=None)
    sequence = Integer(null=False, default=None)  # of the object: 1, 2, 3 without gaps, by a trigger
    data = JSONB(null=False, default=None)
    created_at = Timestamptz(null=False, default=None)


class EventCounter(Table, tablename="event_counter"):
    """The last sequence number of each object, kept by a trigger; two events of one object queue for its row."""

    object_id = Varchar(length=40, primary_key=True, default=None)
    last = Integer(null=False, default=None)


class Endpoint(Table, tablename="webhook_endpoint"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    url = Text(null=False, default=None)
    description = Varchar(length=300, null=False, default=None)
    event_types = Array(base_column=Varchar(length=60), null=False, default=list)  # empty: all; `payment.*`: a family
    sealed_secret = Text(null=False, default=None)
    secret_version = Integer(null=False, default=None)
    sealed_previous_secret = Text(null=True, default=None)  # signs too, until then
    previous_secret_until = Timestamptz(null=True, default=None)
    enabled = Boolean(null=False, default=None)
    disabled_reason = Varchar(length=20, null=True, default=None)
    disabled_at = Timestamptz(null=True, default=None)
    failing_since = Timestamptz(null=True, default=None)  # nothing succeeded since
    last_failed_at = Timestamptz(null=True, default=None)
    paused_until = Timestamptz(null=True, default=None)  # it asked for it, or did not answer
    created_at = Timestamptz(null=False, default=None)
    deleted_at = Timestamptz(null=True, default=None)


class EventDelivery(Table, tablename="event_delivery"):
    id = Varchar(length=40, primary_key=True, default=None)
    endpoint_id = ForeignKey(Endpoint, on_delete=OnDelete.restrict, null=False)
    event_id = ForeignKey(Event, on_delete=OnDelete.restrict, null=False)
    state = Varchar(length=12, null=False, default=None)
    tries = Integer(null=False, default=None)
    step = Integer(null=False, default=None)  # its place in the schedule; a redelivery begins it anew
    next_try_at = Timestamptz(null=True, default=None)
    claimed_until = Timestamptz(null=True, default=None)  # a worker is at it; if that dies, another may then
    last_status = Integer(null=True, default=None)
    last_error = Text(null=False, default="")
    created_at = Timestamptz(null=False, default=None)
    updated_at = Timestamptz(null=False, default=None)
    delivered_at = Timestamptz(null=True, default=None)


class EventDeliveryTry(Table, tablename="event_delivery_try"):
    """One request, on record before it is sent. Without a duration: it is on its way, or its worker died."""

    id = Varchar(length=40, primary_key=True, default=None)
    delivery_id = ForeignKey(EventDelivery, on_delete=OnDelete.restrict, null=False)
    number = Integer(null=False, default=None)
    started_at = Timestamptz(null=False, default=None)
    duration_ms = Integer(null=True, default=None)
    status = Integer(null=True, default=None)
    error = Text(null=False, default="")
    response = Text(null=False, default="")  # the beginning of the answer, without secrets
