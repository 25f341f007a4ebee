"""Checks, partial and composite indexes, and triggers: what Piccolo's own migrations cannot say."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T02:29:08:706638"
VERSION = "1.38.0"
DESCRIPTION = "Constraints"

# Frozen: what this migration did does not change when invoicing's constraints later do.
STATEMENTS = (
    "ALTER TABLE invoice DROP CONSTRAINT IF EXISTS invoice_state_check, ADD CONSTRAINT invoice_state_check CHECK (state IN ('draft', 'open', 'partly_paid', 'paid', 'uncollectible', 'credited'))",
    "ALTER TABLE invoice DROP CONSTRAINT IF EXISTS invoice_currency_check, ADD CONSTRAINT invoice_currency_check CHECK (currency ~ '^[A-Z][A-Z][A-Z]$')",
    'ALTER TABLE invoice DROP CONSTRAINT IF EXISTS invoice_amounts_check, ADD CONSTRAINT invoice_amounts_check CHECK (net_minor >= 0 AND tax_minor >= 0 AND paid_minor >= 0 AND paid_minor <= total_minor)',
    'ALTER TABLE invoice DROP CONSTRAINT IF EXISTS invoice_total_check, ADD CONSTRAINT invoice_total_check CHECK (total_minor = net_minor + tax_minor)',
    "ALTER TABLE invoice DROP CONSTRAINT IF EXISTS invoice_issued_check, ADD CONSTRAINT invoice_issued_check CHECK ((state = 'draft') = (issued_at IS NULL) AND num_nulls(number, issue_date, due_date, document, issued_at) IN (0, 5))",
    "ALTER TABLE invoice DROP CONSTRAINT IF EXISTS invoice_paid_check, ADD CONSTRAINT invoice_paid_check CHECK (state <> 'paid' OR (paid_minor = total_minor AND paid_at IS NOT NULL))",
    'ALTER TABLE invoice DROP CONSTRAINT IF EXISTS invoice_pdf_check, ADD CONSTRAINT invoice_pdf_check CHECK (num_nulls(pdf, pdf_sha256) IN (0, 2) AND (pdf IS NULL OR issued_at IS NOT NULL))',
    'ALTER TABLE invoice_payment DROP CONSTRAINT IF EXISTS invoice_payment_amounts_check, ADD CONSTRAINT invoice_payment_amounts_check CHECK (amount_minor > 0 AND applied_minor BETWEEN 0 AND amount_minor)',
    "ALTER TABLE invoice_payment DROP CONSTRAINT IF EXISTS invoice_payment_currency_check, ADD CONSTRAINT invoice_payment_currency_check CHECK (currency ~ '^[A-Z][A-Z][A-Z]$')",
    'ALTER TABLE number_series DROP CONSTRAINT IF EXISTS number_series_next_seq_check, ADD CONSTRAINT number_series_next_seq_check CHECK (next_seq >= 1)',
    'CREATE UNIQUE INDEX IF NOT EXISTS invoice_number_key ON invoice (merchant_id, number) WHERE number IS NOT NULL',
    'CREATE INDEX IF NOT EXISTS invoice_merchant_idx ON invoice (merchant_id, id)',
    'CREATE INDEX IF NOT EXISTS invoice_customer_idx ON invoice (merchant_id, customer_id, id)',
    "CREATE INDEX IF NOT EXISTS invoice_due_idx ON invoice (due_date) WHERE state IN ('open', 'partly_paid')",
    'CREATE UNIQUE INDEX IF NOT EXISTS invoice_payment_once_key ON invoice_payment (payment_id, invoice_id)',
    'CREATE INDEX IF NOT EXISTS invoice_payment_invoice_idx ON invoice_payment (invoice_id)',
    'CREATE UNIQUE INDEX IF NOT EXISTS number_series_name_key ON number_series (merchant_id, series)',
    'CREATE UNIQUE INDEX IF NOT EXISTS number_series_pattern_key ON number_series (merchant_id, pattern)',
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
        IF (NEW.id, NEW.merchant_id, NEW.customer_id, NEW.number, NEW.currency, NEW.net_minor, NEW.tax_minor, NEW.total_minor, NEW.issue_date, NEW.due_date, NEW.locale, NEW.draft, NEW.document, NEW.created_at, NEW.issued_at) IS DISTINCT FROM (OLD.id, OLD.merchant_id, OLD.customer_id, OLD.number, OLD.currency, OLD.net_minor, OLD.tax_minor, OLD.total_minor, OLD.issue_date, OLD.due_date, OLD.locale, OLD.draft, OLD.document, OLD.created_at, OLD.issued_at)
           OR (OLD.pdf_sha256 IS NOT NULL
               AND (NEW.pdf, NEW.pdf_sha256) IS DISTINCT FROM (OLD.pdf, OLD.pdf_sha256)) THEN
            RAISE EXCEPTION 'invoice % was issued and cannot be changed', OLD.number
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    'DROP TRIGGER IF EXISTS invoice_keep_issued ON invoice',
    """
    CREATE TRIGGER invoice_keep_issued BEFORE UPDATE OR DELETE ON invoice
    FOR EACH ROW EXECUTE FUNCTION invoice_keep_issued()
    """,
    """
    CREATE OR REPLACE FUNCTION invoice_payment_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'invoice_payment is append-only' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    'DROP TRIGGER IF EXISTS invoice_payment_append_only ON invoice_payment',
    """
    CREATE TRIGGER invoice_payment_append_only BEFORE UPDATE OR DELETE ON invoice_payment
    FOR EACH ROW EXECUTE FUNCTION invoice_payment_append_only()
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
