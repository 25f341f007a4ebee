"""The application served in the tests' own event loop, merchants with keys, and browsers with users in them."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

sys.path.extend(str(Path(__file__).parents[1] / folder) for folder in ("http", "web"))

from http_driving import Api, merchant_api
from one_browser import PUBLIC_URL, browser


@pytest.fixture(autouse=True)
def _public_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from orchestrator.access import rate_limits
    from orchestrator.settings import get_settings

    monkeypatch.setenv("CLEARWAY_PUBLIC_URL", PUBLIC_URL)
    get_settings.cache_clear()
    rate_limits.forget_leases()  # the database that they were leased from was emptied
    yield
    get_settings.cache_clear()
    rate_limits.forget_leases()


@pytest_asyncio.fixture(loop_scope="session")
async def client(database: str) -> AsyncIterator[httpx.AsyncClient]:
    async with browser() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def api(client: httpx.AsyncClient) -> Api:
    return await merchant_api(client, "Acme GmbH")


@pytest_asyncio.fixture(loop_scope="session")
async def other(client: httpx.AsyncClient) -> Api:
    return await merchant_api(client, "Other Ltd")
