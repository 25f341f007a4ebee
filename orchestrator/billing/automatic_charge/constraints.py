"""What PostgreSQL itself holds of automatic charges, one statement each, for a migration."""

from __future__ import annotations

from orchestrator.billing.automatic_charge.states import PENDING, ChargeState

_STATES = ", ".join(repr(state.value) for state in ChargeState)
_PENDING = ", ".join(sorted(repr(state.value) for state in PENDING))

CONSTRAINTS: tuple[str, ...] = (
    f"ALTER TABLE invoice_automatic_charge ADD CONSTRAINT invoice_automatic_charge_state_check CHECK (state IN ({_STATES}))",  # noqa: E501
    "ALTER TABLE invoice_automatic_charge ADD CONSTRAINT invoice_automatic_charge_counts_check "
    "CHECK (part >= 0 AND tries >= 0 AND returns >= 0)",
    "ALTER TABLE invoice_automatic_charge ADD CONSTRAINT invoice_automatic_charge_payment_check "
    "CHECK (state <> 'charging' OR payment_id IS NOT NULL)",
    "ALTER TABLE invoice_automatic_charge ADD CONSTRAINT invoice_automatic_charge_due_check "
    "CHECK (state NOT IN ('scheduled', 'retrying') OR due_at IS NOT NULL)",
    f"CREATE INDEX invoice_automatic_charge_customer_idx ON invoice_automatic_charge (customer_id) WHERE state IN ({_PENDING})",  # noqa: E501
)
