"""Writes that wait for company: in one statement, before the next query or the commit, all of them or none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from orchestrator import db
from orchestrator.db import later, transaction
from orchestrator.outbox import Heartbeat

pytestmark = pytest.mark.asyncio(loop_scope="session")

PUT = "INSERT INTO heartbeat (name, at) VALUES ($1, '2026-01-01Z')"
MOVE = "UPDATE heartbeat SET at = at + interval '1 day' WHERE name = $1"
MOVE_BACK = "UPDATE heartbeat SET at = at - interval '1 hour' WHERE name = $1"


class Refused(Exception):
    """What the caller asked to be raised."""


async def names() -> list[str]:
    return [row["name"] for row in await db.fetch("SELECT name FROM heartbeat ORDER BY name")]


async def test_writes_that_wait_are_made_before_the_commit(database: str) -> None:
    async with transaction():
        await later("a", PUT, "a")
        await later("b", PUT, "b")
    assert await names() == ["a", "b"]


async def test_a_query_in_the_transaction_sees_what_waited(database: str) -> None:
    async with transaction():
        await later("a", PUT, "a")
        assert await names() == ["a"]


async def test_a_query_of_piccolo_sees_what_waited(database: str) -> None:
    async with transaction():
        await later("a", PUT, "a")
        assert await Heartbeat.count() == 1


async def test_writes_to_one_row_keep_their_order(database: str) -> None:
    async with transaction():
        await later("a", PUT, "a")
        await later("a", MOVE, "a")
        await later("a", MOVE_BACK, "a")
    (row,) = await db.fetch("SELECT at::text AS at FROM heartbeat")
    assert row["at"].startswith("2026-01-01 23:00:00")


async def test_a_write_that_finds_no_row_ends_the_transaction_where_that_is_refused(database: str) -> None:
    async def write() -> None:
        async with transaction():
            await later("a", PUT, "a")
            await later("nobody", MOVE, "nobody", refusal=Refused)

    with pytest.raises(Refused):
        await write()
    assert await names() == []


async def test_a_write_that_finds_its_row_is_not_refused(database: str) -> None:
    async with transaction():
        await later("a", PUT, "a", refusal=Refused)
        await later("b", PUT, "b", refusal=Refused)
    assert await names() == ["a", "b"]


async def test_a_write_that_fails_at_the_commit_takes_the_others_with_it(database: str) -> None:
    async def write() -> None:
        async with transaction():
            await later("a", PUT, "a")
            await later("a again", PUT, "a")

    with pytest.raises(asyncpg.UniqueViolationError):
        await write()
    assert await names() == []
    async with transaction():
        await later("a", PUT, "a")
    assert await names() == ["a"]


async def test_what_waited_is_forgotten_when_the_transaction_is_broken_off(database: str) -> None:
    async def write() -> None:
        async with transaction():
            await later("a", PUT, "a")
            raise Refused

    with pytest.raises(Refused):
        await write()
    assert await names() == []


MANY = [f"{number:03}" for number in range(db.REPEATED_MIN * 3)]


async def test_many_writes_of_one_statement_go_with_the_others_of_the_commit(database: str) -> None:
    async with transaction():
        await later("last", PUT, "last")
        for name in MANY:
            await later(name, PUT, name)
    assert await names() == [*MANY, "last"]


async def test_one_of_many_writes_that_fails_takes_all_with_it(database: str) -> None:
    async def write() -> None:
        async with transaction():
            await later("first", PUT, "first")
            for name in [*MANY, "too long a name" * 10]:
                await later(name, PUT, name)

    with pytest.raises(asyncpg.StringDataRightTruncationError):
        await write()
    assert await names() == []


async def test_one_of_many_writes_may_be_refused_for_its_row(database: str) -> None:
    async def write() -> None:
        async with transaction():
            for name in MANY:
                await later(name, PUT, name)
            for name in [*MANY, "nobody"]:
                await later(name, MOVE, name, refusal=Refused)

    with pytest.raises(Refused):
        await write()
    assert await names() == []


async def test_a_write_outside_a_transaction_is_refused(database: str) -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"):
        await later("a", PUT, "a")


async def test_only_what_may_be_lost_is_committed_without_waiting_for_the_disk(database: str) -> None:
    async with transaction() as connection:
        await connection.execute(f"INSERT INTO heartbeat (name, at) SELECT 'a', '2026-01-01Z' WHERE {db.UNHURRIED}")
        assert await connection.fetchval("SHOW synchronous_commit") == "off"
    async with transaction() as connection:
        await connection.execute("SET LOCAL synchronous_commit = on")
        assert await connection.fetchval("SHOW synchronous_commit") == "on"
        await connection.execute("INSERT INTO heartbeat (name, at) VALUES ('b', '2026-01-01Z')")
        assert await connection.fetchval("SHOW synchronous_commit") == "on"


def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What goes to the server from now on."""
    queries: list[str] = []
    for name in ("_execute", "execute"):  # what takes arguments, and what does not, such as COMMIT
        monkeypatch.setattr(asyncpg.Connection, name, _counted(getattr(asyncpg.Connection, name), queries))
    return queries


def _counted(run: Any, queries: list[str]) -> Any:
    def counted(connection: Any, query: str, *args: Any, **kwargs: Any) -> Any:
        queries.append(query)
        return run(connection, query, *args, **kwargs)

    return counted


async def test_writes_that_nobody_asks_about_are_one_statement(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = sent(monkeypatch)
    async with transaction():
        await later("a", PUT, "a")
        await later("b", PUT, "b")
    assert len(queries) == 1, queries
    assert await names() == ["a", "b"]


async def test_a_refusal_needs_no_more_than_the_one_statement(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def write() -> None:
        async with transaction():
            await later("a", PUT, "a")
            await later("nobody", MOVE, "nobody", refusal=Refused)

    queries = sent(monkeypatch)
    with pytest.raises(Refused):
        await write()
    assert len(queries) == 1, queries
    assert await names() == []


async def test_a_transaction_that_asks_nothing_sends_nothing(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = sent(monkeypatch)
    async with transaction():
        pass
    assert queries == []


async def test_what_was_read_and_written_is_undone_together(database: str) -> None:
    async def write() -> None:
        async with transaction():
            await later("a", PUT, "a")
            assert await names() == ["a"]
            await later("b", PUT, "b")
            raise Refused

    with pytest.raises(Refused):
        await write()
    assert await names() == []


async def test_a_commit_that_the_server_refuses_tells_its_own_error(database: str) -> None:
    """And leaves a connection that can be used again."""
    await db.fetch("CREATE TABLE told_late (name text UNIQUE DEFERRABLE INITIALLY DEFERRED)")

    async def write() -> None:
        async with transaction():
            for _ in range(2):
                await db.fetch("INSERT INTO told_late VALUES ('a')")

    try:
        with pytest.raises(asyncpg.UniqueViolationError):
            await write()
        async with transaction():
            await later("a", PUT, "a")
        assert await names() == ["a"]
    finally:
        await db.fetch("DROP TABLE told_late")


RENAME = "UPDATE heartbeat SET name = $2 WHERE name = $1"
PUT_AFTER = f"INSERT INTO heartbeat (name, at) SELECT $1, $2 FROM {db.FOLLOWED}"
A_DAY = datetime(2026, 1, 1, tzinfo=UTC)


async def test_an_insert_that_follows_a_write_of_its_row_goes_in_the_same_statement(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with transaction():
        await later("a", PUT, "a")
    queries = sent(monkeypatch)
    async with transaction():
        await later("a", RENAME, "a", "b", refusal=Refused)
        await later("a", PUT_AFTER, "a", A_DAY)  # the key is free only once the other one has been renamed
    assert len(queries) == 1, queries
    assert await names() == ["a", "b"]


async def test_an_insert_that_follows_nothing_is_made(database: str) -> None:
    async with transaction():
        await later("a", PUT_AFTER, "a", A_DAY)
    assert await names() == ["a"]


async def test_many_inserts_that_follow_nothing_are_made(database: str) -> None:
    async with transaction():
        for number in range(db.REPEATED_MIN):
            await later(f"row {number}", PUT_AFTER, f"row {number}", A_DAY)
    assert len(await names()) == db.REPEATED_MIN


async def test_an_insert_that_follows_a_refused_write_is_not_made(database: str) -> None:
    async def write() -> None:
        async with transaction():
            await later("a", RENAME, "nobody", "b", refusal=Refused)
            await later("a", PUT_AFTER, "a", A_DAY)

    with pytest.raises(Refused):
        await write()
    assert await names() == []


async def test_an_insert_after_a_write_that_nobody_asks_about_does_not_depend_on_it(database: str) -> None:
    async with transaction():
        await later("a", RENAME, "nobody", "b")
        await later("a", PUT_AFTER, "a", A_DAY)
    assert await names() == ["a"]
