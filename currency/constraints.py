"""What PostgreSQL itself refuses of exchange rates: impossible ones, two revisions of one number, and any change."""

from __future__ import annotations

CONSTRAINTS: tuple[str, ...] = (
    "ALTER TABLE fx_rate ADD CONSTRAINT fx_rate_units_check CHECK (units > 0 AND units < 'Infinity')",
    "ALTER TABLE fx_rate ADD CONSTRAINT fx_rate_pair_check CHECK "
    "(base ~ '^[A-Z][A-Z][A-Z]$' AND quote ~ '^[A-Z][A-Z][A-Z]$' AND base <> quote)",
    "ALTER TABLE fx_rate ADD CONSTRAINT fx_rate_revision_check CHECK (revision >= 1)",
    "CREATE UNIQUE INDEX fx_rate_revision_key ON fx_rate (merchant_id, source, base, quote, rate_date, revision)",
    """CREATE FUNCTION fx_rate_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rates are only ever added; a correction is a new revision';
END $$""",
    "CREATE TRIGGER fx_rate_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fx_rate "
    "FOR EACH STATEMENT EXECUTE FUNCTION fx_rate_refuse_change()",
)
