"""Checks, partial and composite indexes, and triggers: what Piccolo's own migrations cannot say."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

from orchestrator.constraints import CONSTRAINTS

ID = "2026-11-23T01:39:48:098455"
VERSION = "1.38.0"
DESCRIPTION = "Constraints"


class RawTable(Table):
    """Only to run statements through the app's engine."""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="orchestrator", description=DESCRIPTION)

    async def run() -> None:
        for statement in CONSTRAINTS:
            await RawTable.raw(statement.replace("{", "{{").replace("}", "}}"))

    manager.add_raw(run)
    return manager
