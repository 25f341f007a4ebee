"""The application with merchants' keys, a day on which the ECB's history is fresh, and a stand-in for the ECB."""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

INTEGRATION = Path(__file__).parents[1]
sys.path += [str(INTEGRATION / "http"), str(INTEGRATION / "fx")]

_spec = importlib.util.spec_from_file_location("http_fixtures", INTEGRATION / "http" / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
client, api, other = _fixtures.client, _fixtures.api, _fixtures.other

from bank_server import Bank, serve  # noqa: E402 - found by the lines above

from currency import ecb  # noqa: E402
from orchestrator import clock_port  # noqa: E402
from orchestrator.fx import books  # noqa: E402

_history = functools.cache(ecb.history)  # the same data, read once for all tests


class Day:
    """The day it is. The package's history ends on Friday 2026-10-30."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 2, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def day(monkeypatch: pytest.MonkeyPatch) -> Iterator[Day]:
    books.forget()
    monkeypatch.setattr(books.ecb, "history", _history)
    today = Day()
    monkeypatch.setattr(clock_port, "now", lambda: today.now)
    yield today
    books.forget()


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bank]:
    """A server with the ECB's files, to which the settings point."""
    from orchestrator.settings import get_settings

    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serve(tmp_path) as opened:
        monkeypatch.setenv("CLEARWAY_FX__ECB_URL", opened.url)
        monkeypatch.setenv("CLEARWAY_FX__CA_FILE", str(opened.ca_file))
        monkeypatch.setenv("CLEARWAY_FX__TIMEOUT_S", "2")
        get_settings.cache_clear()
        yield opened
    get_settings.cache_clear()
