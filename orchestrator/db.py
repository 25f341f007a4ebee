"""PostgreSQL through Piccolo: one pool a process, and the one way to open a transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
from piccolo.engine import engine_finder
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction

POOL_MIN = 2
POOL_MAX = 16


class NestedTransaction(RuntimeError):
    """A transaction inside another. Piccolo would silently join them, and an inner rollback would not happen."""


def engine() -> PostgresEngine:
    """The engine of `piccolo_conf.py`."""
    found = engine_finder()
    if found is None:  # pragma: no cover - a broken installation
        raise RuntimeError("no Piccolo engine: PICCOLO_CONF must name piccolo_conf")
    return cast(PostgresEngine, found)


async def start_pool(max_size: int = POOL_MAX) -> None:
    """Open the pool. Without it Piccolo opens a connection for every query."""
    await engine().start_connection_pool(min_size=min(POOL_MIN, max_size), max_size=max_size, reset=_nothing_to_reset)


async def _nothing_to_reset(_: asyncpg.Connection) -> None:
    """asyncpg would have the server forget locks, listeners and settings at each return to the pool. We leave none."""


async def close_pool() -> None:
    if engine().pool is not None:
        await engine().close_connection_pool()


@asynccontextmanager
async def transaction() -> AsyncIterator[asyncpg.Connection]:
    """Commit on leaving, roll back on an exception. Raises NestedTransaction inside another.

    Piccolo's own context manager leaves its context variable set and its pool slot taken when COMMIT itself fails
    (library trap P1); this one always lets go.
    """
    db = engine()
    if db.current_transaction.get() is not None:
        raise NestedTransaction("a transaction is open already; pass work to its owner instead")
    connection: Any = await (db.pool.acquire() if db.pool else db.get_new_connection())
    held = PostgresTransaction(engine=db)
    held.connection = connection
    held.transaction = connection.transaction()
    token = None
    try:
        await held.transaction.start()
        token = db.current_transaction.set(held)
        try:
            yield connection
        except BaseException:
            await held.transaction.rollback()
            raise
        await held.transaction.commit()
    finally:
        if token is not None:
            db.current_transaction.reset(token)
        await (db.pool.release(connection) if db.pool else connection.close())


def in_transaction() -> bool:
    """Whether the caller is inside a transaction of ours."""
    return engine().current_transaction.get() is not None
