"""Drafts of a batch that fail: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T14:59:42:665333"
VERSION = "1.38.0"
DESCRIPTION = "Drafts of a batch that fail: constraints"

# Frozen: what this migration did does not change when invoicing's constraints later do.
STATEMENTS = (
    "ALTER TABLE invoice_batch_item DROP CONSTRAINT IF EXISTS invoice_batch_item_state_check, ADD CONSTRAINT invoice_batch_item_state_check CHECK (state IN ('waiting', 'issued', 'refused', 'failed'))",
    'ALTER TABLE invoice_batch_item DROP CONSTRAINT IF EXISTS invoice_batch_item_tries_check, ADD CONSTRAINT invoice_batch_item_tries_check CHECK (tries >= 0)',
)


class RawTable(Table):
    """Only to run statements through the app's engine."""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="invoicing", description=DESCRIPTION)

    async def run() -> None:
        for statement in STATEMENTS:
            await RawTable.raw(statement.replace("{", "{{").replace("}", "}}"))

    manager.add_raw(run)
    return manager
