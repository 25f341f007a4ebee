"""Received webhooks sealed, parked, replayed and watched: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T07:13:18:829706"
VERSION = "1.38.0"
DESCRIPTION = "Received webhooks sealed, parked, replayed and watched: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    'ALTER TABLE webhook_message DROP CONSTRAINT webhook_message_state_check',
    "ALTER TABLE webhook_message ADD CONSTRAINT webhook_message_states_check CHECK (state IN ('received', 'applied', 'ignored', 'parked'))",
    'CREATE INDEX webhook_message_account_idx ON webhook_message (gateway_account_id, id DESC)',
    "CREATE INDEX webhook_message_parked_idx ON webhook_message (gateway_account_id, id) WHERE state = 'parked'",
    'CREATE INDEX webhook_delivery_kept_idx ON webhook_delivery (received_at) WHERE body IS NOT NULL OR sealed_body IS NOT NULL',
    'CREATE INDEX webhook_delivery_plain_idx ON webhook_delivery (id) WHERE body IS NOT NULL',
    'CREATE UNIQUE INDEX webhook_rejection_hour_key ON webhook_rejection_hour (gateway_account_id, hour)',
    'CREATE INDEX webhook_rejection_at_idx ON webhook_rejection (rejected_at)',
)


class RawTable(Table):
    """Only to run statements through the app's engine."""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="orchestrator", description=DESCRIPTION)

    async def run() -> None:
        for statement in STATEMENTS:
            await RawTable.raw(statement.replace("{", "{{").replace("}", "}}"))

    manager.add_raw(run)
    return manager
