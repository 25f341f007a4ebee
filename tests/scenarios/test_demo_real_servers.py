"""The same story on servers of one's own: PostgreSQL by DATABASE_URL and Redis by BROKER_URL; then it serves."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from orchestrator import embedded_postgres

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="Debian's redis-server is not installed"),
]
ROOT = Path(__file__).parents[2]
PATIENCE_S = 600


@dataclass
class Demo:
    """A demo that stays up; `text` is what it has said so far."""

    process: subprocess.Popen[str]
    out: Path
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def await_text(self, wanted: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while wanted not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            time.sleep(0.1)


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="clearway-tests-"))
    folder.chmod(0o711)
    server = embedded_postgres.start(folder, volatile=True)
    yield server.url
    server.stop()
    embedded_postgres.remove(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path_factory.mktemp("redis"))]
    with subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL) as server:
        yield f"redis://127.0.0.1:{port}/0"
        server.terminate()


@pytest.fixture(scope="module")
def demo(
    environment: dict[str, str],
    port: int,
    database_url: str,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Demo]:
    out = tmp_path_factory.mktemp("demo") / "out"
    command = [sys.executable, "-u", "-m", "orchestrator.cli", "demo", "--out", str(out), "--port", str(port)]
    real = {**environment, "DATABASE_URL": database_url, "BROKER_URL": redis_url}
    with subprocess.Popen(
        command, cwd=ROOT, env=real, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        running = Demo(process, out)
        assert process.stdout is not None
        reader = threading.Thread(target=lambda: running.lines.extend(iter(process.stdout.readline, "")), daemon=True)
        reader.start()
        running.await_text("Serving until Ctrl-C")
        yield running
        if process.poll() is None:
            process.terminate()
            process.wait(120)


def test_the_story_is_the_same(demo: Demo) -> None:
    summary = json.loads((demo.out / "summary.json").read_text())
    assert summary["checks"]["failed"] == []
    assert summary["double_charges"] == 0
    assert summary["reconciliation"]["breaks"] == {"missing_at_gateway": 1, "fee_mismatch": 1, "missing_in_ledger": 1}


def test_no_database_of_its_own_was_started(demo: Demo, state_dir: Path) -> None:
    assert not (state_dir / "demo" / "postgresql").exists()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_printed_command_makes_a_payment(demo: Demo) -> None:
    paying, another_card = (said.split("\n\n")[0] for said in demo.text.split("\n\ncurl -sS ")[1:])
    payment = answer_to(paying)
    assert payment["status"] in ("authorised", "captured")
    assert payment["amount"] == {"amount": 1999, "currency": "EUR"}
    assert answer_to(another_card)["token"].startswith("tok_")


def answer_to(printed: str) -> dict[str, Any]:
    done = subprocess.run(["bash", "-c", f"curl -sS {printed}"], capture_output=True, text=True, timeout=120)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_ctrl_c_ends_it_in_good_order(demo: Demo) -> None:
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(120) == 0


def test_a_database_that_others_use_is_left_alone(
    environment: dict[str, str], port: int, database_url: str, tmp_path: Path
) -> None:
    asyncio.run(open_another_shop(database_url))
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", "demo", "--exit", "--out", str(tmp_path), "--port", str(port)],
        cwd=ROOT,
        env={**environment, "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1
    assert "has 1 merchant(s) that are not of the demo" in done.stderr


async def open_another_shop(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    now = datetime.now(UTC)
    await connection.execute(
        "INSERT INTO merchant (id, name, profile, created_at) VALUES ('mer_another', 'Another', '{}', $1)", now
    )
    await connection.close()
