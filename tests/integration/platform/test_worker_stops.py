"""A worker that is told to stop, as service managers tell it: the main process and those it forked at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PATIENCE_S = 120
# Longer than a signal needs to be handled, shorter than the second for which the process sleeps between two looks.
BETWEEN_TWO_SIGNALS_S = 0.2


@pytest.fixture
def worker(migrated_database: str, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    log = tmp_path / "worker.log"
    command = [sys.executable, "-m", "orchestrator.cli", "worker", "--processes", "1", "--threads", "2"]
    with log.open("wb") as written:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "CLEARWAY_LOG_LEVEL": "info"},
            start_new_session=True,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_it_works(log)
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)


def _wait_until_it_works(log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while "ready for action" not in log.read_text():
        assert time.monotonic() < until, f"it did not start: {log.read_text()}"
        time.sleep(0.05)


def test_it_ends_although_it_is_told_twice(worker: subprocess.Popen[bytes]) -> None:
    """systemd signals the whole group, and the main process passes on what it got: the one that works gets it twice."""
    (at_work,) = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
    worker.terminate()
    time.sleep(BETWEEN_TWO_SIGNALS_S)
    os.kill(int(at_work), signal.SIGTERM)
    assert worker.wait(PATIENCE_S) == 0
