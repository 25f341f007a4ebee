"""A shop at the simulators and its merchant's own program."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio

from tests.built_application import application

INTEGRATION = Path(__file__).parents[1]
sys.path += [str(INTEGRATION / folder) for folder in ("http", "payments")]

_spec = importlib.util.spec_from_file_location("payment_shop_fixtures", INTEGRATION / "payments" / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
simulator_urls, shop = _fixtures.simulator_urls, _fixtures.shop

from http_driving import Api  # noqa: E402 - found by the lines above
from payment_shop import Shop  # noqa: E402


@pytest_asyncio.fixture(loop_scope="session")
async def api(shop: Shop) -> AsyncIterator[Api]:
    """The shop's merchant as its own program."""
    from orchestrator.access import service

    secret = await service.create_api_key(shop.merchant_id, "test", service.ALL_SCOPES)
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://clearway.test") as client:
        yield Api(client, shop.merchant_id, secret)
