"""The application served in the tests' own event loop, and merchants with keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from http_driving import Api, merchant_api

from tests.built_application import application


@pytest_asyncio.fixture(loop_scope="session")
async def client(database: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://clearway.test") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def api(client: httpx.AsyncClient) -> Api:
    return await merchant_api(client, "Acme GmbH")


@pytest_asyncio.fixture(loop_scope="session")
async def other(client: httpx.AsyncClient) -> Api:
    return await merchant_api(client, "Other Ltd")


@pytest.fixture
def new_payment() -> dict[str, Any]:
    return {"amount": {"amount": 1999, "currency": "EUR"}, "reference": "order-1"}
