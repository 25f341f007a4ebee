"""Invoices by their bare number: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T14:00:12:369905"
VERSION = "1.38.0"
DESCRIPTION = "Invoices by their bare number: constraints"

# Frozen: what this migration did does not change when invoicing's constraints later do.
STATEMENTS = (
    "CREATE INDEX IF NOT EXISTS invoice_bare_number_idx ON invoice (merchant_id, (regexp_replace(upper(number), '[^A-Z0-9]', '', 'g'))) WHERE kind = 'invoice' AND number IS NOT NULL",
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
