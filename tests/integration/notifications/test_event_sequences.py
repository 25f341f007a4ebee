"""Events of one object are numbered 1, 2, 3 without gaps, whatever happens at once."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio
from webhook_driving import Shop

from orchestrator import clock_port, outbox
from orchestrator.db import transaction
from orchestrator.events import EventType
from orchestrator.notifications.service import record
from orchestrator.notifications.store import events_of

ROOT = Path(__file__).parents[3]
MIGRATIONS = ROOT / "orchestrator" / "piccolo_migrations"
NUMBERING = "2026-11-23T05:33:45"  # the migration that brought sequence numbers
RUNNER = """
import asyncio, sys
from piccolo.conf.apps import AppConfig
from orchestrator import migrations
asyncio.run(migrations.migrate([AppConfig(app_name="orchestrator", migrations_folder_path=sys.argv[1])]))
"""


async def sequences(shop: Shop, object_id: str) -> list[int]:
    found = await events_of(shop.merchant_id, limit=100, object_id=object_id)
    return sorted(event.sequence for event in found)


async def test_fifty_events_of_one_object_at_once_are_numbered_without_gaps(shop: Shop) -> None:
    await asyncio.gather(*(shop.happens_quietly(object_id="pay_busy") for _ in range(50)))
    assert await sequences(shop, "pay_busy") == list(range(1, 51))


async def test_each_object_counts_for_itself(shop: Shop) -> None:
    for object_id in ("pay_1", "pay_2", "pay_1"):
        await shop.happens_quietly(object_id=object_id)
    assert await sequences(shop, "pay_1") == [1, 2]
    assert await sequences(shop, "pay_2") == [1]


async def test_what_is_rolled_back_leaves_no_gap(shop: Shop) -> None:
    await shop.happens_quietly()

    async def record_and_fail() -> None:
        async with transaction():
            await record(EventType.PAYMENT_CAPTURED, shop.merchant_id, "pay_1", {}, clock_port.now())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await record_and_fail()
    await shop.happens_quietly()
    assert await sequences(shop, "pay_1") == [1, 2]


async def test_an_event_outside_of_a_transaction_is_refused(shop: Shop) -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"):
        await record(EventType.PAYMENT_CAPTURED, shop.merchant_id, "pay_1", {}, clock_port.now())


async def statements_of_an_event(shop: Shop) -> list[str]:
    said: list[str] = []

    def note(query: asyncpg.LoggedQuery) -> None:
        said.append(query.query)

    async with transaction() as connection:
        wire = connection._connection
        wire.add_query_logger(note)
        await record(EventType.PAYMENT_CAPTURED, shop.merchant_id, "pay_1", {}, clock_port.now())
        await connection.flush()
        wire.remove_query_logger(note)
    return said


@pytest.mark.parametrize("listeners", [0, 1])
async def test_an_event_costs_one_statement_whoever_listens(shop: Shop, listeners: int) -> None:
    for _ in range(listeners):
        await shop.listen("https://hooks.shop.example/")
    (statement,) = await statements_of_an_event(shop)
    assert "INSERT INTO event" in statement
    assert len(await outbox.take_due(clock_port.now())) == listeners


async def test_two_events_of_one_object_in_one_transaction_are_numbered_in_their_order(shop: Shop) -> None:
    async with transaction():
        for event_type in (EventType.PAYMENT_AUTHORISED, EventType.PAYMENT_CAPTURED):
            await record(event_type, shop.merchant_id, "pay_1", {}, clock_port.now())
    found = await events_of(shop.merchant_id, limit=5, object_id="pay_1")
    assert [(event.type, event.sequence) for event in found] == [("payment.captured", 2), ("payment.authorised", 1)]


@pytest_asyncio.fixture(loop_scope="session")
async def empty_database(migrated_database: str) -> AsyncIterator[str]:
    admin = await asyncpg.connect(migrated_database)
    await admin.execute("DROP DATABASE IF EXISTS for_numbering WITH (FORCE)")
    await admin.execute("CREATE DATABASE for_numbering")
    yield urlsplit(migrated_database)._replace(path="/for_numbering").geturl()
    await admin.execute("DROP DATABASE for_numbering WITH (FORCE)")
    await admin.close()


def migrate(url: str, folder: Path) -> None:
    environment = {**os.environ, "DATABASE_URL": url, "PICCOLO_CONF": "piccolo_conf"}
    subprocess.run([sys.executable, "-c", RUNNER, str(folder)], env=environment, cwd=ROOT, check=True)


def migrations_before_numbering(folder: Path) -> Path:
    for path in MIGRATIONS.glob("orchestrator_*.py"):
        moment = next(line for line in path.read_text().splitlines() if line.startswith("ID ="))
        if moment.split('"')[1] < NUMBERING:
            shutil.copy(path, folder)
    return folder


async def test_events_of_before_get_their_numbers_by_the_migration(empty_database: str, tmp_path: Path) -> None:
    migrate(empty_database, migrations_before_numbering(tmp_path))
    connection = await asyncpg.connect(empty_database)
    await connection.executemany(
        "INSERT INTO event (id, merchant_id, type, object_id, data, created_at) "
        "VALUES ($1, 'mer_1', 'payment.captured', $2, '{}', now())",
        [("evt_3", "pay_1"), ("evt_1", "pay_1"), ("evt_2", "pay_2"), ("evt_4", "pay_1")],
    )
    migrate(empty_database, MIGRATIONS)
    rows = await connection.fetch("SELECT id, sequence FROM event ORDER BY id")
    counters = await connection.fetch("SELECT object_id, last FROM event_counter ORDER BY object_id")
    assert [tuple(row) for row in rows] == [("evt_1", 1), ("evt_2", 1), ("evt_3", 2), ("evt_4", 3)]
    assert [tuple(row) for row in counters] == [("pay_1", 3), ("pay_2", 1)]
    with pytest.raises(asyncpg.RaiseError, match="only ever added"):
        await connection.execute("UPDATE event SET sequence = 7")
    await connection.execute(
        "INSERT INTO event (id, merchant_id, type, object_id, data, created_at) "
        "VALUES ('evt_5', 'mer_1', 'x', 'pay_2', '{}', now())"
    )
    assert await connection.fetchval("SELECT sequence FROM event WHERE id = 'evt_5'") == 2
    await connection.close()
