"""Document deliveries: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T13:53:50:584730"
VERSION = "1.38.0"
DESCRIPTION = "Document deliveries: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    "ALTER TABLE document_delivery ADD CONSTRAINT document_delivery_state_check CHECK (state IN ('queued', 'sent', 'failed', 'bounced', 'not_sent'))",
    "ALTER TABLE document_delivery ADD CONSTRAINT document_delivery_kind_check CHECK (kind IN ('document', 'link', 'reminder', 'receipt', 'e_invoice', 'charge'))",
    "ALTER TABLE document_delivery ADD CONSTRAINT document_delivery_channel_check CHECK (channel ~ '^[a-z0-9_]{1,20}$')",
    "ALTER TABLE document_delivery ADD CONSTRAINT document_delivery_sent_check CHECK (state <> 'sent' OR sent_at IS NOT NULL)",
    "ALTER TABLE document_delivery ADD CONSTRAINT document_delivery_said_why_check CHECK (state NOT IN ('failed', 'bounced', 'not_sent') OR (error <> '' AND finished_at IS NOT NULL))",
    'CREATE INDEX document_delivery_merchant_idx ON document_delivery (merchant_id, id DESC)',
    'CREATE INDEX document_delivery_object_idx ON document_delivery (object_id, id)',
    'CREATE INDEX document_delivery_thread_idx ON document_delivery (thread_id, id)',
    "CREATE UNIQUE INDEX document_delivery_message_key ON document_delivery (channel, message_id) WHERE message_id <> ''",
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
