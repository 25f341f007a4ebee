"""What PostgreSQL itself sees to in the ledger beyond its column checks, one statement each, for a migration."""

from __future__ import annotations

CONSTRAINTS: tuple[str, ...] = (
    # accounts are kept by recipient too
    "DROP INDEX IF EXISTS ledger_account_key",
    "CREATE UNIQUE INDEX ledger_account_key ON ledger_account "
    "(merchant_id, kind, gateway_account_id, recipient_id, currency)",
    "CREATE INDEX ledger_account_recipient_idx ON ledger_account (recipient_id) WHERE recipient_id <> ''",
    "CREATE INDEX ledger_journal_posted_idx ON ledger_journal (merchant_id, id DESC)",
    "CREATE INDEX ledger_journal_occurred_idx ON ledger_journal (merchant_id, occurred_at)",
    "CREATE INDEX ledger_journal_operation_idx ON ledger_journal (operation_id) WHERE operation_id <> ''",
    "CREATE UNIQUE INDEX ledger_day_key ON ledger_day (account_id, day)",
    """CREATE FUNCTION ledger_transfer_unfolded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_unfolded (transfer_id, debit_account_id, credit_account_id, amount_minor, day)
    SELECT t.id, t.debit_account_id, t.credit_account_id, t.amount_minor, (j.occurred_at AT TIME ZONE 'UTC')::date
    FROM fresh t JOIN ledger_journal j ON j.id = t.journal_id;
    RETURN NULL;
END $$""",
    # whoever adds a transfer, by whatever statement, adds it to what the projection has yet to take in
    "CREATE TRIGGER ledger_transfer_unfolded AFTER INSERT ON ledger_transfer REFERENCING NEW TABLE AS fresh "
    "FOR EACH STATEMENT EXECUTE FUNCTION ledger_transfer_unfolded()",
    # what was posted before there was a projection
    "INSERT INTO ledger_unfolded (transfer_id, debit_account_id, credit_account_id, amount_minor, day) "
    "SELECT t.id, t.debit_account_id, t.credit_account_id, t.amount_minor, (j.occurred_at AT TIME ZONE 'UTC')::date "
    "FROM ledger_transfer t JOIN ledger_journal j ON j.id = t.journal_id ON CONFLICT DO NOTHING",
)
