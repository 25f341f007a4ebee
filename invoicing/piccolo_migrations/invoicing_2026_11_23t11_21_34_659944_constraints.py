"""Credit notes and applications: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T11:21:38:089589"
VERSION = "1.38.0"
DESCRIPTION = "Credit notes and applications: constraints"

# Frozen: what this migration did does not change when invoicing's constraints later do.
STATEMENTS = (
    "ALTER TABLE invoice DROP CONSTRAINT IF EXISTS invoice_state_check, ADD CONSTRAINT invoice_state_check CHECK (state IN ('draft', 'open', 'partly_paid', 'paid', 'uncollectible', 'credited', 'issued', 'accepted', 'declined'))",
    'ALTER TABLE invoice DROP CONSTRAINT IF EXISTS invoice_amounts_check, ADD CONSTRAINT invoice_amounts_check CHECK (net_minor >= 0 AND tax_minor >= 0 AND paid_minor >= 0 AND credited_minor >= 0 AND discount_minor >= 0 AND written_off_minor >= 0 AND paid_minor + credited_minor + discount_minor + written_off_minor <= total_minor)',
    'ALTER TABLE invoice DROP CONSTRAINT IF EXISTS invoice_credit_notes_check, ADD CONSTRAINT invoice_credit_notes_check CHECK (credit_notes_minor BETWEEN 0 AND total_minor)',
    "ALTER TABLE invoice DROP CONSTRAINT IF EXISTS invoice_kind_check, ADD CONSTRAINT invoice_kind_check CHECK (kind IN ('invoice', 'credit_note', 'proforma', 'quote') AND (kind = 'invoice' OR paid_minor + credited_minor + discount_minor + written_off_minor + credit_notes_minor = 0))",
    "ALTER TABLE invoice DROP CONSTRAINT IF EXISTS invoice_paid_check, ADD CONSTRAINT invoice_paid_check CHECK (state <> 'paid' OR (paid_minor + credited_minor + discount_minor + written_off_minor = total_minor AND paid_at IS NOT NULL))",
    "ALTER TABLE invoice_application DROP CONSTRAINT IF EXISTS invoice_application_kind_check, ADD CONSTRAINT invoice_application_kind_check CHECK (kind IN ('payment', 'correction', 'refund', 'chargeback', 'receipt', 'credit', 'credit_note', 'discount', 'write_off'))",
    "ALTER TABLE invoice_application DROP CONSTRAINT IF EXISTS invoice_application_amounts_check, ADD CONSTRAINT invoice_application_amounts_check CHECK ((amount_minor <> 0 OR applied_minor <> 0) AND (kind NOT IN ('payment', 'receipt', 'credit_note') OR applied_minor BETWEEN 0 AND amount_minor))",
    "ALTER TABLE invoice_application DROP CONSTRAINT IF EXISTS invoice_application_currency_check, ADD CONSTRAINT invoice_application_currency_check CHECK (currency ~ '^[A-Z][A-Z][A-Z]$')",
    'ALTER TABLE receipt DROP CONSTRAINT IF EXISTS receipt_amounts_check, ADD CONSTRAINT receipt_amounts_check CHECK (amount_minor > 0 AND credited_minor BETWEEN 0 AND amount_minor)',
    "ALTER TABLE receipt DROP CONSTRAINT IF EXISTS receipt_currency_check, ADD CONSTRAINT receipt_currency_check CHECK (currency ~ '^[A-Z][A-Z][A-Z]$')",
    "ALTER TABLE invoice_batch_item DROP CONSTRAINT IF EXISTS invoice_batch_item_state_check, ADD CONSTRAINT invoice_batch_item_state_check CHECK (state IN ('waiting', 'issued', 'refused'))",
    "CREATE UNIQUE INDEX IF NOT EXISTS invoice_application_once_key ON invoice_application (source_id, invoice_id, kind) WHERE kind IN ('payment', 'receipt', 'credit_note')",
    'CREATE INDEX IF NOT EXISTS invoice_application_invoice_idx ON invoice_application (invoice_id, id)',
    'CREATE INDEX IF NOT EXISTS invoice_application_source_idx ON invoice_application (source_id)',
    'CREATE INDEX IF NOT EXISTS invoice_kind_idx ON invoice (merchant_id, kind, id)',
    'CREATE INDEX IF NOT EXISTS invoice_origin_idx ON invoice (origin_id) WHERE origin_id IS NOT NULL',
    'CREATE UNIQUE INDEX IF NOT EXISTS receipt_number_key ON receipt (merchant_id, number)',
    'CREATE UNIQUE INDEX IF NOT EXISTS receipt_reference_key ON receipt (merchant_id, source, reference)',
    'CREATE UNIQUE INDEX IF NOT EXISTS invoice_batch_item_key ON invoice_batch_item (batch_id, invoice_id)',
    """
    CREATE OR REPLACE FUNCTION invoice_keep_issued() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.issued_at IS NULL THEN
            RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
        END IF;
        IF TG_OP = 'DELETE' THEN
            RAISE EXCEPTION 'invoice % was issued and cannot be deleted', OLD.number
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF (NEW.id, NEW.merchant_id, NEW.customer_id, NEW.number, NEW.currency, NEW.net_minor, NEW.tax_minor, NEW.total_minor, NEW.issue_date, NEW.due_date, NEW.locale, NEW.kind, NEW.series, NEW.reference, NEW.origin_id, NEW.valid_until, NEW.draft, NEW.document, NEW.created_at, NEW.issued_at) IS DISTINCT FROM (OLD.id, OLD.merchant_id, OLD.customer_id, OLD.number, OLD.currency, OLD.net_minor, OLD.tax_minor, OLD.total_minor, OLD.issue_date, OLD.due_date, OLD.locale, OLD.kind, OLD.series, OLD.reference, OLD.origin_id, OLD.valid_until, OLD.draft, OLD.document, OLD.created_at, OLD.issued_at)
           OR (OLD.pdf_sha256 IS NOT NULL
               AND (NEW.pdf, NEW.pdf_sha256) IS DISTINCT FROM (OLD.pdf, OLD.pdf_sha256)) THEN
            RAISE EXCEPTION 'invoice % was issued and cannot be changed', OLD.number
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE OR REPLACE FUNCTION invoice_application_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$
    """,
    'DROP TRIGGER IF EXISTS invoice_application_append_only ON invoice_application',
    """
    CREATE TRIGGER invoice_application_append_only BEFORE UPDATE OR DELETE ON invoice_application
    FOR EACH ROW EXECUTE FUNCTION invoice_application_append_only()
    """,
    'DROP TRIGGER IF EXISTS receipt_append_only ON receipt',
    """
    CREATE TRIGGER receipt_append_only BEFORE UPDATE OR DELETE ON receipt
    FOR EACH ROW EXECUTE FUNCTION invoice_application_append_only()
    """,
    # what was recorded before there were applications
    """DO $$ BEGIN
    IF to_regclass('invoice_payment_kept') IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO invoice_application (id, invoice_id, kind, source_id, amount_minor, applied_minor, currency, applied_at)
    SELECT id, invoice_id, 'payment', payment_id, amount_minor, applied_minor, currency, applied_at
    FROM invoice_payment_kept;
    DROP TABLE invoice_payment_kept;
    DROP FUNCTION invoice_payment_append_only();
END $$""",
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
