"""A shop at the simulators, a browser's cookies and the merchant's own program, as for the pages."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

INTEGRATION = Path(__file__).parents[1]
sys.path += [str(INTEGRATION / folder) for folder in ("web", "http", "payments")]

_spec = importlib.util.spec_from_file_location("web_world", INTEGRATION / "web" / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_world = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_world)
simulator_urls, shop, visitor = _world.simulator_urls, _world.shop, _world.visitor

import pytest  # noqa: E402 - beside the others
from checkout_driving import Time  # noqa: E402 - found by the lines above
from http_driving import Api, merchant_api  # noqa: E402
from payment_shop import Shop  # noqa: E402
from web_driving import Visitor  # noqa: E402


@pytest_asyncio.fixture(loop_scope="session")
async def api(shop: Shop, visitor: Visitor) -> AsyncIterator[Api]:
    """The shop's merchant as its own program."""
    from orchestrator.access import service

    yield Api(visitor.client, shop.merchant_id, await service.create_api_key(shop.merchant_id, "test"))


@pytest_asyncio.fixture(loop_scope="session")
async def other(visitor: Visitor) -> Api:
    return await merchant_api(visitor.client, "Other Ltd")


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The product's clock, which the test may put forward."""
    return Time(monkeypatch)
