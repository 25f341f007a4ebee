"""Captures in parts, expiry, causes and reviews: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T07:11:08:844200"
VERSION = "1.38.0"
DESCRIPTION = "Captures in parts, expiry, causes and reviews: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    'ALTER TABLE payment DROP CONSTRAINT payment_captured_check',
    'ALTER TABLE payment DROP CONSTRAINT payment_refunded_check',
    'ALTER TABLE payment ADD CONSTRAINT payment_captured_check CHECK (amount_captured_minor >= 0)',
    'ALTER TABLE payment ADD CONSTRAINT payment_refunded_check CHECK (amount_refunded_minor >= 0)',
    "ALTER TABLE payment ADD CONSTRAINT payment_on_unknown_check CHECK (on_unknown IN ('wait', 'cancel_then_failover'))",
    "ALTER TABLE attempt ADD CONSTRAINT attempt_capture_mode_check CHECK (capture_mode IN ('manual', 'automatic'))",
    "ALTER TABLE operation ADD CONSTRAINT operation_cause_check CHECK (cause IN ('', 'surplus', 'canceled', 'released', 'expired', 'lapsed', 'left', 'timed_out', 'unknown'))",
    "UPDATE operation SET captures = TRUE WHERE kind = 'capture'",
    'DROP INDEX operation_one_open_key',
    "CREATE UNIQUE INDEX operation_one_open_key ON operation (attempt_id) WHERE state IN ('sent', 'unknown') AND kind NOT IN ('refund', 'void')",
    "CREATE UNIQUE INDEX operation_one_open_void_key ON operation (attempt_id) WHERE state IN ('sent', 'unknown') AND kind = 'void'",
    "CREATE INDEX operation_review_idx ON operation (payment_id, id) WHERE state = 'needs_review'",
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
