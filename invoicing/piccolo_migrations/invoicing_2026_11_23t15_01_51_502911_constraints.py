"""Credit notes may hold less tax than none: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T15:01:51:502911"
VERSION = "1.38.0"
DESCRIPTION = "Credit notes may hold less tax than none: constraints"

# Frozen: what this migration did does not change when invoicing's constraints later do.
STATEMENTS = (
    "ALTER TABLE invoice DROP CONSTRAINT IF EXISTS invoice_amounts_check, ADD CONSTRAINT invoice_amounts_check CHECK (net_minor >= 0 AND (tax_minor >= 0 OR kind = 'credit_note') AND total_minor >= 0 AND paid_minor >= 0 AND credited_minor >= 0 AND discount_minor >= 0 AND written_off_minor >= 0 AND paid_minor + credited_minor + discount_minor + written_off_minor <= total_minor + rounding_minor)",
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
