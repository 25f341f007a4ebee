"""A place for the demo to keep its state, a port, and an environment that names no database."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator import embedded_postgres


@pytest.fixture(scope="module")
def state_dir() -> Iterator[Path]:
    """Short and passable: PostgreSQL's own user goes through it, and its socket's path has a limit."""
    path = Path(tempfile.mkdtemp(prefix="clearway-tests-"))
    path.chmod(0o711)
    yield path
    embedded_postgres.remove(path / "demo")
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def environment(state_dir: Path) -> dict[str, str]:
    """The shell of a newcomer: nothing is configured."""
    mine = {n: v for n, v in os.environ.items() if not n.startswith("CLEARWAY_")}
    for name in ("DATABASE_URL", "BROKER_URL", "SMTP_URL"):
        mine.pop(name, None)
    return {**mine, "CLEARWAY_STATE_DIR": str(state_dir), "COLUMNS": "200"}
