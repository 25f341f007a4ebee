"""Checks, partial and composite indexes, and triggers: what Piccolo's own migrations cannot say."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T03:29:24:854905"
VERSION = "1.38.0"
DESCRIPTION = "Constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    "ALTER TABLE payment ADD CONSTRAINT payment_status_check CHECK (status IN ('requires_payment_method', 'processing', 'requires_action', 'authorised', 'partially_captured', 'captured', 'canceled', 'failed', 'needs_review'))",
    'ALTER TABLE payment ADD CONSTRAINT payment_amount_check CHECK (amount_minor > 0)',
    'ALTER TABLE payment ADD CONSTRAINT payment_captured_check CHECK (amount_captured_minor BETWEEN 0 AND amount_minor)',
    'ALTER TABLE payment ADD CONSTRAINT payment_refunded_check CHECK (amount_refunded_minor BETWEEN 0 AND amount_minor)',
    "ALTER TABLE payment ADD CONSTRAINT payment_currency_check CHECK (currency ~ '^[A-Z][A-Z][A-Z]$')",
    "ALTER TABLE payment ADD CONSTRAINT payment_capture_method_check CHECK (capture_method IN ('automatic', 'manual'))",
    "ALTER TABLE attempt ADD CONSTRAINT attempt_status_check CHECK (status IN ('started', 'created', 'action_required', 'pending', 'unknown', 'authorised', 'captured', 'voided', 'declined', 'not_reached', 'abandoned'))",
    "ALTER TABLE operation ADD CONSTRAINT operation_kind_check CHECK (kind IN ('create', 'confirm', 'complete', 'capture', 'void', 'refund'))",
    "ALTER TABLE operation ADD CONSTRAINT operation_state_check CHECK (state IN ('sent', 'unknown', 'pending', 'settled', 'needs_review'))",
    "ALTER TABLE operation ADD CONSTRAINT operation_outcome_check CHECK (outcome IS NULL OR outcome IN ('approved', 'declined', 'action_required', 'pending', 'unknown', 'not_reached'))",
    "ALTER TABLE operation ADD CONSTRAINT operation_settled_check CHECK (state <> 'settled' OR (outcome IS NOT NULL AND settled_at IS NOT NULL))",
    'ALTER TABLE operation ADD CONSTRAINT operation_amount_check CHECK (amount_minor > 0)',
    'ALTER TABLE refund ADD CONSTRAINT refund_amount_check CHECK (amount_minor > 0)',
    'ALTER TABLE ledger_transfer ADD CONSTRAINT ledger_transfer_amount_check CHECK (amount_minor > 0)',
    'ALTER TABLE ledger_transfer ADD CONSTRAINT ledger_transfer_accounts_check CHECK (debit_account_id <> credit_account_id)',
    "ALTER TABLE gateway_account ADD CONSTRAINT gateway_account_mode_check CHECK (mode IN ('test', 'live'))",
    "ALTER TABLE webhook_message ADD CONSTRAINT webhook_message_state_check CHECK (state IN ('received', 'applied', 'ignored'))",
    'CREATE UNIQUE INDEX outbox_subject_key ON outbox (topic, subject)',
    'CREATE INDEX outbox_due_idx ON outbox (due_at) WHERE parked_at IS NULL',
    "CREATE UNIQUE INDEX payment_source_key ON payment (source) WHERE source IS NOT NULL AND status NOT IN ('failed', 'canceled')",
    'CREATE INDEX payment_merchant_idx ON payment (merchant_id, id DESC)',
    'CREATE UNIQUE INDEX attempt_position_key ON attempt (payment_id, position)',
    "CREATE INDEX attempt_gateway_payment_idx ON attempt (gateway_payment_id) WHERE gateway_payment_id <> ''",
    'CREATE INDEX operation_payment_idx ON operation (payment_id)',
    "CREATE UNIQUE INDEX operation_one_open_key ON operation (attempt_id) WHERE state IN ('sent', 'unknown') AND kind <> 'refund'",
    "CREATE INDEX operation_unsettled_idx ON operation (payment_id) WHERE state <> 'settled'",
    'CREATE INDEX refund_payment_idx ON refund (payment_id)',
    'CREATE UNIQUE INDEX ledger_account_key ON ledger_account (merchant_id, kind, gateway_account_id, currency)',
    "CREATE INDEX ledger_journal_payment_idx ON ledger_journal (payment_id) WHERE payment_id <> ''",
    'CREATE INDEX ledger_journal_merchant_idx ON ledger_journal (merchant_id, kind)',
    'CREATE INDEX ledger_transfer_journal_idx ON ledger_transfer (journal_id)',
    'CREATE INDEX ledger_transfer_debit_idx ON ledger_transfer (debit_account_id)',
    'CREATE INDEX ledger_transfer_credit_idx ON ledger_transfer (credit_account_id)',
    'CREATE UNIQUE INDEX webhook_message_event_key ON webhook_message (gateway_account_id, event_key)',
    'CREATE INDEX webhook_message_payment_idx ON webhook_message (payment_id) WHERE payment_id IS NOT NULL',
    'CREATE INDEX event_merchant_idx ON event (merchant_id, id DESC)',
    'CREATE INDEX event_object_idx ON event (object_id)',
    'CREATE INDEX gateway_account_merchant_idx ON gateway_account (merchant_id)',
    """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME;
END $$""",
    """CREATE FUNCTION ledger_transfer_one_currency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM ledger_account
        WHERE id IN (NEW.debit_account_id, NEW.credit_account_id) AND currency = NEW.currency) <> 2 THEN
        RAISE EXCEPTION 'transfer % joins accounts of another currency than its own', NEW.id;
    END IF;
    RETURN NEW;
END $$""",
    'CREATE TRIGGER ledger_journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_journal FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER ledger_transfer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfer FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER ledger_transfer_one_currency BEFORE INSERT ON ledger_transfer FOR EACH ROW EXECUTE FUNCTION ledger_transfer_one_currency()',
    "ALTER TABLE settlement_file ADD CONSTRAINT settlement_file_state_check CHECK (state IN ('received', 'parsed', 'parsed_with_errors', 'failed'))",
    "ALTER TABLE settlement_file ADD CONSTRAINT settlement_file_report_format_check CHECK (report_format IN ('stripe_payout_reconciliation', 'adyen_settlement_details', 'paypal_settlement'))",
    'CREATE UNIQUE INDEX settlement_file_content_key ON settlement_file (gateway_account_id, sha256)',
    'CREATE INDEX settlement_file_merchant_idx ON settlement_file (merchant_id, imported_at)',
    "ALTER TABLE settlement_line ADD CONSTRAINT settlement_line_line_type_check CHECK (line_type IN ('payment', 'capture_reversal', 'refund', 'refund_reversal', 'chargeback', 'chargeback_reversal', 'fee', 'adjustment', 'fx', 'reserve_hold', 'reserve_release', 'payout', 'payout_reversal', 'transfer', 'carry'))",
    'CREATE UNIQUE INDEX settlement_line_key ON settlement_line (gateway_account_id, line_key)',
    'CREATE INDEX settlement_line_merchant_idx ON settlement_line (merchant_id, occurred_at)',
    'CREATE INDEX settlement_line_file_idx ON settlement_line (file_id, row_no)',
    'ALTER TABLE settlement_line ADD CONSTRAINT settlement_line_net_check CHECK (gross_currency <> net_currency OR fee_currency = net_currency)',
    "ALTER TABLE settlement_match ADD CONSTRAINT settlement_match_basis_check CHECK (basis IN ('known', 'operation_id', 'attempt_id', 'gateway_operation_id', 'gateway_payment_id', 'part_of_capture', 'batch_total', 'account_row'))",
    "ALTER TABLE settlement_match ADD CONSTRAINT settlement_match_status_check CHECK (status IN ('matched', 'withdrawn'))",
    "CREATE UNIQUE INDEX settlement_match_movement_key ON settlement_match (gateway_account_id, movement_id) WHERE status = 'matched' AND movement_id IS NOT NULL",
    'CREATE INDEX settlement_match_merchant_idx ON settlement_match (merchant_id)',
    "ALTER TABLE settlement_break ADD CONSTRAINT settlement_break_kind_check CHECK (kind IN ('currency_mismatch', 'status_mismatch', 'duplicate_charge', 'amount_mismatch', 'fee_mismatch', 'missing_at_gateway', 'missing_in_ledger', 'duplicate_line', 'payout_mismatch'))",
    "ALTER TABLE settlement_break ADD CONSTRAINT settlement_break_state_check CHECK (state IN ('open', 'resolved'))",
    'ALTER TABLE settlement_break ADD CONSTRAINT settlement_break_subject_check CHECK (line_id IS NOT NULL OR movement_id IS NOT NULL)',
    "ALTER TABLE settlement_break ADD CONSTRAINT settlement_break_resolved_check CHECK ((state = 'resolved') = (resolved_at IS NOT NULL))",
    "CREATE INDEX settlement_break_open_idx ON settlement_break (merchant_id, opened_at) WHERE state = 'open'",
    'CREATE INDEX settlement_break_line_idx ON settlement_break (line_id)',
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
