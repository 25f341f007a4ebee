"""Tries of a card and risk scores: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T08:09:41:045822"
VERSION = "1.38.0"
DESCRIPTION = "Tries of a card and risk scores: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    'ALTER TABLE payment ADD CONSTRAINT payment_risk_score_check CHECK (risk_score BETWEEN 0 AND 100)',
    "ALTER TABLE attempt ADD COLUMN refused_fingerprint varchar(64) GENERATED ALWAYS AS (CASE WHEN status IN ('declined', 'unknown') THEN NULLIF(fingerprint, '') END) STORED",
    'CREATE INDEX attempt_refused_card_idx ON attempt (refused_fingerprint, created_at) WHERE refused_fingerprint IS NOT NULL',
    "CREATE INDEX attempt_card_idx ON attempt (fingerprint, created_at) WHERE fingerprint <> ''",
    "CREATE INDEX attempt_created_idx ON attempt USING brin (created_at)",
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
