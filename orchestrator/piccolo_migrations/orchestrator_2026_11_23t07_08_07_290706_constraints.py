"""Checkout sessions and payment links: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T07:08:12:193239"
VERSION = "1.38.0"
DESCRIPTION = "Checkout sessions and payment links: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    "ALTER TABLE checkout_session ADD CONSTRAINT checkout_session_state_check CHECK (state IN ('open', 'completed', 'expired'))",
    "ALTER TABLE checkout_session ADD CONSTRAINT checkout_session_closed_check CHECK ((state = 'open') = (closed_at IS NULL))",
    'CREATE INDEX checkout_session_merchant_idx ON checkout_session (merchant_id, id DESC)',
    'CREATE INDEX checkout_session_link_idx ON checkout_session (payment_link_id, state) WHERE payment_link_id IS NOT NULL',
    'ALTER TABLE payment_link ADD CONSTRAINT payment_link_amount_check CHECK ((amount_minor > 0 AND amount_min_minor IS NULL AND amount_max_minor IS NULL) OR (amount_minor IS NULL AND amount_min_minor > 0 AND amount_max_minor >= amount_min_minor))',
    'ALTER TABLE payment_link ADD CONSTRAINT payment_link_uses_check CHECK (uses_max >= 1)',
    "ALTER TABLE payment_link ADD CONSTRAINT payment_link_capture_check CHECK (capture_method IN ('automatic', 'manual'))",
    'CREATE INDEX payment_link_merchant_idx ON payment_link (merchant_id, id DESC)',
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
