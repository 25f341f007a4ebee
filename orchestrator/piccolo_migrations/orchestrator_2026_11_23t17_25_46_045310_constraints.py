"""Tries of a card at the same moment: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T17:25:56:860569"
VERSION = "1.38.0"
DESCRIPTION = "Tries of a card at the same moment: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    'CREATE UNIQUE INDEX card_start_key ON card_start (merchant_id, fingerprint)',
    'CREATE INDEX card_start_last_idx ON card_start (last_at)',
    "CREATE INDEX payment_method_tried_card_idx ON payment_method (fingerprint, created_at) WHERE status IN ('failed', 'processing', 'requires_action') AND fingerprint <> ''",
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
