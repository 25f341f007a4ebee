"""A migrated database, and the sample reports of the unit tests within reach."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "unit" / "reconciliation"))


@pytest.fixture
def books(database: str) -> str:
    """The database's URL."""
    return database
