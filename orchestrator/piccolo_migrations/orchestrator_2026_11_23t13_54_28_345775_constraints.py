"""E-invoice transmissions: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T13:54:31:769821"
VERSION = "1.38.0"
DESCRIPTION = "E-invoice transmissions: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    "ALTER TABLE transmission ADD CONSTRAINT transmission_state_check CHECK (state IN ('queued', 'sent', 'delivered', 'accepted', 'rejected', 'failed'))",
    'CREATE UNIQUE INDEX transmission_document_key ON transmission (document_id, channel)',
    'CREATE INDEX transmission_merchant_idx ON transmission (merchant_id, id DESC)',
    "CREATE INDEX transmission_open_idx ON transmission (id) WHERE state IN ('sent', 'delivered')",
    "ALTER TABLE transmission ADD CONSTRAINT transmission_kept_check CHECK ((xml IS NULL) = (sha256 = ''))",
    "ALTER TABLE transmission ADD CONSTRAINT transmission_sent_check CHECK (state IN ('queued', 'failed') OR (xml IS NOT NULL AND sent_at IS NOT NULL))",
    'CREATE UNIQUE INDEX transmission_acknowledgement_report_key ON transmission_acknowledgement (transmission_id, report_id)',
    'CREATE TRIGGER transmission_acknowledgement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transmission_acknowledgement FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
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
