"""An installation that may call this machine, a merchant, and a server of the merchant's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from webhook_driving import Shop, new_shop
from webhook_receiver import Receiver, serve


@pytest.fixture(autouse=True)
def loopback_allowed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from orchestrator.settings import get_settings

    monkeypatch.setenv("CLEARWAY_WEBHOOKS__ALLOW_LOOPBACK", "true")
    monkeypatch.setenv("CLEARWAY_LIMITS__WEBHOOK_OUT_TIMEOUT_S", "3")
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serve() as served:
        yield served


@pytest.fixture
def second_receiver() -> Iterator[Receiver]:
    with serve() as served:
        yield served


@pytest_asyncio.fixture(loop_scope="session")
async def shop(database: str) -> AsyncIterator[Shop]:
    yield await new_shop("Acme GmbH")
