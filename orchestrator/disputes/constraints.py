"""What PostgreSQL itself refuses of disputes, and the indexes, one statement each, for a migration."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.disputes.records import ActionKind, ActionState, DisputeKind, Source
from orchestrator.gateways.facets import DisputeStatus
from routing.outcomes import OutcomeKind


def _one_of(table: str, column: str, words: type[StrEnum], otherwise: str = "") -> str:
    listed = ", ".join(f"'{word.value}'" for word in words)
    return f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_check CHECK ({otherwise}{column} IN ({listed}))"


CONSTRAINTS: tuple[str, ...] = (
    _one_of("dispute", "kind", DisputeKind),
    _one_of("dispute", "status", DisputeStatus),
    "ALTER TABLE dispute ADD CONSTRAINT dispute_amount_check CHECK (amount_minor > 0)",
    "ALTER TABLE dispute ADD CONSTRAINT dispute_money_check CHECK "
    "(withdrawn_minor >= 0 AND written_off_minor BETWEEN 0 AND withdrawn_minor)",
    "ALTER TABLE dispute ADD CONSTRAINT dispute_currency_check CHECK (currency ~ '^[A-Z][A-Z][A-Z]$')",
    # a dispute is stored once, however many workers hear of it at the same time
    "CREATE UNIQUE INDEX dispute_gateway_key ON dispute (gateway_account_id, gateway_dispute_id)",
    "CREATE INDEX dispute_merchant_idx ON dispute (merchant_id, id DESC)",
    "CREATE INDEX dispute_payment_idx ON dispute (payment_id) WHERE payment_id IS NOT NULL",
    _one_of("dispute_history", "source", Source),
    "CREATE UNIQUE INDEX dispute_history_event_key ON dispute_history (dispute_id, event_key)",
    "CREATE TRIGGER dispute_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dispute_history "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    _one_of("dispute_action", "kind", ActionKind),
    _one_of("dispute_action", "state", ActionState),
    _one_of("dispute_action", "outcome", OutcomeKind, "outcome IS NULL OR "),
    "ALTER TABLE dispute_action ADD CONSTRAINT dispute_action_settled_check CHECK "
    "(state <> 'settled' OR (outcome IS NOT NULL AND settled_at IS NOT NULL))",
    # one call out about a dispute at a time: evidence is taken once, and what is accepted cannot be defended
    "CREATE UNIQUE INDEX dispute_action_one_open_key ON dispute_action (dispute_id) WHERE state IN ('sent', 'unknown')",
    "CREATE INDEX dispute_action_dispute_idx ON dispute_action (dispute_id)",
    # PayPal's disputes name the capture alone
    "CREATE INDEX operation_capture_at_gateway_idx ON operation (gateway_operation_id) "
    "WHERE kind = 'capture' AND gateway_operation_id <> ''",
)
