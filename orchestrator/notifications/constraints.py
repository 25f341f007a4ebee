"""What PostgreSQL itself refuses of events and of the deliveries that tell of them."""

from __future__ import annotations

from orchestrator.notifications.states import DeliveryState, DisabledReason

_STATES = ", ".join(repr(state.value) for state in DeliveryState)
_REASONS = ", ".join(repr(reason.value) for reason in DisabledReason)

CONSTRAINTS: tuple[str, ...] = (
    "CREATE UNIQUE INDEX event_sequence_key ON event (object_id, sequence)",
    "ALTER TABLE event ADD CONSTRAINT event_sequence_check CHECK (sequence >= 1)",
    # The counter's row is locked until the commit and its number is taken back by a rollback: so there are no gaps.
    # A trigger, for then no event can come without, and whoever records one need not wait for the number.
    """CREATE FUNCTION number_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event_counter AS counter (object_id, last) VALUES (NEW.object_id, 1)
    ON CONFLICT (object_id) DO UPDATE SET last = counter.last + 1 RETURNING last INTO NEW.sequence;
    RETURN NEW;
END $$""",
    "CREATE TRIGGER event_number BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION number_event()",
    "CREATE INDEX webhook_endpoint_merchant_idx ON webhook_endpoint (merchant_id) WHERE deleted_at IS NULL",
    "ALTER TABLE webhook_endpoint ADD CONSTRAINT webhook_endpoint_reason_check CHECK "
    f"(disabled_reason IN ({_REASONS}))",
    "ALTER TABLE webhook_endpoint ADD CONSTRAINT webhook_endpoint_enabled_check CHECK "
    "(enabled = (disabled_reason IS NULL) AND (disabled_reason IS NULL) = (disabled_at IS NULL))",
    "ALTER TABLE webhook_endpoint ADD CONSTRAINT webhook_endpoint_deleted_check CHECK "
    "(deleted_at IS NULL OR NOT enabled)",
    "ALTER TABLE webhook_endpoint ADD CONSTRAINT webhook_endpoint_previous_check CHECK "
    "((sealed_previous_secret IS NULL) = (previous_secret_until IS NULL))",
    f"ALTER TABLE event_delivery ADD CONSTRAINT event_delivery_state_check CHECK (state IN ({_STATES}))",
    "ALTER TABLE event_delivery ADD CONSTRAINT event_delivery_pending_check CHECK "
    "((state = 'pending') = (next_try_at IS NOT NULL))",
    "ALTER TABLE event_delivery ADD CONSTRAINT event_delivery_delivered_check CHECK "
    "(state <> 'delivered' OR delivered_at IS NOT NULL)",
    # an event is told to an endpoint by one delivery, whoever fans it out and how often
    "CREATE UNIQUE INDEX event_delivery_event_key ON event_delivery (event_id, endpoint_id)",
    "CREATE INDEX event_delivery_list_idx ON event_delivery (endpoint_id, id DESC)",
    "CREATE INDEX event_delivery_due_idx ON event_delivery (endpoint_id, next_try_at) WHERE state = 'pending'",
    "CREATE INDEX event_delivery_done_idx ON event_delivery (updated_at) WHERE state <> 'pending'",
    "CREATE UNIQUE INDEX event_delivery_try_number_key ON event_delivery_try (delivery_id, number)",
)
