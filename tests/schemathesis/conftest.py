"""One whole installation for all runs: API, worker, clock, PostgreSQL and simulators as processes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "browser"))

from running_installation import Installation, running


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with running() as started:
        yield started
