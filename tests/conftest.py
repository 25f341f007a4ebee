"""What all tests share: an environment of their own and, for those that ask, a migrated, empty PostgreSQL.

A test that takes the fixture `database` gets one server per pytest process, started when the first test asks. Unit and
property tests that do not ask start nothing.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from orchestrator.embedded_postgres import Server

NOT_STARTED = "postgresql://nobody@127.0.0.1:1/no-test-asked-for-the-database-fixture"
TEST_SECRET_KEY = "only-for-tests-only-for-tests-only-for-tests"


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
    )
    _stand_in_for_missing_apps()


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
    await _create_tables_that_no_migration_makes_yet()
    yield postgres_server.url
    await db.close_pool()


@pytest_asyncio.fixture(loop_scope="session")
async def database(migrated_database: str) -> str:
    """The database's URL; every table is empty when the test begins."""
    await _empty_all_tables()
    return migrated_database


def _point_the_engine_at(url: str) -> None:
    from orchestrator.settings import get_settings

    importlib.import_module("piccolo_conf").DB.config["dsn"] = url
    get_settings.cache_clear()


async def _empty_all_tables() -> None:
    from orchestrator.db import transaction

    async with transaction() as connection:
        rows = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
            " WHERE schemaname IN ('public', 'dramatiq') AND tablename <> 'migration'"
        )
        # Append-only tables refuse TRUNCATE by trigger; the tests' own role may pass them by.
        await connection.execute("SET LOCAL session_replication_role = replica")
        if rows:
            await connection.execute(f"TRUNCATE {', '.join(row['name'] for row in rows)} RESTART IDENTITY CASCADE")


# --- while the spine is being built: remove when every app has its migrations -----------------------------------------


def _stand_in_for_missing_apps() -> None:
    from piccolo.conf.apps import AppConfig

    for package in ("routing", "invoicing", "orchestrator"):
        if not Path(__file__).parents[1].joinpath(package, "piccolo_app.py").exists():
            module = ModuleType(f"{package}.piccolo_app")
            folder = str(Path(__file__).parents[1] / package / "piccolo_migrations")
            module.APP_CONFIG = AppConfig(app_name=package, migrations_folder_path=folder)  # type: ignore[attr-defined]
            sys.modules[module.__name__] = module


async def _create_tables_that_no_migration_makes_yet() -> None:
    from piccolo.table import Table, sort_table_classes

    root = Path(__file__).parents[1]
    paths = [
        path
        for package in ("currency", "routing", "invoicing", "orchestrator")
        for path in root.glob(f"{package}/**/tables.py")
    ]
    modules = [str(path.relative_to(root).with_suffix("")).replace("/", ".") for path in paths]
    found: dict[str, type[Table]] = {}
    for name in (*modules, "orchestrator.outbox"):
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, type) and issubclass(value, Table) and value.__module__ == name:
                found[value._meta.tablename] = value
    for table in sort_table_classes(list(found.values())):
        if not await table.table_exists():
            await table.create_table(if_not_exists=True)
