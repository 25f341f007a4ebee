"""Branding and document problems: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T13:51:43:353216"
VERSION = "1.38.0"
DESCRIPTION = "Branding and document problems: constraints"

# Frozen: what this migration did does not change when invoicing's constraints later do.
STATEMENTS = (
    "ALTER TABLE document_template_version DROP CONSTRAINT IF EXISTS document_template_version_kind_check, ADD CONSTRAINT document_template_version_kind_check CHECK (kind IN ('invoice', 'credit_note', 'proforma', 'quote'))",
    "ALTER TABLE document_problem DROP CONSTRAINT IF EXISTS document_problem_kind_check, ADD CONSTRAINT document_problem_kind_check CHECK (kind IN ('pdf', 'template', 'e_invoice'))",
    'ALTER TABLE document_problem DROP CONSTRAINT IF EXISTS document_problem_times_check, ADD CONSTRAINT document_problem_times_check CHECK (times > 0 AND first_at <= last_at)',
    'CREATE UNIQUE INDEX IF NOT EXISTS branding_version_key ON branding_version (merchant_id, version)',
    'CREATE UNIQUE INDEX IF NOT EXISTS document_template_version_key ON document_template_version (merchant_id, kind, version)',
    'CREATE UNIQUE INDEX IF NOT EXISTS document_problem_key ON document_problem (document_id, kind)',
    'CREATE INDEX IF NOT EXISTS document_problem_open_idx ON document_problem (merchant_id) WHERE solved_at IS NULL',
    'DROP TRIGGER IF EXISTS branding_version_append_only ON branding_version',
    """
    CREATE TRIGGER branding_version_append_only BEFORE UPDATE OR DELETE ON branding_version
    FOR EACH ROW EXECUTE FUNCTION invoice_application_append_only()
    """,
    'DROP TRIGGER IF EXISTS document_template_version_append_only ON document_template_version',
    """
    CREATE TRIGGER document_template_version_append_only BEFORE UPDATE OR DELETE ON document_template_version
    FOR EACH ROW EXECUTE FUNCTION invoice_application_append_only()
    """,
)


class RawTable(Table):
    """Only to run statements through the app's engine."""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="invoicing", description=DESCRIPTION)

    async def run() -> None:
        for statement in STATEMENTS:
            await RawTable.raw(statement.replace("{", "{{").replace("}", "}}"))

    manager.add_raw(run)
    return manager
