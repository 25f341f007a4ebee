"""The shop of the payment tests, for what should never happen to it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import pytest_asyncio

PAYMENTS = Path(__file__).parents[2] / "integration" / "payments"
sys.path.append(str(PAYMENTS))

_spec = spec_from_file_location("payments_conftest", PAYMENTS / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_payments = module_from_spec(_spec)
_spec.loader.exec_module(_payments)

simulator_urls = _payments.simulator_urls
shop = _payments.shop


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """A state directory of the test's own, and a process that has seen nothing yet."""
    from orchestrator.installation import service
    from orchestrator.settings import get_settings

    monkeypatch.setenv("CLEARWAY_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("CLEARWAY_LIMITS__PAYMENT_DEADLINE_S", "2")
    get_settings.cache_clear()
    service.restart()
    yield tmp_path
    service.restart()
    get_settings.cache_clear()
