"""What PostgreSQL itself refuses: impossible amounts and states, two open calls at once, and changes to the ledger.

One statement each, in order; run by a migration. Names are `<table>_<what>_check`, `_key` and `_idx`.
"""

from __future__ import annotations

from enum import StrEnum

from orchestrator.abuse.constraints import CONSTRAINTS as ABUSE
from orchestrator.access.constraints import CONSTRAINTS as ACCESS
from orchestrator.approvals.constraints import CONSTRAINTS as APPROVALS
from orchestrator.billing.automatic_charge.constraints import CONSTRAINTS as AUTOMATIC_CHARGE
from orchestrator.billing.delivery.constraints import CONSTRAINTS as DELIVERY
from orchestrator.billing.transmissions.constraints import CONSTRAINTS as TRANSMISSIONS
from orchestrator.checkouts.constraints import CONSTRAINTS as CHECKOUTS
from orchestrator.customers.constraints import CONSTRAINTS as CUSTOMERS
from orchestrator.customers.kept_methods import TokenState
from orchestrator.disputes.constraints import CONSTRAINTS as DISPUTES
from orchestrator.fx.constraints import CONSTRAINTS as FX
from orchestrator.gateways.base import OperationKind
from orchestrator.installation.constraints import CONSTRAINTS as INSTALLATION
from orchestrator.ledger.constraints import CONSTRAINTS as LEDGER
from orchestrator.notifications.constraints import CONSTRAINTS as NOTIFICATIONS
from orchestrator.payments.constraints import CONSTRAINTS as PAYMENTS
from orchestrator.payments.records import AttemptStatus, OperationState, PaymentStatus
from orchestrator.recipients.constraints import CONSTRAINTS as RECIPIENTS
from orchestrator.reconciliation.constraints import CONSTRAINTS as RECONCILIATION
from orchestrator.tax_ids.constraints import CONSTRAINTS as TAX_IDS
from orchestrator.webhooks.constraints import CONSTRAINTS as WEBHOOKS
from routing.outcomes import OutcomeKind


def _one_of(column: str, words: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(word.value) for word in words)})"


_CHECKS: dict[str, dict[str, str]] = {
    "payment": {
        "payment_status_check": _one_of("status", PaymentStatus),
        "payment_amount_check": "amount_minor > 0",
        "payment_captured_check": "amount_captured_minor BETWEEN 0 AND amount_minor",
        # not the captured amount: a gateway may take back a capture that was refunded before
        "payment_refunded_check": "amount_refunded_minor BETWEEN 0 AND amount_minor",
        "payment_currency_check": "currency ~ '^[A-Z][A-Z][A-Z]$'",
        "payment_capture_method_check": "capture_method IN ('automatic', 'manual')",
    },
    "attempt": {"attempt_status_check": _one_of("status", AttemptStatus)},
    "operation": {
        "operation_kind_check": _one_of("kind", OperationKind),
        "operation_state_check": _one_of("state", OperationState),
        "operation_outcome_check": f"outcome IS NULL OR {_one_of('outcome', OutcomeKind)}",
        "operation_settled_check": "state <> 'settled' OR (outcome IS NOT NULL AND settled_at IS NOT NULL)",
        "operation_amount_check": "amount_minor > 0",
    },
    "refund": {"refund_amount_check": "amount_minor > 0"},
    "ledger_transfer": {
        "ledger_transfer_amount_check": "amount_minor > 0",
        "ledger_transfer_accounts_check": "debit_account_id <> credit_account_id",
    },
    "gateway_account": {"gateway_account_mode_check": "mode IN ('test', 'live')"},
    "payment_method_token": {
        "payment_method_token_state_check": _one_of("state", TokenState),
        "payment_method_token_kept_check": "state <> 'kept' OR gateway_token <> ''",
    },
    "webhook_message": {"webhook_message_state_check": "state IN ('received', 'applied', 'ignored')"},
}

_INDEXES = (
    "CREATE UNIQUE INDEX outbox_subject_key ON outbox (topic, subject)",
    "CREATE INDEX outbox_due_idx ON outbox (due_at) WHERE parked_at IS NULL",
    # what is neither failed nor canceled is the one payment for its source: two tabs cannot pay an invoice twice
    "CREATE UNIQUE INDEX payment_source_key ON payment (source) "
    "WHERE source IS NOT NULL AND status NOT IN ('failed', 'canceled')",
    "CREATE INDEX payment_merchant_idx ON payment (merchant_id, id DESC)",
    "CREATE UNIQUE INDEX attempt_position_key ON attempt (payment_id, position)",
    "CREATE INDEX attempt_gateway_payment_idx ON attempt (gateway_payment_id) WHERE gateway_payment_id <> ''",
    "CREATE INDEX operation_payment_idx ON operation (payment_id)",
    # an attempt has one call out at a time: whoever drives a payment, money is asked for once
    "CREATE UNIQUE INDEX operation_one_open_key ON operation (attempt_id) "
    "WHERE state IN ('sent', 'unknown') AND kind <> 'refund'",
    "CREATE INDEX operation_unsettled_idx ON operation (payment_id) WHERE state <> 'settled'",
    "CREATE INDEX refund_payment_idx ON refund (payment_id)",
    "CREATE INDEX ledger_journal_payment_idx ON ledger_journal (payment_id) WHERE payment_id <> ''",
    "CREATE INDEX ledger_journal_merchant_idx ON ledger_journal (merchant_id, kind)",
    "CREATE INDEX ledger_transfer_journal_idx ON ledger_transfer (journal_id)",
    "CREATE INDEX ledger_transfer_debit_idx ON ledger_transfer (debit_account_id)",
    "CREATE INDEX ledger_transfer_credit_idx ON ledger_transfer (credit_account_id)",
    "CREATE UNIQUE INDEX webhook_message_event_key ON webhook_message (gateway_account_id, event_key)",
    "CREATE INDEX webhook_message_payment_idx ON webhook_message (payment_id) WHERE payment_id IS NOT NULL",
    "CREATE INDEX event_merchant_idx ON event (merchant_id, id DESC)",
    "CREATE INDEX event_object_idx ON event (object_id)",
    "CREATE INDEX gateway_account_merchant_idx ON gateway_account (merchant_id)",
    "CREATE INDEX payment_method_customer_idx ON payment_method (customer_id)",
    # a method is kept once at an account; what failed or was forgotten may be tried again
    "CREATE UNIQUE INDEX payment_method_token_live_key ON payment_method_token "
    "(payment_method_id, gateway_account_id) WHERE state NOT IN ('failed', 'forgotten')",
    "CREATE INDEX operation_unmapped_idx ON operation (attempt_id) WHERE decline->>'reason' = 'unmapped'",
)

_APPEND_ONLY = ("ledger_journal", "ledger_transfer", "event")

_FUNCTIONS = (
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
)

CONSTRAINTS: tuple[str, ...] = (
    *(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition})"
        for table, checks in _CHECKS.items()
        for name, condition in checks.items()
    ),
    *_INDEXES,
    *_FUNCTIONS,
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in _APPEND_ONLY
    ),
    "CREATE TRIGGER ledger_transfer_one_currency BEFORE INSERT ON ledger_transfer "
    "FOR EACH ROW EXECUTE FUNCTION ledger_transfer_one_currency()",
    *RECONCILIATION,
    *NOTIFICATIONS,
    *DISPUTES,
    *CHECKOUTS,
    *ACCESS,
    *PAYMENTS,
    *LEDGER,
    *RECIPIENTS,
    *WEBHOOKS,
    *ABUSE,
    *APPROVALS,
    *INSTALLATION,
    *CUSTOMERS,
    *FX,
    *DELIVERY,
    *TRANSMISSIONS,
    *AUTOMATIC_CHARGE,
    *TAX_IDS,
)
