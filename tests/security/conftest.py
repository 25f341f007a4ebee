"""The application served in the tests' own event loop, two merchants with keys, and browsers at addresses of their own."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

INTEGRATION = Path(__file__).parents[1] / "integration"
sys.path.extend(str(INTEGRATION / folder) for folder in ("http", "web", "access", "payments"))

from http_driving import Api, merchant_api  # noqa: E402 - found by the line above

PUBLIC_URL = "http://clearway.test"


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
    from orchestrator.app import create_app

    transport = httpx.ASGITransport(create_app(), raise_app_exceptions=False, client=("192.0.2.10", 1234))
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def api(client: httpx.AsyncClient) -> Api:
    return await merchant_api(client, "Acme GmbH")


@pytest_asyncio.fixture(loop_scope="session")
async def other(client: httpx.AsyncClient) -> Api:
    return await merchant_api(client, "Other Ltd")
