"""A payment and its story, locked by one question: checks, partial and composite indexes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-23T17:31:05:321100"
VERSION = "1.38.0"
DESCRIPTION = "A payment and its story, locked by one question: constraints"

# Frozen: what this migration did does not change when orchestrator's constraints later do.
STATEMENTS = (
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


class RawTable(Table):
    """Only to run statements through the app's engine."""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="orchestrator", description=DESCRIPTION)

    async def run() -> None:
        for statement in STATEMENTS:
            await RawTable.raw(statement.replace("{", "{{").replace("}", "}}"))

    manager.add_raw(run)
    return manager
