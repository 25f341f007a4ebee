"""A shop that shares its payments with sellers, on a real database and against the simulated gateways."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

PAYMENTS = Path(__file__).parents[1] / "payments"
sys.path.append(str(PAYMENTS))

_spec = importlib.util.spec_from_file_location("payment_shop_fixtures", PAYMENTS / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
simulator_urls, shop = _fixtures.simulator_urls, _fixtures.shop

from payment_shop import Shop  # noqa: E402 - found by the line above
from split_shop import Market, open_market  # noqa: E402


@pytest_asyncio.fixture(loop_scope="session")
async def market(shop: Shop) -> AsyncIterator[Market]:
    """The shop with two sellers, Ada and Ben, who have accounts at every gateway that takes them."""
    yield await open_market(shop)
