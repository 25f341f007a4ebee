"""Runs the migrations of all apps, safely against a kill at any moment and against a second runner.

Piccolo's own runner records a migration after the migration's transaction (library trap P24), so a kill in between
leaves it stuck on "already exists". Here a migration and its record are one transaction, under an advisory lock that
PostgreSQL itself releases when the runner dies.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import asyncpg
from dramatiq_postgres.schema import generate_init_sql
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.conf.apps import AppConfig

from orchestrator.db import engine, transaction

# In the order of the arrows: what stands below is migrated first.
APPS = ("currency.piccolo_app", "routing.piccolo_app", "invoicing.piccolo_app", "orchestrator.piccolo_app")
LOCK = 7_235_001  # of pg_advisory_xact_lock; any number, as long as every runner has the same
BROKER_APP = "dramatiq_postgres"
BROKER_SCHEMA = "dramatiq"  # the name that dramatiq-postgres uses when none is given
BROKER_SCHEMA_VERSION = "schema-1.4"


@dataclass(frozen=True, slots=True)
class Step:
    """One migration of one app, by its id. `path` is its file; None for the broker's schema."""

    app: str
    id: str
    path: Path | None

    def __str__(self) -> str:
        return f"{self.app} {self.id}"


class MigrationFailed(RuntimeError):
    """A migration did not run; nothing of it remains, and what ran before it stays."""


async def migrate(apps: Sequence[AppConfig] | None = None) -> list[Step]:
    """Run what is pending, each in a transaction of its own, and return it. Raises MigrationFailed."""
    await _create_record_table()
    return [step for step in _all_steps(apps) if await _run(step)]


async def pending(apps: Sequence[AppConfig] | None = None) -> list[Step]:
    """What `migrate` would run now. Raises asyncpg's errors when the database cannot be reached."""
    steps = _all_steps(apps)
    if not (await _fetch("SELECT to_regclass('migration') IS NOT NULL AS it_is_there"))[0]["it_is_there"]:
        return steps
    recorded = {(row["app_name"], row["name"]) for row in await _fetch("SELECT app_name, name FROM migration")}
    return [step for step in steps if (step.app, step.id) not in recorded]


async def _create_record_table() -> None:
    """Piccolo's table, as Piccolo makes it, so that its own commands still find their way."""
    async with transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migration (id SERIAL PRIMARY KEY NOT NULL,"
            " name VARCHAR(200) NOT NULL DEFAULT '', app_name VARCHAR(200) NOT NULL DEFAULT '',"
            " ran_on TIMESTAMP NOT NULL DEFAULT current_timestamp)"
        )


async def _run(step: Step) -> bool:
    """Run one step unless it is recorded. The look and the run are under one lock: two runners take turns."""
    try:
        async with transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            done = await connection.fetchval(
                "SELECT EXISTS (SELECT FROM migration WHERE app_name = $1 AND name = $2)", step.app, step.id
            )
            if done:
                return False
            await _apply(step, connection)
            await connection.execute("INSERT INTO migration (app_name, name) VALUES ($1, $2)", step.app, step.id)
            return True
    except MigrationFailed:
        raise
    except Exception as error:
        raise MigrationFailed(f"{step}: {type(error).__name__}: {error}") from error


async def _apply(step: Step, connection: asyncpg.Connection) -> None:
    if step.path is None:
        if await connection.fetchval("SELECT to_regclass($1)", f"{BROKER_SCHEMA}.queue") is None:
            await connection.execute(generate_init_sql())
        return
    manager = await _load(step.path).forwards()
    if not isinstance(manager, MigrationManager) or manager.fake:
        return
    if not manager.wrap_in_transaction:
        raise MigrationFailed(
            f"{step}: wrap_in_transaction=False is not supported, since it cannot be undone by a kill"
        )
    # Piccolo joins the open transaction, since it finds ours in its context variable; it talks to stdout meanwhile.
    with contextlib.redirect_stdout(io.StringIO()):
        await manager.run()


def _all_steps(apps: Sequence[AppConfig] | None) -> list[Step]:
    if apps is not None:
        return [step for app in apps for step in _steps(app)]
    configs: list[AppConfig] = [importlib.import_module(name).APP_CONFIG for name in APPS]
    broker = Step(BROKER_APP, BROKER_SCHEMA_VERSION, None)
    return [*(step for config in configs for step in _steps(config)), broker]


def _steps(app: AppConfig) -> list[Step]:
    folder = Path(app.resolved_migrations_folder_path)
    if not folder.is_dir():
        return []
    found = []
    for path in folder.glob("*.py"):
        identifier = getattr(_load(path), "ID", None) if path.name != "__init__.py" else None
        if identifier:
            found.append(Step(app.app_name, str(identifier), path))
    return sorted(found, key=lambda step: step.id)


def _load(path: Path) -> ModuleType:
    """The module in that file, by its path: Piccolo imports by bare name from sys.path, where two apps may collide."""
    name = f"clearway_migration_{path.parent.parent.name}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise MigrationFailed(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def _fetch(sql: str) -> list[asyncpg.Record]:
    db = engine()
    connection = await (db.pool.acquire() if db.pool else db.get_new_connection())
    try:
        return list(await connection.fetch(sql))
    finally:
        await (db.pool.release(connection) if db.pool else connection.close())
