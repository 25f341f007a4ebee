"""What PostgreSQL refuses and finds quickly among received webhooks. One statement each, run by a migration."""

CONSTRAINTS: tuple[str, ...] = (
    "ALTER TABLE webhook_message DROP CONSTRAINT webhook_message_state_check",
    "ALTER TABLE webhook_message ADD CONSTRAINT webhook_message_states_check "
    "CHECK (state IN ('received', 'applied', 'ignored', 'parked'))",
    "CREATE INDEX webhook_message_account_idx ON webhook_message (gateway_account_id, id DESC)",
    "CREATE INDEX webhook_message_parked_idx ON webhook_message (gateway_account_id, id) WHERE state = 'parked'",
    "CREATE INDEX webhook_delivery_kept_idx ON webhook_delivery (received_at) "
    "WHERE body IS NOT NULL OR sealed_body IS NOT NULL",
    "CREATE INDEX webhook_delivery_plain_idx ON webhook_delivery (id) WHERE body IS NOT NULL",
    "CREATE UNIQUE INDEX webhook_rejection_hour_key ON webhook_rejection_hour (gateway_account_id, hour)",
    "CREATE INDEX webhook_rejection_at_idx ON webhook_rejection (rejected_at)",
)
