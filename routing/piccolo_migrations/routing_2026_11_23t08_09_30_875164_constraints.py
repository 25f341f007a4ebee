"""Policies, overrides, windows and tallies: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T08:09:33:658673"
VERSION = "1.38.0"
DESCRIPTION = "Policies, overrides, windows and tallies: constraints"

# Frozen: what this migration did does not change when routing's constraints later do.
STATEMENTS = (
    'ALTER TABLE breaker_state DROP CONSTRAINT breaker_state_pkey, ADD PRIMARY KEY (account_id, method)',
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
