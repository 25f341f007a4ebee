"""`kill -9` of whoever started the embedded PostgreSQL."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from orchestrator import embedded_postgres

pytestmark = pytest.mark.chaos

OWNER = """
import sys, time
from pathlib import Path
from orchestrator import embedded_postgres
server = embedded_postgres.start(Path(sys.argv[1]))
print(server.pid, server.url, flush=True)
time.sleep(600)
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    parent = Path(tempfile.mkdtemp(prefix="clearway-tests-"))
    parent.chmod(0o711)
    yield parent / "state"
    embedded_postgres.remove(parent / "state")
    shutil.rmtree(parent)


def start_owner(data_dir: Path) -> tuple[subprocess.Popen[str], int, str]:
    root = Path(__file__).parents[2]
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(data_dir)], stdout=subprocess.PIPE, text=True, cwd=root)
    assert owner.stdout is not None
    pid, url = owner.stdout.readline().split()
    return owner, int(pid), url


def is_gone(pid: int) -> bool:
    """Gone, or a zombie that its new parent has not collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_the_server_is_gone_after_its_owner_was_killed(data_dir: Path) -> None:
    owner, pid, _ = start_owner(data_dir)
    owner.kill()
    owner.wait()
    deadline = time.monotonic() + 90
    while not is_gone(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert is_gone(pid)


async def test_committed_data_survives_the_kill_of_its_owner(data_dir: Path) -> None:
    owner, _, url = start_owner(data_dir)
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    owner.kill()
    owner.wait()
    server = embedded_postgres.start(data_dir)
    try:
        again = await asyncpg.connect(server.url)
        assert await again.fetchval("SELECT n FROM kept") == 7
        await again.close()
    finally:
        connection.terminate()
        server.stop()


async def test_a_crashed_server_starts_again_with_its_data(data_dir: Path) -> None:
    server = embedded_postgres.start(data_dir)
    connection = await asyncpg.connect(server.url)
    await connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    server.process.kill()
    server.process.wait()
    server.stop()
    again = embedded_postgres.start(data_dir)
    try:
        second = await asyncpg.connect(again.url)
        assert await second.fetchval("SELECT n FROM kept") == 7
        await second.close()
    finally:
        connection.terminate()
        again.stop()
