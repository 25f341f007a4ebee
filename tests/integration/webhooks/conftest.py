"""The payment tests' shop and simulators, the gateways' webhooks caught, and the application over HTTP."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.built_application import application

HERE = Path(__file__).parent
for neighbour in ("payments", "http", "web", "access"):
    sys.path.append(str(HERE.parent / neighbour))

from http_driving import Api  # noqa: E402 - found by the lines above
from payment_shop import Shop  # noqa: E402
from raw_webhooks import Receiver  # noqa: E402

_spec = importlib.util.spec_from_file_location("payments_conftest", HERE.parent / "payments" / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_payments = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_payments)
simulator_urls, shop = _payments.simulator_urls, _payments.shop


@pytest_asyncio.fixture(loop_scope="session")
async def receiver(shop: Shop) -> AsyncIterator[Receiver]:
    """Everything that Stripe and Adyen tell is caught, and goes nowhere by itself."""
    receiver = Receiver()
    server = await receiver.start()
    await receiver.listen_to(shop, "stripe", "adyen")
    yield receiver
    server.close()


@pytest_asyncio.fixture(loop_scope="session")
async def client(database: str) -> AsyncIterator[httpx.AsyncClient]:
    """The application in the tests' own loop."""
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://clearway.test") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def api(client: httpx.AsyncClient, shop: Shop) -> Api:
    """The API with the shop's own key."""
    from orchestrator.access import service

    secret = await service.create_api_key(shop.merchant_id, "test", service.ALL_SCOPES)
    return Api(client, shop.merchant_id, secret)


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch, shop: Shop) -> AsyncIterator[None]:
    """Set limits: `limits(webhook_apply_tries_max=2)`."""
    from orchestrator.settings import get_settings

    def set_limits(**values: int) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"CLEARWAY_LIMITS__{name.upper()}", str(value))
        get_settings.cache_clear()

    yield set_limits  # type: ignore[misc]
    get_settings.cache_clear()
