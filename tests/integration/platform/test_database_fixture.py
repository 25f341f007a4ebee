"""The `database` fixture itself: other tests stand on it."""

from __future__ import annotations

from orchestrator.db import transaction


async def test_database_has_the_tables_of_the_broker(database: str) -> None:
    async with transaction() as connection:
        assert await connection.fetchval("SELECT to_regclass('dramatiq.queue') IS NOT NULL")


async def test_database_is_empty_again_in_the_next_test(database: str) -> None:
    async with transaction() as connection:
        assert await connection.fetchval("SELECT count(*) FROM dramatiq.worker") == 0
        await connection.execute("INSERT INTO dramatiq.worker VALUES (gen_random_uuid(), '2026-01-01')")


async def test_what_another_test_wrote_is_gone(database: str) -> None:
    async with transaction() as connection:
        assert await connection.fetchval("SELECT count(*) FROM dramatiq.worker") == 0
