"""Cash rounding, money moved in another currency, remittance, base rates of late interest: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T13:50:11:352272"
VERSION = "1.38.0"
DESCRIPTION = "Cash rounding, money moved in another currency, remittance, base rates of late interest: constraints"

# Frozen: what this migration did does not change when invoicing's constraints later do.
STATEMENTS = (
    'ALTER TABLE invoice DROP CONSTRAINT IF EXISTS invoice_amounts_check, ADD CONSTRAINT invoice_amounts_check CHECK (net_minor >= 0 AND tax_minor >= 0 AND paid_minor >= 0 AND credited_minor >= 0 AND discount_minor >= 0 AND written_off_minor >= 0 AND paid_minor + credited_minor + discount_minor + written_off_minor <= total_minor + rounding_minor)',
    'ALTER TABLE invoice DROP CONSTRAINT IF EXISTS invoice_credit_notes_check, ADD CONSTRAINT invoice_credit_notes_check CHECK (credit_notes_minor BETWEEN 0 AND total_minor + rounding_minor)',
    "ALTER TABLE invoice DROP CONSTRAINT IF EXISTS invoice_paid_check, ADD CONSTRAINT invoice_paid_check CHECK (state <> 'paid' OR (paid_minor + credited_minor + discount_minor + written_off_minor = total_minor + rounding_minor AND paid_at IS NOT NULL))",
    'ALTER TABLE invoice_application DROP CONSTRAINT IF EXISTS invoice_application_moved_check, ADD CONSTRAINT invoice_application_moved_check CHECK (num_nulls(moved_minor, moved_currency) IN (0, 2) AND moved_currency <> currency AND (fx_difference_minor IS NULL OR moved_minor IS NOT NULL))',
    'ALTER TABLE late_base_rate DROP CONSTRAINT IF EXISTS late_base_rate_range_check, ADD CONSTRAINT late_base_rate_range_check CHECK (rate_bps BETWEEN -1000 AND 10000)',
    "ALTER TABLE late_base_rate DROP CONSTRAINT IF EXISTS late_base_rate_since_check, ADD CONSTRAINT late_base_rate_since_check CHECK (to_char(since, 'MM-DD') IN ('01-01', '07-01'))",
    'CREATE INDEX IF NOT EXISTS late_base_rate_merchant_idx ON late_base_rate (merchant_id, series, since, id)',
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
        IF (NEW.id, NEW.merchant_id, NEW.customer_id, NEW.number, NEW.currency, NEW.net_minor, NEW.tax_minor, NEW.total_minor, NEW.rounding_minor, NEW.issue_date, NEW.due_date, NEW.locale, NEW.kind, NEW.series, NEW.reference, NEW.origin_id, NEW.valid_until, NEW.draft, NEW.document, NEW.created_at, NEW.issued_at) IS DISTINCT FROM (OLD.id, OLD.merchant_id, OLD.customer_id, OLD.number, OLD.currency, OLD.net_minor, OLD.tax_minor, OLD.total_minor, OLD.rounding_minor, OLD.issue_date, OLD.due_date, OLD.locale, OLD.kind, OLD.series, OLD.reference, OLD.origin_id, OLD.valid_until, OLD.draft, OLD.document, OLD.created_at, OLD.issued_at)
           OR (OLD.pdf_sha256 IS NOT NULL
               AND (NEW.pdf, NEW.pdf_sha256) IS DISTINCT FROM (OLD.pdf, OLD.pdf_sha256)) THEN
            RAISE EXCEPTION 'invoice % was issued and cannot be changed', OLD.number
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    'DROP TRIGGER IF EXISTS late_base_rate_append_only ON late_base_rate',
    """
    CREATE TRIGGER late_base_rate_append_only BEFORE UPDATE OR DELETE ON late_base_rate
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
