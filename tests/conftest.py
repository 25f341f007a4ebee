"""What all tests share: an environment of their own and, for those that ask, a migrated, empty PostgreSQL.

A test that takes the fixture `database` gets one server per pytest process, started when the first test asks. Unit and
property tests that do not ask start nothing.
"""

from __future__ import annotations

import gc
import importlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

if TYPE_CHECKING:
    from orchestrator.embedded_postgres import Server

NOT_STARTED = "postgresql://nobody@127.0.0.1:1/no-test-asked-for-the-database-fixture"
TEST_SECRET_KEY = "only-for-tests-only-for-tests-only-for-tests"
# Argon2id as an installation runs it is a fifth of a second of work for each password; tests hash hundreds of them.
QUICK_HASHES = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
# To truncate every table before every test gives each of them, and of their indexes, a new file: that took longer than
# most of the tests. Few rows are deleted; the lock waits for whoever is still writing, as TRUNCATE would. A table that
# has no page yet never had a row.
EMPTY_WHAT_IS_NOT = """
DO $$
DECLARE
    its record;
    held boolean;
BEGIN
    FOR its IN
        SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
        WHERE schemaname IN ('public', 'dramatiq') AND tablename <> 'migration'
            AND pg_relation_size(format('%I.%I', schemaname, tablename)::regclass) > 0
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
# These take the longest: they begin first, so that no worker is still at one of them when the others are done.
LONGEST_FIRST = (
    "tests/chaos/test_chaos.py",
    "tests/schemathesis/test_api_keeps_its_word.py",
    "tests/contract/test_contract_faults.py",
    "tests/integration/billing/test_document_problems.py",
    "tests/integration/platform/test_live_sandbox.py",
    "tests/scenarios/test_demo_real_servers.py",
    "tests/contract/test_contract_decline_codes.py",
    "tests/scenarios/test_demo_story.py",
    "tests/integration/platform/test_embedded_postgres.py",
    "tests/integration/invoicing/test_pdf_processes.py",
    "tests/browser/test_console_pages.py",
    "tests/integration/invoicing/test_invoice_matrix.py",
    "tests/unit/invoicing/test_invoice_pdf.py",
    "tests/routing_traffic/test_strategies.py",
    "tests/chaos/disasters/test_stopped_worker.py",
    "tests/integration/platform/test_supervisor.py",
)

# How long an example takes is nowhere a claim. `make test` draws the same examples each time (the profile "build"),
# pytest called by hand others.
hypothesis_settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.register_profile(
    "build", hypothesis_settings.get_profile("here"), derandomize=True, database=None, print_blob=True
)
hypothesis_settings.load_profile("here")


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
    """The longest first: the short ones fill the end."""
    items.sort(key=lambda item: _turn(item.nodeid))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays to the end: it is not looked through for garbage, neither meanwhile nor later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _turn(nodeid: str) -> int:
    file = nodeid.partition("::")[0]
    return LONGEST_FIRST.index(file) if file in LONGEST_FIRST else len(LONGEST_FIRST)


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
