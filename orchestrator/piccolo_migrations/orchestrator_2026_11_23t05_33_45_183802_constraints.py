"""Webhooks out: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.columns.column_types import Integer
from piccolo.table import Table

ID = "2026-11-23T05:33:48:503602"
VERSION = "1.38.0"
DESCRIPTION = "Webhooks out: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    # Events are only ever added; this once the old ones get their numbers, in the order of their ids.
    "ALTER TABLE event DISABLE TRIGGER event_append_only",
    "UPDATE event SET sequence = counted.number FROM (SELECT id, row_number() OVER (PARTITION BY object_id ORDER BY id) AS number FROM event) AS counted WHERE counted.id = event.id",
    "ALTER TABLE event ENABLE TRIGGER event_append_only",
    "INSERT INTO event_counter (object_id, last) SELECT object_id, count(*) FROM event GROUP BY object_id",
    'CREATE UNIQUE INDEX event_sequence_key ON event (object_id, sequence)',
    'ALTER TABLE event ADD CONSTRAINT event_sequence_check CHECK (sequence >= 1)',
    """CREATE FUNCTION number_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event_counter AS counter (object_id, last) VALUES (NEW.object_id, 1)
    ON CONFLICT (object_id) DO UPDATE SET last = counter.last + 1 RETURNING last INTO NEW.sequence;
    RETURN NEW;
END $$""",
    "CREATE TRIGGER event_number BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION number_event()",
    'CREATE INDEX webhook_endpoint_merchant_idx ON webhook_endpoint (merchant_id) WHERE deleted_at IS NULL',
    "ALTER TABLE webhook_endpoint ADD CONSTRAINT webhook_endpoint_reason_check CHECK (disabled_reason IN ('merchant', 'failing', 'gone', 'deleted'))",
    'ALTER TABLE webhook_endpoint ADD CONSTRAINT webhook_endpoint_enabled_check CHECK (enabled = (disabled_reason IS NULL) AND (disabled_reason IS NULL) = (disabled_at IS NULL))',
    'ALTER TABLE webhook_endpoint ADD CONSTRAINT webhook_endpoint_deleted_check CHECK (deleted_at IS NULL OR NOT enabled)',
    'ALTER TABLE webhook_endpoint ADD CONSTRAINT webhook_endpoint_previous_check CHECK ((sealed_previous_secret IS NULL) = (previous_secret_until IS NULL))',
    "ALTER TABLE event_delivery ADD CONSTRAINT event_delivery_state_check CHECK (state IN ('pending', 'delivered', 'failed', 'canceled'))",
    "ALTER TABLE event_delivery ADD CONSTRAINT event_delivery_pending_check CHECK ((state = 'pending') = (next_try_at IS NOT NULL))",
    "ALTER TABLE event_delivery ADD CONSTRAINT event_delivery_delivered_check CHECK (state <> 'delivered' OR delivered_at IS NOT NULL)",
    'CREATE UNIQUE INDEX event_delivery_event_key ON event_delivery (event_id, endpoint_id)',
    'CREATE INDEX event_delivery_list_idx ON event_delivery (endpoint_id, id DESC)',
    "CREATE INDEX event_delivery_due_idx ON event_delivery (endpoint_id, next_try_at) WHERE state = 'pending'",
    "CREATE INDEX event_delivery_done_idx ON event_delivery (updated_at) WHERE state <> 'pending'",
    'CREATE UNIQUE INDEX event_delivery_try_number_key ON event_delivery_try (delivery_id, number)',
)


class RawTable(Table):
    """Only to run statements through the app's engine."""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="orchestrator", description=DESCRIPTION)

    async def run() -> None:
        for statement in STATEMENTS:
            await RawTable.raw(statement.replace("{", "{{").replace("}", "}}"))

    manager.add_raw(run)
    manager.alter_column(
        table_class_name="Event",
        tablename="event",
        column_name="sequence",
        db_column_name="sequence",
        params={"default": None},
        old_params={"default": 1},
        column_class=Integer,
        old_column_class=Integer,
        schema=None,
    )
    return manager
