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
)
