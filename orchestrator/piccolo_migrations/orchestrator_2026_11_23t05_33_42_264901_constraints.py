"""Disputes: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T05:33:45:592048"
VERSION = "1.38.0"
DESCRIPTION = "Disputes: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    "ALTER TABLE dispute ADD CONSTRAINT dispute_kind_check CHECK (kind IN ('inquiry', 'chargeback'))",
    "ALTER TABLE dispute ADD CONSTRAINT dispute_status_check CHECK (status IN ('inquiry', 'needs_response', 'under_review', 'won', 'lost', 'accepted', 'closed'))",
    'ALTER TABLE dispute ADD CONSTRAINT dispute_amount_check CHECK (amount_minor > 0)',
    'ALTER TABLE dispute ADD CONSTRAINT dispute_money_check CHECK (withdrawn_minor >= 0 AND written_off_minor BETWEEN 0 AND withdrawn_minor)',
    "ALTER TABLE dispute ADD CONSTRAINT dispute_currency_check CHECK (currency ~ '^[A-Z][A-Z][A-Z]$')",
    'CREATE UNIQUE INDEX dispute_gateway_key ON dispute (gateway_account_id, gateway_dispute_id)',
    'CREATE INDEX dispute_merchant_idx ON dispute (merchant_id, id DESC)',
    'CREATE INDEX dispute_payment_idx ON dispute (payment_id) WHERE payment_id IS NOT NULL',
    "ALTER TABLE dispute_history ADD CONSTRAINT dispute_history_source_check CHECK (source IN ('notice', 'reading', 'ours'))",
    'CREATE UNIQUE INDEX dispute_history_event_key ON dispute_history (dispute_id, event_key)',
    'CREATE TRIGGER dispute_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dispute_history FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    "ALTER TABLE dispute_action ADD CONSTRAINT dispute_action_kind_check CHECK (kind IN ('accept', 'evidence'))",
    "ALTER TABLE dispute_action ADD CONSTRAINT dispute_action_state_check CHECK (state IN ('sent', 'unknown', 'settled', 'needs_review'))",
    "ALTER TABLE dispute_action ADD CONSTRAINT dispute_action_outcome_check CHECK (outcome IS NULL OR outcome IN ('approved', 'declined', 'action_required', 'pending', 'unknown', 'not_reached'))",
    "ALTER TABLE dispute_action ADD CONSTRAINT dispute_action_settled_check CHECK (state <> 'settled' OR (outcome IS NOT NULL AND settled_at IS NOT NULL))",
    "CREATE UNIQUE INDEX dispute_action_one_open_key ON dispute_action (dispute_id) WHERE state IN ('sent', 'unknown')",
    'CREATE INDEX dispute_action_dispute_idx ON dispute_action (dispute_id)',
    "CREATE INDEX operation_capture_at_gateway_idx ON operation (gateway_operation_id) WHERE kind = 'capture' AND gateway_operation_id <> ''",
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
