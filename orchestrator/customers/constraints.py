"""What PostgreSQL itself refuses of kept payment methods, and the indexes that find them."""

from __future__ import annotations

from orchestrator.customers.kept_methods import MethodStatus

_STATES = ", ".join(repr(state.value) for state in MethodStatus)

CONSTRAINTS: tuple[str, ...] = (
    "ALTER TABLE payment_method DROP CONSTRAINT payment_method_status_check",
    f"ALTER TABLE payment_method ADD CONSTRAINT payment_method_state_check CHECK (status IN ({_STATES}))",
    # whoever hears of an approval, what the payment was to keep is kept once
    "CREATE UNIQUE INDEX payment_method_payment_key ON payment_method (payment_id) WHERE payment_id IS NOT NULL",
    "CREATE INDEX payment_method_expiry_idx ON payment_method (expiry_year, expiry_month) "
    "WHERE status = 'active' AND expiry_year > 0",
    "CREATE INDEX payment_method_token_gateway_idx ON payment_method_token (gateway_account_id, gateway_token) "
    "WHERE state = 'kept'",
    "CREATE UNIQUE INDEX gateway_customer_key ON gateway_customer (customer_id, gateway_account_id)",
    "CREATE INDEX customer_merchant_idx ON customer (merchant_id, id DESC)",
    "CREATE INDEX customer_email_idx ON customer (merchant_id, lower(email))",
)
