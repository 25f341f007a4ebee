"""The application served in the tests' own event loop, two merchants with keys, and a shop at the simulators."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import httpx2
import pytest
import pytest_asyncio

from tests.built_application import application

ROOT = Path(__file__).parents[2]
INTEGRATION = Path(__file__).parents[1] / "integration"
sys.path.extend(str(INTEGRATION / folder) for folder in ("http", "web", "access", "payments"))

from http_driving import Api, merchant_api  # noqa: E402 - found by the line above
from payment_shop import CREDENTIALS, SIMULATOR_ACCOUNT, Shop  # noqa: E402

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
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False, client=("192.0.2.10", 1234))
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def api(client: httpx.AsyncClient) -> Api:
    return await merchant_api(client, "Acme GmbH")


@pytest_asyncio.fixture(loop_scope="session")
async def other(client: httpx.AsyncClient) -> Api:
    return await merchant_api(client, "Other Ltd")


@pytest.fixture(scope="session")
def simulator_urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The simulators as a process of their own, on free ports."""
    words = [f"--{name}-port=0" for name in ("control", "stripe", "adyen", "paypal", "vault", "smtp", "mail")]
    words += ["--host=127.0.0.1", "--die-with-parent", f"--reports-dir={tmp_path_factory.mktemp('reports')}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())
    process.terminate()
    process.wait(60)


@pytest_asyncio.fixture(loop_scope="session")
async def shop(api: Api, simulator_urls: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """The merchant of `api` with an account at each gateway."""
    for gateway in ("stripe", "adyen", "paypal"):
        monkeypatch.setenv(f"CLEARWAY_{gateway.upper()}__BASE_URL", simulator_urls[gateway])
    monkeypatch.setenv("CLEARWAY_VAULT__PROXY_URL", simulator_urls["vault"])
    monkeypatch.setenv("CLEARWAY_VAULT__FIELDS_URL", f"{simulator_urls['vault']}/fields")
    monkeypatch.setenv("CLEARWAY_VAULT__USERNAME", "clearway")
    monkeypatch.setenv("CLEARWAY_VAULT__PASSWORD", "vault-password")
    from orchestrator.gateways import accounts, connections
    from orchestrator.settings import get_settings

    get_settings.cache_clear()
    connections.close_all()
    world = httpx2.AsyncClient(base_url=simulator_urls["control"])
    vault = httpx2.AsyncClient(base_url=simulator_urls["vault"], headers={"X-Vault-Key": "vault-key"})
    await world.delete("/scenarios")
    ids = {}
    for priority, (gateway, credentials) in enumerate(CREDENTIALS.items()):
        row = await accounts.add(api.merchant_id, gateway, gateway, credentials, priority=priority)
        ids[gateway] = row.id
        account = SIMULATOR_ACCOUNT[gateway]
        await world.post("/accounts", json={"gateway": gateway, "account": account, "credentials": credentials})
        await world.post("/outage", json={"gateway": gateway, "on": False})
    yield Shop(api.merchant_id, ids, world, vault)
    connections.close_all()
    get_settings.cache_clear()
    await world.aclose()
    await vault.aclose()
