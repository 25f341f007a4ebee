"""PostgreSQL: one pool a process, and the one way to open a transaction. Piccolo's queries and ours share both.

Queries that every payment asks are written out and go to asyncpg as they are (`fetch`, `later`): putting one together
from columns takes longer than answering it does.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, cast

import asyncpg
from piccolo.engine import engine_finder
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction

POOL_MIN = 2
POOL_MAX = 16
REPEATED_MIN = 10


class NestedTransaction(RuntimeError):
    """A transaction inside another. Piccolo would silently join them, and an inner rollback would not happen."""


# A condition that is always true, for statements whose loss in a crash of the database does no harm: their commit does
# not wait for the disk. Order is kept all the same: what is committed later and waits takes them with it
# (https://www.postgresql.org/docs/current/wal-async-commit.html).
UNHURRIED = "set_config('synchronous_commit', 'off', true) IS NOT NULL"

# Stands in a statement for the one that it follows; see `later`.
FOLLOWED = "followed_write"


@cache
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


async def _taken() -> Any:
    db = engine()
    return await (db.pool.acquire() if db.pool else db.get_new_connection())


async def _give_back(connection: Any) -> None:
    pool = engine().pool
    await (pool.release(connection) if pool else connection.close())


@dataclass(frozen=True, slots=True)
class _Write:
    sql: str
    args: tuple[object, ...]
    refusal: Callable[[], Exception] | None
    after: str | None = None  # the row's write that goes before this one, in the same statement


class Connection:
    """A transaction's connection. Whatever is asked of it, what is still to be written goes first.

    It begins with the first question: what asks nothing is a transaction by itself, as its one statement.
    """

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._transaction = connection.transaction()
        self._begun = False
        self._waiting: dict[str, _Write] = {}

    async def fetch(self, sql: str, *args: object) -> list[asyncpg.Record]:
        await self._ready()
        rows: list[asyncpg.Record] = await self._connection.fetch(sql, *args)
        return rows

    async def fetchval(self, sql: str, *args: object) -> Any:
        await self._ready()
        return await self._connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: object) -> str:
        await self._ready()
        return str(await self._connection.execute(sql, *args))

    async def commit(self) -> None:
        """Write what waits, and end it."""
        if sum(write.refusal is not None for write in self._waiting.values()) > 1:
            await self._begin()  # a statement by itself can tell of one only
        await self.flush()
        if self._begun:
            self._begun = False  # a commit that fails has ended it too
            await self._transaction.commit()

    async def rollback(self) -> None:
        """As if nothing had been asked."""
        if self._begun:
            await self._transaction.rollback()

    async def _ready(self) -> None:
        await self._begin()
        await self.flush()

    async def _begin(self) -> None:
        if not self._begun:
            await self._transaction.start()
            self._begun = True

    async def add(self, row: str, write: _Write) -> None:
        """Keep a write for later. One statement changes a row once, so a second write to it sends off the first; unless
        it says itself how it follows one, whose refusal is then told for both."""
        earlier, first = self._waiting.get(row), f"{row}, first"
        if earlier is not None and earlier.refusal and FOLLOWED in write.sql and first not in self._waiting:
            self._waiting[first] = self._waiting.pop(row)
            write = replace(write, after=first)
        elif earlier is not None:
            await self._ready()
        self._waiting[row] = write

    async def flush(self) -> None:
        """Write all that waits, in one statement. What is many times the same goes after it, as one statement with many
        values: one of so many parts would take long to plan."""
        if not self._waiting:
            return
        repeated = self._repeated()
        if repeated:
            await self._begin()
        writes = {row: write for row, write in self._waiting.items() if write.sql not in repeated}
        self._waiting.clear()
        if writes:
            await self._write(writes)
        for sql, values in repeated.items():
            await self._connection.executemany(sql.replace(FOLLOWED, _NOTHING_BEFORE), values)

    def _repeated(self) -> dict[str, list[tuple[object, ...]]]:
        """The values of the statements that wait many times, and of which none tells of a refusal."""
        if len(self._waiting) < REPEATED_MIN:
            return {}
        values: dict[str, list[tuple[object, ...]]] = {}
        for write in self._waiting.values():
            values.setdefault(write.sql, []).append(write.args)
        telling = {write.sql for write in self._waiting.values() if write.refusal or write.after}
        return {sql: rows for sql, rows in values.items() if len(rows) >= REPEATED_MIN and sql not in telling}

    async def _write(self, waiting: dict[str, _Write]) -> None:
        places = {row: number for number, row in enumerate(waiting)}
        writes = tuple(waiting.values())
        refusable = next((number for number, write in enumerate(writes) if write.refusal), None)
        alone = None if self._begun else refusable
        sql = _in_one(tuple((write.sql, places[write.after] if write.after else None) for write in writes), alone)
        try:
            counts = await self._connection.fetchrow(sql, *(value for write in writes for value in write.args))
        except asyncpg.DivisionByZeroError:
            if alone is None or (refused := writes[alone].refusal) is None:
                raise
            raise refused() from None
        for write, count in zip(writes, counts, strict=True):
            if write.refusal is not None and not count:
                raise write.refusal()


@asynccontextmanager
async def transaction() -> AsyncIterator[Connection]:
    """Commit on leaving, roll back on an exception. Raises NestedTransaction inside another.

    Piccolo's own context manager leaves its context variable set and its pool slot taken when COMMIT itself fails
    (library trap P1); this one always lets go.
    """
    db = engine()
    if db.current_transaction.get() is not None:
        raise NestedTransaction("a transaction is open already; pass work to its owner instead")
    connection = await _taken()
    held = PostgresTransaction(engine=db)
    held.connection = writing = Connection(connection)
    token = db.current_transaction.set(held)
    try:
        try:
            yield writing
            await writing.commit()
        except BaseException:
            await writing.rollback()
            raise
    finally:
        db.current_transaction.reset(token)
        await _give_back(connection)


def in_transaction() -> bool:
    """Whether the caller is inside a transaction of ours."""
    return engine().current_transaction.get() is not None


async def fetch(sql: str, *args: object) -> list[asyncpg.Record]:
    """Run one statement (`$1`, `$2` for the arguments) in the caller's transaction, else by itself."""
    held = engine().current_transaction.get()
    if held is not None:
        rows: list[asyncpg.Record] = await held.connection.fetch(sql, *args)
        return rows
    connection = await _taken()
    try:
        found: list[asyncpg.Record] = await connection.fetch(sql, *args)
        return found
    finally:
        await _give_back(connection)


async def hold(name: str) -> None:
    """Wait for whoever holds this name; then it is ours until the caller's transaction ends. For what has no row to
    lock: a card, a customer's credit, a reference that may not be there yet."""
    await fetch("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name)


async def later(row: str, sql: str, *args: object, refusal: Callable[[], Exception] | None = None) -> None:
    """Have the caller's transaction run this INSERT, UPDATE or DELETE (without RETURNING) before its next query or
    its commit, together with the others that wait: one statement, one round trip.

    `row` names the row that is changed. Where no row was, `refusal` makes the exception that ends the transaction.
    An INSERT that ends in FOLLOWED (`INSERT … SELECT $1, $2 FROM …`) comes after the row's write that waits, also
    within one statement, and only where that one changed something.
    """
    held = engine().current_transaction.get()
    if held is None:
        raise RuntimeError(f"{row} written outside a transaction")
    writing: Connection = held.connection
    await writing.add(row, _Write(sql, args, refusal))


_ARGUMENT = re.compile(r"\$(\d+)")
_NOTHING_BEFORE = "(VALUES (1)) AS nothing"


@lru_cache(maxsize=1024)
def _in_one(statements: tuple[tuple[str, int | None], ...], needed: int | None) -> str:
    """All statements as one, which answers how many rows each of them changed.

    Where the one that is `needed` changes none, all of it fails: with a division by zero, for plain SQL has no RAISE.

    They see the same snapshot, so none may depend on what another writes; foreign keys are checked when all are done
    (https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING). One that follows another reads
    what that one returns, so it is done after it, and a unique index knows of both by then.
    """
    parts, used = [], 0
    for number, (text, after) in enumerate(statements):
        sql = text.replace(FOLLOWED, _NOTHING_BEFORE if after is None else f"w{after}")
        renumbered = _ARGUMENT.sub(lambda found, used=used: f"${int(found[1]) + used}", sql)  # type: ignore[misc]
        parts.append(f"w{number} AS ({renumbered} RETURNING 1)")
        used += max((int(found) for found in _ARGUMENT.findall(sql)), default=0)
    counts = ", ".join(
        f"(SELECT count(*){' / LEAST(count(*), 1)' if number == needed else ''} FROM w{number})"  # noqa: S608
        for number in range(len(statements))
    )
    return f"WITH {', '.join(parts)} SELECT {counts}"
