"""What PostgreSQL holds beside the tables' own checks: partial indexes and keys of several columns.

Both are outside of Piccolo's auto migrations (its issue 1188): a migration runs these.
"""

CONSTRAINTS: tuple[str, ...] = (
    "CREATE UNIQUE INDEX IF NOT EXISTS rule_set_one_active_idx ON rule_set (merchant_id) WHERE state = 'active'",
    # breakers from before there was a method count for every method: their method is empty
    "ALTER TABLE breaker_state DROP CONSTRAINT breaker_state_pkey, ADD PRIMARY KEY (account_id, method)",
)
