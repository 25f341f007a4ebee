"""Automatic charge: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T13:54:41:707751"
VERSION = "1.38.0"
DESCRIPTION = "Automatic charge: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    "ALTER TABLE invoice_automatic_charge ADD CONSTRAINT invoice_automatic_charge_state_check CHECK (state IN ('scheduled', 'charging', 'retrying', 'done', 'failed', 'needs_action', 'off'))",
    'ALTER TABLE invoice_automatic_charge ADD CONSTRAINT invoice_automatic_charge_counts_check CHECK (part >= 0 AND tries >= 0 AND returns >= 0)',
    "ALTER TABLE invoice_automatic_charge ADD CONSTRAINT invoice_automatic_charge_payment_check CHECK (state <> 'charging' OR payment_id IS NOT NULL)",
    "ALTER TABLE invoice_automatic_charge ADD CONSTRAINT invoice_automatic_charge_due_check CHECK (state NOT IN ('scheduled', 'retrying') OR due_at IS NOT NULL)",
    "CREATE INDEX invoice_automatic_charge_customer_idx ON invoice_automatic_charge (customer_id) WHERE state IN ('charging', 'retrying', 'scheduled')",
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
