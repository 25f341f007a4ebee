"""Users, sessions, audit log, rate limits: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T07:08:20:309244"
VERSION = "1.38.0"
DESCRIPTION = "Users, sessions, audit log, rate limits: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    'CREATE UNIQUE INDEX membership_key ON membership (user_id, merchant_id)',
    'CREATE INDEX membership_merchant_idx ON membership (merchant_id)',
    "ALTER TABLE membership ADD CONSTRAINT membership_role_check CHECK (role IN ('admin', 'finance', 'operator', 'developer', 'viewer'))",
    'ALTER TABLE console_user ADD CONSTRAINT console_user_email_check CHECK (email = lower(email))',
    'CREATE INDEX recovery_code_user_idx ON recovery_code (user_id)',
    'ALTER TABLE console_session ADD CONSTRAINT console_session_owner_check CHECK ((user_id IS NULL) <> (key_id IS NULL))',
    "ALTER TABLE console_session ADD CONSTRAINT console_session_stage_check CHECK (stage IN ('totp', 'full'))",
    'CREATE UNIQUE INDEX console_session_handle_key ON console_session (handle)',
    'CREATE INDEX console_session_user_idx ON console_session (user_id) WHERE ended_at IS NULL',
    'CREATE INDEX api_key_merchant_idx ON api_key (merchant_id)',
    'CREATE UNIQUE INDEX audit_entry_sequence_key ON audit_entry (merchant_id, sequence)',
    'CREATE INDEX audit_entry_merchant_idx ON audit_entry (merchant_id, id DESC)',
    'CREATE INDEX audit_entry_object_idx ON audit_entry (merchant_id, object_id)',
    'CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    'ALTER TABLE rate_bucket SET UNLOGGED',
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
