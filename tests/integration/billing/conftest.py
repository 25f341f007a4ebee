"""A desk with a customer; after every test the books must be sound."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from billing_desk import Desk, findings

_PAYMENTS = Path(__file__).parents[1] / "payments"
sys.path += [str(_PAYMENTS), str(_PAYMENTS.with_name("http"))]
_spec = importlib.util.spec_from_file_location("payment_shop_fixtures", _PAYMENTS / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
simulator_urls, shop = _fixtures.simulator_urls, _fixtures.shop


@pytest_asyncio.fixture(loop_scope="session")
async def desk(database: str) -> AsyncIterator[Desk]:
    from orchestrator.access import service as access

    merchant = await access.create_merchant("Example Shop", {"write_off_tolerance_minor": {"EUR": 5}})
    yield Desk(merchant.id, "cus_1")
    assert await findings() == []
