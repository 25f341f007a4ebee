"""What PostgreSQL itself refuses of checkout sessions and payment links, and the indexes."""

from __future__ import annotations

from orchestrator.checkouts.records import SessionState

_STATES = ", ".join(repr(state.value) for state in SessionState)

CONSTRAINTS: tuple[str, ...] = (
    f"ALTER TABLE checkout_session ADD CONSTRAINT checkout_session_state_check CHECK (state IN ({_STATES}))",
    "ALTER TABLE checkout_session ADD CONSTRAINT checkout_session_closed_check CHECK "
    "((state = 'open') = (closed_at IS NULL))",
    "CREATE INDEX checkout_session_merchant_idx ON checkout_session (merchant_id, id DESC)",
    # a link's uses are counted with its row locked, each time somebody begins to pay by it
    "CREATE INDEX checkout_session_link_idx ON checkout_session (payment_link_id, state) "
    "WHERE payment_link_id IS NOT NULL",
    "ALTER TABLE payment_link ADD CONSTRAINT payment_link_amount_check CHECK ("
    "(amount_minor > 0 AND amount_min_minor IS NULL AND amount_max_minor IS NULL) OR "
    "(amount_minor IS NULL AND amount_min_minor > 0 AND amount_max_minor >= amount_min_minor))",
    "ALTER TABLE payment_link ADD CONSTRAINT payment_link_uses_check CHECK (uses_max >= 1)",
    "ALTER TABLE payment_link ADD CONSTRAINT payment_link_capture_check CHECK "
    "(capture_method IN ('automatic', 'manual'))",
    "CREATE INDEX payment_link_merchant_idx ON payment_link (merchant_id, id DESC)",
)
