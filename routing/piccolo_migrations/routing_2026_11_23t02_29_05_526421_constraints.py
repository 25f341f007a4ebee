"""Checks, partial and composite indexes, and triggers: what Piccolo's own migrations cannot say."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T02:29:07:733267"
VERSION = "1.38.0"
DESCRIPTION = "Constraints"

# Frozen: what this migration did does not change when routing's constraints later do.
STATEMENTS = (
    "CREATE UNIQUE INDEX IF NOT EXISTS rule_set_one_active_idx ON rule_set (merchant_id) WHERE state = 'active'",
)


class RawTable(Table):
    """Only to run statements through the app's engine."""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="routing", description=DESCRIPTION)

    async def run() -> None:
        for statement in STATEMENTS:
            await RawTable.raw(statement.replace("{", "{{").replace("}", "}}"))

    manager.add_raw(run)
    return manager
