"""Instruments of payments and kept payment methods: stored cards say what they are, and constraints."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T07:18:34:688649"
VERSION = "1.38.0"
DESCRIPTION = "Instruments of payments and kept payment methods: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
    # what was a card's column has every instrument now, and each says what it is
    "UPDATE payment SET instrument = jsonb_build_object('type', 'card') || instrument WHERE instrument IS NOT NULL",
    'ALTER TABLE payment_method DROP CONSTRAINT payment_method_status_check',
    "ALTER TABLE payment_method ADD CONSTRAINT payment_method_state_check CHECK (status IN ('processing', 'requires_action', 'active', 'failed', 'detaching', 'detached'))",
    'CREATE UNIQUE INDEX payment_method_payment_key ON payment_method (payment_id) WHERE payment_id IS NOT NULL',
    "CREATE INDEX payment_method_expiry_idx ON payment_method (expiry_year, expiry_month) WHERE status = 'active' AND expiry_year > 0",
    "CREATE INDEX payment_method_token_gateway_idx ON payment_method_token (gateway_account_id, gateway_token) WHERE state = 'kept'",
    'CREATE UNIQUE INDEX gateway_customer_key ON gateway_customer (customer_id, gateway_account_id)',
    'CREATE INDEX customer_merchant_idx ON customer (merchant_id, id DESC)',
    'CREATE INDEX customer_email_idx ON customer (merchant_id, lower(email))',
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
