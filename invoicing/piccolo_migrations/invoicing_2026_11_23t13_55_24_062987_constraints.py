"""Reminders of unpaid invoices: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T13:55:26:534556"
VERSION = "1.38.0"
DESCRIPTION = "Reminders of unpaid invoices: constraints"

# Frozen: what this migration did does not change when invoicing's constraints later do.
STATEMENTS = (
    'ALTER TABLE reminder DROP CONSTRAINT IF EXISTS reminder_amounts_check, ADD CONSTRAINT reminder_amounts_check CHECK (owed_minor > 0 AND interest_minor >= 0 AND fee_minor >= 0 AND total_minor >= owed_minor)',
    'ALTER TABLE late_charge_billed DROP CONSTRAINT IF EXISTS late_charge_billed_amounts_check, ADD CONSTRAINT late_charge_billed_amounts_check CHECK (interest_minor >= 0 AND fee_minor >= 0 AND interest_minor + fee_minor > 0)',
    'CREATE UNIQUE INDEX IF NOT EXISTS reminder_level_key ON reminder (invoice_id, part_due, level)',
    'CREATE UNIQUE INDEX IF NOT EXISTS reminder_number_key ON reminder (merchant_id, number)',
    'CREATE INDEX IF NOT EXISTS reminder_merchant_idx ON reminder (merchant_id, id)',
    'CREATE INDEX IF NOT EXISTS reminder_customer_idx ON reminder (merchant_id, customer_id, id)',
    'CREATE UNIQUE INDEX IF NOT EXISTS reminder_pause_key ON reminder_pause (merchant_id, subject_id)',
    'CREATE INDEX IF NOT EXISTS late_charge_billed_idx ON late_charge_billed (invoice_id)',
    """
    CREATE OR REPLACE FUNCTION reminder_keep_letter() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (NEW.id, NEW.merchant_id, NEW.customer_id, NEW.invoice_id, NEW.part_due, NEW.level, NEW.number, NEW.issued_on, NEW.deadline, NEW.currency, NEW.owed_minor, NEW.interest_minor, NEW.fee_minor, NEW.total_minor, NEW.by_hand, NEW.letter, NEW.created_at) IS DISTINCT FROM (OLD.id, OLD.merchant_id, OLD.customer_id, OLD.invoice_id, OLD.part_due, OLD.level, OLD.number, OLD.issued_on, OLD.deadline, OLD.currency, OLD.owed_minor, OLD.interest_minor, OLD.fee_minor, OLD.total_minor, OLD.by_hand, OLD.letter, OLD.created_at)
           OR (OLD.pdf IS NOT NULL AND NEW.pdf IS DISTINCT FROM OLD.pdf) THEN
            RAISE EXCEPTION 'reminder % was issued and cannot be changed', OLD.number
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    'DROP TRIGGER IF EXISTS reminder_keep_letter ON reminder',
    """
    CREATE TRIGGER reminder_keep_letter BEFORE UPDATE ON reminder
    FOR EACH ROW EXECUTE FUNCTION reminder_keep_letter()
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
