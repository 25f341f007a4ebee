"""VAT ids and what registers say of them: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T13:55:07:082699"
VERSION = "1.38.0"
DESCRIPTION = "VAT ids and what registers say of them: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    "ALTER TABLE vat_id ADD CONSTRAINT vat_id_state_check CHECK (state IN ('pending', 'valid', 'invalid', 'unavailable'))",
    "ALTER TABLE vat_id_answer ADD CONSTRAINT vat_id_answer_state_check CHECK (state IN ('valid', 'invalid'))",
    'CREATE UNIQUE INDEX vat_id_merchant_key ON vat_id (merchant_id, vat_id)',
    'CREATE INDEX vat_id_due_idx ON vat_id (prefix, due_at) WHERE due_at IS NOT NULL',
    'CREATE INDEX vat_id_answer_vat_id_idx ON vat_id_answer (vat_id_id, answered_at)',
    'CREATE INDEX vat_id_holder_vat_id_idx ON vat_id_holder (vat_id_id)',
    'CREATE INDEX vat_id_on_invoice_vat_id_idx ON vat_id_on_invoice (vat_id_id)',
    'CREATE TRIGGER vat_id_answer_fixed BEFORE UPDATE ON vat_id_answer FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER vat_id_on_invoice_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON vat_id_on_invoice FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
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
