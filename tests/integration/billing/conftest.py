"""A desk with a customer; after every test the books must be sound."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from billing_desk import Desk, findings


@pytest_asyncio.fixture(loop_scope="session")
async def desk(database: str) -> AsyncIterator[Desk]:
    from orchestrator.access import service as access

    merchant = await access.create_merchant("Example Shop", {"write_off_tolerance_minor": {"EUR": 5}})
    yield Desk(merchant.id, "cus_1")
    assert await findings() == []
