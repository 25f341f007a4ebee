"""The migration runner under the accidents it is made for: two at once, and `kill -9` in the middle."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest_asyncio
from piccolo.conf.apps import AppConfig
from piccolo.table import Table

from orchestrator import migrations
from orchestrator.db import transaction

ROOT = Path(__file__).parents[3]
FOLDER = Path(__file__).parent / "slow_app" / "piccolo_migrations"
RUNNER = """
import asyncio, sys
from piccolo.conf.apps import AppConfig
from piccolo.table import Table
from orchestrator import migrations
from orchestrator.db import transaction
done = asyncio.run(migrations.migrate([AppConfig(app_name="slow_app", migrations_folder_path=sys.argv[1])]))
print(len(done))
"""


@pytest_asyncio.fixture(loop_scope="session")
async def empty_database(migrated_database: str) -> AsyncIterator[str]:
    """A database of its own, without any table."""
    admin = await asyncpg.connect(migrated_database)
    await admin.execute("DROP DATABASE IF EXISTS for_migrations WITH (FORCE)")
    await admin.execute("CREATE DATABASE for_migrations")
    yield urlsplit(migrated_database)._replace(path="/for_migrations").geturl()
    await admin.execute("DROP DATABASE for_migrations WITH (FORCE)")
    await admin.close()


def start_runner(url: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "DATABASE_URL": url, "PICCOLO_CONF": "tests.integration.platform.slow_app.conf"}
    command = [sys.executable, "-c", RUNNER, str(FOLDER)]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def finish(runner: subprocess.Popen[str]) -> int:
    """How many migrations it ran."""
    said, _ = runner.communicate(timeout=120)
    assert runner.returncode == 0
    return int(said)


async def test_two_runners_at_once_run_each_migration_once(empty_database: str) -> None:
    runners = [start_runner(empty_database) for _ in range(2)]
    assert sum(finish(runner) for runner in runners) == 2
    connection = await asyncpg.connect(empty_database)
    assert await connection.fetchval("SELECT count(*) FROM second_made") == 1
    assert await connection.fetchval("SELECT count(*) FROM migration") == 2
    await connection.close()


async def test_a_runner_killed_in_a_migration_leaves_nothing_of_it_and_the_next_completes(empty_database: str) -> None:
    connection = await asyncpg.connect(empty_database)
    runner = start_runner(empty_database)
    await until_it_sleeps(connection)
    runner.kill()
    runner.communicate()
    assert await connection.fetchval("SELECT to_regclass('first_made') IS NOT NULL")
    assert await connection.fetchval("SELECT to_regclass('second_made') IS NULL")
    assert finish(start_runner(empty_database)) == 1
    assert await connection.fetchval("SELECT count(*) FROM second_made") == 1
    assert await connection.fetchval("SELECT count(*) FROM migration") == 2
    await connection.close()


async def until_it_sleeps(connection: asyncpg.Connection) -> None:
    deadline = time.monotonic() + 90
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
    while not await connection.fetchval(asleep):
        assert time.monotonic() < deadline, "the migration never began"


async def test_nothing_is_pending_after_migrate(database: str) -> None:
    assert await migrations.pending() == []


async def test_a_migration_that_was_never_run_is_pending(database: str) -> None:
    steps = await migrations.pending([AppConfig(app_name="slow_app", migrations_folder_path=str(FOLDER))])
    assert [step.id[-1] for step in steps] == ["1", "2"]


async def test_migrating_again_runs_nothing(database: str) -> None:
    assert await migrations.migrate() == []


def tables_of_the_code() -> list[type[Table]]:
    return [table for name in migrations.APPS for table in importlib.import_module(name).APP_CONFIG.table_classes]


async def test_the_migrations_make_every_column_of_every_table(database: str) -> None:
    async with transaction() as connection:
        rows = await connection.fetch(
            "SELECT table_name, column_name, is_nullable = 'YES' AS may_be_null"
            " FROM information_schema.columns WHERE table_schema = 'public'"
            " AND is_generated = 'NEVER'"  # what the database computes by itself no code names
        )
    made = {(row["table_name"], row["column_name"], row["may_be_null"]) for row in rows}
    wanted = {
        (table._meta.tablename, column._meta.db_column_name, bool(column._meta.null))
        for table in tables_of_the_code()
        for column in table._meta.columns
    }
    assert wanted - made == set()
    assert {row for row in made if row[0] != "migration"} - wanted == set()


async def test_every_foreign_key_restricts_deletion(database: str) -> None:
    async with transaction() as connection:
        rows = await connection.fetch("SELECT conname FROM pg_constraint WHERE contype = 'f' AND confdeltype <> 'r'")
    assert [row["conname"] for row in rows] == []


async def test_no_amount_of_money_has_a_default(database: str) -> None:
    async with transaction() as connection:
        rows = await connection.fetch(
            "SELECT table_name || '.' || column_name AS place FROM information_schema.columns"
            " WHERE table_schema = 'public' AND column_name LIKE '%\\_minor' AND column_default IS NOT NULL"
        )
    assert [row["place"] for row in rows] == []
