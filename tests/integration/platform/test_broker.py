"""The broker by URL, and a real worker process that is rung over PostgreSQL and over Redis."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import dramatiq
import pytest
import pytest_asyncio
from dramatiq.broker import Broker
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO, Retries

from orchestrator.broker import DieWithParent, PiccoloPool, set_up_broker
from orchestrator.db import transaction
from orchestrator.settings import read_settings

ROOT = Path(__file__).parents[3]
PATIENCE_S = 90


@pytest.fixture
def brokers() -> Iterator[Callable[[str], Broker]]:
    """Makes brokers; Dramatiq's global one is put back afterwards."""
    before = dramatiq.broker.global_broker
    made: list[Broker] = []

    def make(url: str) -> Broker:
        made.append(set_up_broker(read_settings(broker_url=url)))
        return made[-1]

    yield make
    for broker in made:
        broker.close()
    dramatiq.broker.global_broker = before


@pytest_asyncio.fixture(loop_scope="session")
async def table_of_rings(database: str) -> AsyncIterator[None]:
    async with transaction() as connection:
        await connection.execute("CREATE TABLE rung (text text)")
    yield
    async with transaction() as connection:
        await connection.execute("DROP TABLE rung")


@pytest.fixture
def redis_url() -> Iterator[str]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE_S
    while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
        assert time.monotonic() < deadline
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait()


def start_worker(url: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "BROKER_URL": url, "PYTHONPATH": f"{ROOT}:{Path(__file__).parent}"}
    command = [sys.executable, "-m", "dramatiq", "doorbell", "-p", "1", "-t", "2"]
    return subprocess.Popen(command, env=environment, cwd=ROOT)


async def rung(count: int) -> list[str]:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        async with transaction() as connection:
            rows = await connection.fetch("SELECT text FROM rung ORDER BY text")
        if len(rows) >= count:
            return [row["text"] for row in rows]
        await asyncio.sleep(0.05)
    raise AssertionError(f"only {len(rows)} of {count} bells were answered")


def message(text: str) -> dramatiq.Message[None]:
    return dramatiq.Message(queue_name="default", actor_name="ring", args=(text,), kwargs={}, options={})


async def test_a_bell_over_postgresql_is_answered(
    table_of_rings: None, database: str, brokers: Callable[[str], Broker]
) -> None:
    worker = start_worker(database)
    try:
        broker = brokers(database)
        for text in ("a", "b", "c"):
            await asyncio.to_thread(broker.enqueue, message(text))
        assert await rung(3) == ["a", "b", "c"]
    finally:
        worker.terminate()
        worker.wait()


async def test_a_bell_over_redis_is_answered(
    table_of_rings: None, redis_url: str, brokers: Callable[[str], Broker]
) -> None:
    worker = start_worker(redis_url)
    try:
        await asyncio.to_thread(brokers(redis_url).enqueue, message("a"))
        assert await rung(1) == ["a"]
    finally:
        worker.terminate()
        worker.wait()


async def test_the_processes_of_a_killed_worker_are_gone(
    table_of_rings: None, database: str, brokers: Callable[[str], Broker]
) -> None:
    worker = start_worker(database)
    await asyncio.to_thread(brokers(database).enqueue, message("a"))
    await rung(1)
    children = [int(pid) for pid in Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()]
    worker.kill()
    worker.wait()
    deadline = time.monotonic() + PATIENCE_S
    while any(is_running(pid) for pid in children) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert children
    assert not any(is_running(pid) for pid in children)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_scheme_chooses_the_broker(brokers: Callable[[str], Broker]) -> None:
    assert type(brokers("postgresql://u@127.0.0.1:1/d")).__name__ == "PostgresBroker"
    assert isinstance(brokers("redis://127.0.0.1:1/0"), RedisBroker)
    assert isinstance(brokers("amqp://u:p@127.0.0.1:1/"), RabbitmqBroker)


def test_the_pool_opens_after_the_event_loop_and_retries_are_few(brokers: Callable[[str], Broker]) -> None:
    broker = brokers("redis://127.0.0.1:1/0")
    kinds = [type(middleware) for middleware in broker.middleware]
    assert kinds.index(AsyncIO) < kinds.index(PiccoloPool)
    assert DieWithParent in kinds
    assert [m.max_retries for m in broker.middleware if isinstance(m, Retries)] == [3]
