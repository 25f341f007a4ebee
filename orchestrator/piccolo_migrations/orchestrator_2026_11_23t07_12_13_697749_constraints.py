"""Ledger projections and split recipients: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T07:12:17:276766"
VERSION = "1.38.0"
DESCRIPTION = "Ledger projections and split recipients: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    'DROP INDEX IF EXISTS ledger_account_key',
    'CREATE UNIQUE INDEX ledger_account_key ON ledger_account (merchant_id, kind, gateway_account_id, recipient_id, currency)',
    "CREATE INDEX ledger_account_recipient_idx ON ledger_account (recipient_id) WHERE recipient_id <> ''",
    'CREATE INDEX ledger_journal_posted_idx ON ledger_journal (merchant_id, id DESC)',
    'CREATE INDEX ledger_journal_occurred_idx ON ledger_journal (merchant_id, occurred_at)',
    "CREATE INDEX ledger_journal_operation_idx ON ledger_journal (operation_id) WHERE operation_id <> ''",
    'CREATE UNIQUE INDEX ledger_day_key ON ledger_day (account_id, day)',
    """CREATE FUNCTION ledger_transfer_unfolded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_unfolded (transfer_id, debit_account_id, credit_account_id, amount_minor, day)
    SELECT t.id, t.debit_account_id, t.credit_account_id, t.amount_minor, (j.occurred_at AT TIME ZONE 'UTC')::date
    FROM fresh t JOIN ledger_journal j ON j.id = t.journal_id;
    RETURN NULL;
END $$""",
    'CREATE TRIGGER ledger_transfer_unfolded AFTER INSERT ON ledger_transfer REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ledger_transfer_unfolded()',
    "INSERT INTO ledger_unfolded (transfer_id, debit_account_id, credit_account_id, amount_minor, day) SELECT t.id, t.debit_account_id, t.credit_account_id, t.amount_minor, (j.occurred_at AT TIME ZONE 'UTC')::date FROM ledger_transfer t JOIN ledger_journal j ON j.id = t.journal_id ON CONFLICT DO NOTHING",
    'CREATE INDEX recipient_merchant_idx ON recipient (merchant_id, id DESC)',
    "ALTER TABLE recipient_account ADD CONSTRAINT recipient_account_state_check CHECK (state IN ('ready', 'incomplete', 'unverified'))",
    'CREATE UNIQUE INDEX recipient_account_key ON recipient_account (recipient_id, gateway_account_id)',
    "ALTER TABLE split_transfer ADD CONSTRAINT split_transfer_kind_check CHECK (kind IN ('transfer', 'reversal'))",
    "ALTER TABLE split_transfer ADD CONSTRAINT split_transfer_state_check CHECK (state IN ('planned', 'sent', 'unknown', 'settled', 'needs_review'))",
    "ALTER TABLE split_transfer ADD CONSTRAINT split_transfer_outcome_check CHECK (outcome IS NULL OR outcome IN ('approved', 'declined', 'action_required', 'pending', 'unknown', 'not_reached'))",
    'ALTER TABLE split_transfer ADD CONSTRAINT split_transfer_amount_check CHECK (amount_minor > 0)',
    "ALTER TABLE split_transfer ADD CONSTRAINT split_transfer_reverses_check CHECK ((kind = 'reversal') = (reverses_id IS NOT NULL))",
    "ALTER TABLE split_transfer ADD CONSTRAINT split_transfer_settled_check CHECK (state <> 'settled' OR (outcome IS NOT NULL AND settled_at IS NOT NULL))",
    'CREATE INDEX split_transfer_payment_idx ON split_transfer (payment_id)',
    'CREATE INDEX split_transfer_recipient_idx ON split_transfer (recipient_id, id DESC)',
    "CREATE UNIQUE INDEX split_transfer_once_key ON split_transfer (operation_id, kind, recipient_id, coalesce(reverses_id, ''))",
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
