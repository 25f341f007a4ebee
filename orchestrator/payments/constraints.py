"""What PostgreSQL itself refuses of payments, beside the first constraints of all (orchestrator/constraints.py)."""

from __future__ import annotations

from orchestrator.payments.records import Cause, OnUnknown


def _one_of(table: str, column: str, words: tuple[str, ...]) -> str:
    listed = ", ".join(repr(word) for word in words)
    return f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_check CHECK ({column} IN ({listed}))"


CONSTRAINTS: tuple[str, ...] = (
    # What a gateway took is recorded, also where it took twice: the surplus goes back, it is not left out of the books.
    "ALTER TABLE payment DROP CONSTRAINT payment_captured_check",
    "ALTER TABLE payment DROP CONSTRAINT payment_refunded_check",
    "ALTER TABLE payment ADD CONSTRAINT payment_captured_check CHECK (amount_captured_minor >= 0)",
    "ALTER TABLE payment ADD CONSTRAINT payment_refunded_check CHECK (amount_refunded_minor >= 0)",
    _one_of("payment", "on_unknown", tuple(word.value for word in OnUnknown)),
    "ALTER TABLE attempt ADD CONSTRAINT attempt_capture_mode_check CHECK (capture_mode IN ('manual', 'automatic'))",
    _one_of("operation", "cause", tuple(word.value for word in Cause)),
    "UPDATE operation SET captures = TRUE WHERE kind = 'capture'",
    # an attempt has one call out at a time, and beside an unknown one the call that undoes it
    "DROP INDEX operation_one_open_key",
    "CREATE UNIQUE INDEX operation_one_open_key ON operation (attempt_id) "
    "WHERE state IN ('sent', 'unknown') AND kind NOT IN ('refund', 'void')",
    "CREATE UNIQUE INDEX operation_one_open_void_key ON operation (attempt_id) "
    "WHERE state IN ('sent', 'unknown') AND kind = 'void'",
    "CREATE INDEX operation_review_idx ON operation (payment_id, id) WHERE state = 'needs_review'",
    "ALTER TABLE payment ADD CONSTRAINT payment_risk_score_check CHECK (risk_score BETWEEN 0 AND 100)",
    # Refused tries of a card are asked for at each payment, so they have an index, and approvals cost nothing in it: a
    # column of its own changes only with a refusal, where an index by status would change with every step.
    "ALTER TABLE attempt ADD COLUMN refused_fingerprint varchar(64) GENERATED ALWAYS AS "
    "(CASE WHEN status IN ('declined', 'unknown') THEN NULLIF(fingerprint, '') END) STORED",
    "CREATE INDEX attempt_refused_card_idx ON attempt (refused_fingerprint, created_at) "
    "WHERE refused_fingerprint IS NOT NULL",
    "CREATE INDEX attempt_card_idx ON attempt (fingerprint, created_at) WHERE fingerprint <> ''",
    # for tallies and reports of a time; rows come nearly in its order, so it costs next to nothing to keep
    "CREATE INDEX attempt_created_idx ON attempt USING brin (created_at)",
    "CREATE UNIQUE INDEX card_start_key ON card_start (merchant_id, fingerprint)",
    "CREATE INDEX card_start_last_idx ON card_start (last_at)",
    # set-ups are tries of the card as well; what is kept has no row in it
    "CREATE INDEX payment_method_tried_card_idx ON payment_method (fingerprint, created_at) "
    "WHERE status IN ('failed', 'processing', 'requires_action') AND fingerprint <> ''",
    # The payment, locked, and its story, in one round trip. Two statements all the same, for each sees what is there
    # when it begins: the story is read once the lock is held. `exchange`, most of the bytes, is left out.
    """CREATE OR REPLACE FUNCTION locked_payment(wanted varchar, OUT payment json, OUT attempts json,
    OUT operations json) LANGUAGE plpgsql AS $$
BEGIN
    SELECT row_to_json(p.*) INTO payment FROM payment p WHERE p.id = wanted FOR NO KEY UPDATE;
    IF FOUND THEN
        SELECT (SELECT json_agg(a ORDER BY a.position) FROM attempt a WHERE a.payment_id = wanted),
            (SELECT json_agg(o ORDER BY o.id) FROM (
                SELECT id, payment_id, attempt_id, kind, state, outcome, amount_minor, currency, target_operation_id,
                action_result, gateway_operation_id, decline, detail, NULL AS exchange, settled_by, tries, sent_at,
                expires_at, settled_at, captures, final, cause, evidence, review, splits
                FROM operation WHERE payment_id = wanted
            ) o)
            INTO attempts, operations;
    END IF;
END $$""",
)
