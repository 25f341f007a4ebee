"""Stored exchange rates: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T08:08:42:023070"
VERSION = "1.38.0"
DESCRIPTION = "Stored exchange rates: constraints"

# Frozen: what this migration did does not change when currency's constraints later do.
STATEMENTS = (
    "ALTER TABLE fx_rate ADD CONSTRAINT fx_rate_units_check CHECK (units > 0 AND units < 'Infinity')",
    "ALTER TABLE fx_rate ADD CONSTRAINT fx_rate_pair_check CHECK (base ~ '^[A-Z][A-Z][A-Z]$' AND quote ~ '^[A-Z][A-Z][A-Z]$' AND base <> quote)",
    'ALTER TABLE fx_rate ADD CONSTRAINT fx_rate_revision_check CHECK (revision >= 1)',
    'CREATE UNIQUE INDEX fx_rate_revision_key ON fx_rate (merchant_id, source, base, quote, rate_date, revision)',
    """CREATE FUNCTION fx_rate_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rates are only ever added; a correction is a new revision';
END $$""",
    'CREATE TRIGGER fx_rate_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fx_rate FOR EACH STATEMENT EXECUTE FUNCTION fx_rate_refuse_change()',
)


class RawTable(Table):
    """Only to run statements through the app's engine."""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="currency", description=DESCRIPTION)

    async def run() -> None:
        for statement in STATEMENTS:
            await RawTable.raw(statement.replace("{", "{{").replace("}", "}}"))

    manager.add_raw(run)
    return manager
