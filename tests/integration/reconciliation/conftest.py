"""A migrated database with the constraints of this slice, and the sample reports of the unit tests within reach."""

import sys
from pathlib import Path

import pytest_asyncio

sys.path.append(str(Path(__file__).parents[2] / "unit" / "reconciliation"))


@pytest_asyncio.fixture(loop_scope="session")
async def books(database: str) -> str:
    """The database's URL; the constraints are there even while no migration makes them."""
    from orchestrator.db import transaction
    from orchestrator.reconciliation.constraints import CONSTRAINTS

    async with transaction() as connection:
        if await connection.fetchval("SELECT to_regclass('settlement_line_key') IS NULL"):
            for statement in CONSTRAINTS:
                await connection.execute(statement)
        await connection.execute(
            "CREATE UNIQUE INDEX IF NOT EXISTS ledger_account_key ON ledger_account"
            " (merchant_id, kind, gateway_account_id, currency)"
        )
    return database
