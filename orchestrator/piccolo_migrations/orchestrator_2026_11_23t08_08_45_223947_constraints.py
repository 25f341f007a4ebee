"""Quotes of converted amounts: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T08:08:48:975009"
VERSION = "1.38.0"
DESCRIPTION = "Quotes of converted amounts: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    'ALTER TABLE fx_quote ADD CONSTRAINT fx_quote_amounts_check CHECK (amount_minor > 0 AND converted_minor > 0)',
    'ALTER TABLE fx_quote ADD CONSTRAINT fx_quote_used_check CHECK ((payment_id IS NULL) = (used_at IS NULL))',
    'ALTER TABLE fx_terms ADD CONSTRAINT fx_terms_markup_check CHECK (markup_bps BETWEEN 0 AND 2000)',
    'CREATE UNIQUE INDEX fx_quote_payment_key ON fx_quote (payment_id) WHERE payment_id IS NOT NULL',
    'CREATE INDEX fx_quote_merchant_idx ON fx_quote (merchant_id, id DESC)',
    """CREATE FUNCTION fx_quote_only_used_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.payment_id IS NOT NULL
        OR to_jsonb(NEW) - 'payment_id' - 'used_at' <> to_jsonb(OLD) - 'payment_id' - 'used_at' THEN
        RAISE EXCEPTION 'quote % is fixed: it may be used for one payment, once', OLD.id;
    END IF;
    RETURN NEW;
END $$""",
    'CREATE TRIGGER fx_quote_fixed BEFORE UPDATE ON fx_quote FOR EACH ROW EXECUTE FUNCTION fx_quote_only_used_once()',
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
