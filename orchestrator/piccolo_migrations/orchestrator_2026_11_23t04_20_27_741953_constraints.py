"""Kept payment methods: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T04:20:30:775614"
VERSION = "1.38.0"
DESCRIPTION = "Kept payment methods: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    "ALTER TABLE payment_method ADD CONSTRAINT payment_method_status_check CHECK (status IN ('active', 'detaching', 'detached'))",
    "ALTER TABLE payment_method_token ADD CONSTRAINT payment_method_token_state_check CHECK (state IN ('requested', 'sent', 'kept', 'failed', 'forgetting', 'forgotten'))",
    "ALTER TABLE payment_method_token ADD CONSTRAINT payment_method_token_kept_check CHECK (state <> 'kept' OR gateway_token <> '')",
    'CREATE INDEX payment_method_customer_idx ON payment_method (customer_id)',
    "CREATE UNIQUE INDEX payment_method_token_live_key ON payment_method_token (payment_method_id, gateway_account_id) WHERE state NOT IN ('failed', 'forgotten')",
    "CREATE INDEX operation_unmapped_idx ON operation (attempt_id) WHERE decline->>'reason' = 'unmapped'",
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
