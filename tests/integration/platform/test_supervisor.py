"""The supervisor with the real database, worker and clock: crashes are mended, and nothing outlives it."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator import embedded_postgres
from orchestrator.supervisor import CLOCK, POSTGRES, SIMULATORS, WORKER, Supervisor, environment_file, secret_key

ROOT = Path(__file__).parents[3]
PATIENCE_S = 90
NO_DATABASE = {"DATABASE_URL": "", "BROKER_URL": "", "CLEARWAY_MODE": "evaluation"}
OWNER = """
import json, sys, time
from pathlib import Path
from orchestrator.supervisor import *
supervisor = Supervisor(Path(sys.argv[1]))
supervisor.start(POSTGRES)
supervisor.migrate()
supervisor.start(WORKER, CLOCK)
print(json.dumps([supervisor.pid(name) for name in (POSTGRES, WORKER, CLOCK)]), flush=True)
time.sleep(600)
"""


@pytest.fixture
def state_dir() -> Iterator[Path]:
    parent = Path(tempfile.mkdtemp(prefix="clearway-tests-"))
    parent.chmod(0o711)
    yield parent / "state"
    embedded_postgres.remove(parent / "state")
    shutil.rmtree(parent)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def test_killed_programs_are_started_again_and_stop_ends_all(state_dir: Path) -> None:
    with Supervisor(state_dir, environment=NO_DATABASE) as supervisor:
        supervisor.start(POSTGRES)
        supervisor.migrate()
        supervisor.start(WORKER, CLOCK)
        first = {name: supervisor.pid(name) for name in (POSTGRES, WORKER, CLOCK)}
        url = supervisor.database_url
        for name in first:
            supervisor.kill(name)
        until(lambda: all(supervisor.is_alive(n) and supervisor.pid(n) != first[n] for n in first))
        assert supervisor.database_url == url
        last = [supervisor.pid(name) for name in first]
    assert not any(is_running(pid) for pid in [*first.values(), *last])


def test_a_program_that_was_stopped_stays_down(state_dir: Path) -> None:
    with Supervisor(state_dir, environment=NO_DATABASE) as supervisor:
        supervisor.start(POSTGRES, CLOCK)
        supervisor.stop_one(CLOCK)
        time.sleep(0.5)
        assert not supervisor.is_alive(CLOCK)


def test_nothing_is_left_after_the_supervisor_was_killed(state_dir: Path) -> None:
    environment = {**os.environ, **NO_DATABASE}
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(state_dir)], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    pids = json.loads(owner.stdout.readline())
    owner.kill()
    owner.wait()
    until(lambda: not any(is_running(pid) for pid in pids))


def test_another_terminal_finds_the_database_but_another_user_does_not(state_dir: Path) -> None:
    with Supervisor(state_dir, environment=NO_DATABASE) as supervisor:
        supervisor.start(POSTGRES)
        path = environment_file(state_dir)
        assert json.loads(path.read_text())["DATABASE_URL"] == supervisor.database_url
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        supervisor.start(SIMULATORS)
        supervisor.environment["CLEARWAY_STRIPE__BASE_URL"] = supervisor.simulator_urls["stripe"]
        supervisor.migrate()
        supervisor.start(CLOCK)
        assert json.loads(path.read_text())["CLEARWAY_STRIPE__BASE_URL"] == supervisor.simulator_urls["stripe"]


def test_the_secret_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    first = secret_key(tmp_path)
    assert len(first) == 64
    assert secret_key(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
