"""Payouts of credit may need an approval: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T17:25:09:047843"
VERSION = "1.38.0"
DESCRIPTION = "Payouts of credit may need an approval: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    'ALTER TABLE approval_request DROP CONSTRAINT approval_request_kind_check',
    "ALTER TABLE approval_request ADD CONSTRAINT approval_request_kinds_check CHECK (kind IN ('refund', 'bank_details', 'policy', 'credit_payout'))",
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
