"""Receipts taken back and credit paid out: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T14:59:08:682015"
VERSION = "1.38.0"
DESCRIPTION = "Receipts taken back and credit paid out: constraints"

# Frozen: what this migration did does not change when invoicing's constraints later do.
STATEMENTS = (
    "ALTER TABLE invoice_application DROP CONSTRAINT IF EXISTS invoice_application_kind_check, ADD CONSTRAINT invoice_application_kind_check CHECK (kind IN ('payment', 'correction', 'refund', 'chargeback', 'receipt', 'receipt_reversal', 'credit', 'credit_note', 'discount', 'write_off'))",
    'ALTER TABLE credit_payout DROP CONSTRAINT IF EXISTS credit_payout_amount_check, ADD CONSTRAINT credit_payout_amount_check CHECK (amount_minor > 0)',
    "ALTER TABLE credit_payout DROP CONSTRAINT IF EXISTS credit_payout_currency_check, ADD CONSTRAINT credit_payout_currency_check CHECK (currency ~ '^[A-Z][A-Z][A-Z]$')",
    'CREATE UNIQUE INDEX IF NOT EXISTS receipt_reversal_key ON receipt_reversal (receipt_id)',
    "CREATE UNIQUE INDEX IF NOT EXISTS invoice_application_reversed_key ON invoice_application (source_id, invoice_id) WHERE kind = 'receipt_reversal'",
    'CREATE UNIQUE INDEX IF NOT EXISTS credit_payout_reference_key ON credit_payout (merchant_id, reference)',
    'CREATE INDEX IF NOT EXISTS credit_payout_customer_idx ON credit_payout (merchant_id, customer_id, id)',
    'DROP TRIGGER IF EXISTS receipt_reversal_append_only ON receipt_reversal',
    """
    CREATE TRIGGER receipt_reversal_append_only BEFORE UPDATE OR DELETE ON receipt_reversal
    FOR EACH ROW EXECUTE FUNCTION invoice_application_append_only()
    """,
    'DROP TRIGGER IF EXISTS credit_payout_append_only ON credit_payout',
    """
    CREATE TRIGGER credit_payout_append_only BEFORE UPDATE OR DELETE ON credit_payout
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
