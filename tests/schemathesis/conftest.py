"""One whole installation for all runs: API, worker, clock, PostgreSQL and simulators as processes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

sys.path.append(str(Path(__file__).parents[1] / "browser"))

from running_installation import Installation, running


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with running() as started:
        # Its document is put together when it is first asked for: Schemathesis waits ten seconds for it, and no longer.
        httpx2.get(f"{started.url}/schema/openapi.json", timeout=120, trust_env=False).raise_for_status()
        yield started
