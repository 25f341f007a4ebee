"""The whole application served in the tests' own event loop, and one visitor's cookies."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio

from tests.built_application import application

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT / "tests" / "integration" / "http"))

from http_driving import Api, merchant_api  # noqa: E402 - found by the line above


@pytest_asyncio.fixture(loop_scope="session")
async def client(database: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://clearway.test") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def api(client: httpx.AsyncClient) -> Api:
    return await merchant_api(client, "Acme GmbH")
