"""What all tests share: an environment of their own and, for those that ask, a migrated, empty PostgreSQL.

A test that takes the fixture `database` gets one server per pytest process, started when the first test asks. Unit and
property tests that do not ask start nothing.
"""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from argon2 import PasswordHasher

if TYPE_CHECKING:
    from orchestrator.embedded_postgres import Server

NOT_STARTED = "postgresql://nobody@127.0.0.1:1/no-test-asked-for-the-database-fixture"
TEST_SECRET_KEY = "only-for-tests-only-for-tests-only-for-tests"
# Argon2id as an installation runs it is a fifth of a second of work for each password; tests hash hundreds of them.
QUICK_HASHES = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
# To truncate every table before every test gives each of them, and of their indexes, a new file: that took longer than
# most of the tests. Few rows are deleted; the lock waits for whoever is still writing, as TRUNCATE would.
EMPTY_WHAT_IS_NOT = """
DO $$
DECLARE
    its record;
    held boolean;
BEGIN
    FOR its IN
        SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
        WHERE schemaname IN ('public', 'dramatiq') AND tablename <> 'migration'
    LOOP
        EXECUTE format('LOCK TABLE %s IN SHARE MODE', its.name);
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s)', its.name) INTO held;
        IF held AND pg_relation_size(its.name::regclass) > 1000000 THEN
            EXECUTE format('TRUNCATE %s CASCADE', its.name);
        ELSIF held THEN
            EXECUTE format('DELETE FROM %s', its.name);
        END IF;
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename), start_value, false) FROM pg_sequences
    WHERE schemaname IN ('public', 'dramatiq') AND sequencename <> 'migration_id_seq' AND last_value IS NOT NULL;
END
$$
"""


def pytest_configure() -> None:
    """Before any import of ours: whatever the shell points at, tests never touch it (they truncate tables)."""
    for name in list(os.environ):
        if name.startswith("CLEARWAY_") or name in {"DATABASE_URL", "BROKER_URL", "SMTP_URL"}:
            del os.environ[name]
    os.environ.update(
        PICCOLO_CONF="piccolo_conf",
        DATABASE_URL=NOT_STARTED,
        CLEARWAY_SECRET_KEY=TEST_SECRET_KEY,
        CLEARWAY_MODE="demo",
        CLEARWAY_PUBLIC_URL="http://127.0.0.1:8000",
        CLEARWAY_FX__ECB_URL="",
        CLEARWAY_VAT__VIES_URL="",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser, a demo and servers beside them on two busy cores: one that waited in vain is run once more, and shows
    as R. Nothing that proves money, concurrency or a crash is ever run again."""
    for item in items:
        if {"browser", "scenarios"} & set(item.path.parts):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """The embedded PostgreSQL of this pytest process; DATABASE_URL and the Piccolo engine point at it from now on."""
    from orchestrator import embedded_postgres

    data_dir = Path(tempfile.mkdtemp(prefix="clearway-tests-"))
    data_dir.chmod(0o711)
    server = embedded_postgres.start(data_dir, volatile=True)
    os.environ["DATABASE_URL"] = server.url
    _point_the_engine_at(server.url)
    try:
        yield server
    finally:
        server.stop()
        embedded_postgres.remove(data_dir)
        shutil.rmtree(data_dir)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated_database(postgres_server: Server) -> AsyncIterator[str]:
    """The URL of a database with all tables and an open pool in the tests' event loop."""
    from orchestrator import db, migrations

    await db.start_pool()
    await migrations.migrate()
    _hash_passwords_with(QUICK_HASHES)
    yield postgres_server.url
    await db.close_pool()


@pytest_asyncio.fixture(loop_scope="session")
async def database(migrated_database: str) -> str:
    """The database's URL; every table is empty when the test begins."""
    await _empty_all_tables()
    return migrated_database


@pytest.fixture
def costly_passwords(migrated_database: str) -> Iterator[None]:
    """Passwords are hashed at the price that an installation pays: for tests of what that takes."""
    _hash_passwords_with(PasswordHasher())
    yield
    _hash_passwords_with(QUICK_HASHES)


def _hash_passwords_with(hasher: PasswordHasher) -> None:
    """The same algorithm, at another price; what was made at the old price is forgotten."""
    from orchestrator.access import passwords

    passwords._hasher = hasher
    passwords._of_nobody.cache_clear()


def _point_the_engine_at(url: str) -> None:
    from orchestrator.settings import get_settings

    importlib.import_module("piccolo_conf").DB.config["dsn"] = url
    get_settings.cache_clear()


async def _empty_all_tables() -> None:
    from orchestrator.db import transaction

    async with transaction() as connection:
        # Append-only tables refuse to be emptied by trigger; the tests' own role may pass them by.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(EMPTY_WHAT_IS_NOT)
