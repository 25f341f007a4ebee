"""Abuse counters approvals: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T07:16:26:851108"
VERSION = "1.38.0"
DESCRIPTION = "Abuse counters approvals: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    'CREATE UNIQUE INDEX abuse_counter_key ON abuse_counter (subject, minute)',
    'CREATE INDEX abuse_counter_minute_idx ON abuse_counter (minute)',
    'CREATE UNIQUE INDEX page_violation_key ON page_violation (day, page, directive, blocked)',
    "ALTER TABLE approval_request ADD CONSTRAINT approval_request_kind_check CHECK (kind IN ('refund', 'bank_details', 'policy'))",
    "ALTER TABLE approval_request ADD CONSTRAINT approval_request_state_check CHECK (state IN ('pending', 'approved', 'rejected', 'expired', 'executed', 'failed'))",
    "ALTER TABLE approval_request ADD CONSTRAINT approval_request_four_eyes_check CHECK (state NOT IN ('approved', 'executed', 'failed') OR (decided_by IS NOT NULL AND decided_by <> requested_by))",
    "CREATE UNIQUE INDEX approval_request_open_key ON approval_request (merchant_id, kind, subject) WHERE state IN ('pending', 'approved')",
    'CREATE INDEX approval_request_merchant_idx ON approval_request (merchant_id, id DESC)',
    """CREATE FUNCTION approval_request_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.merchant_id, NEW.kind, NEW.subject, NEW.payload, NEW.requested_by, NEW.requested_at) IS DISTINCT FROM
       (OLD.merchant_id, OLD.kind, OLD.subject, OLD.payload, OLD.requested_by, OLD.requested_at)
       OR OLD.state NOT IN ('pending', 'approved') THEN
        RAISE EXCEPTION 'approval request % may not be changed any more', OLD.id;
    END IF;
    RETURN NEW;
END $$""",
    'CREATE TRIGGER approval_request_is_fixed BEFORE UPDATE ON approval_request FOR EACH ROW EXECUTE FUNCTION approval_request_is_fixed()',
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
