"""The whole application served in the tests' own event loop, a shop at the simulators, and a browser's cookies."""

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

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT / "tests" / "integration" / "payments"))

from payment_shop import CREDENTIALS, SIMULATOR_ACCOUNT, Shop  # noqa: E402 - found by the line above
from web_driving import Visitor  # noqa: E402


@pytest.fixture(scope="session")
def simulator_urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The simulators as a process of their own, on free ports."""
    words = [f"--{name}-port=0" for name in ("control", "stripe", "adyen", "paypal", "vault", "smtp", "mail")]
    words += ["--host=127.0.0.1", "--die-with-parent", f"--reports-dir={tmp_path_factory.mktemp('reports')}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())
    process.terminate()
    process.wait(60)


@pytest_asyncio.fixture(loop_scope="session")
async def shop(database: str, simulator_urls: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """A merchant with Stripe before PayPal, both of which answer captures at once."""
    for gateway in ("stripe", "paypal"):
        monkeypatch.setenv(f"CLEARWAY_{gateway.upper()}__BASE_URL", simulator_urls[gateway])
    monkeypatch.setenv("CLEARWAY_VAULT__PROXY_URL", simulator_urls["vault"])
    monkeypatch.setenv("CLEARWAY_VAULT__FIELDS_URL", f"{simulator_urls['vault']}/fields")
    monkeypatch.setenv("CLEARWAY_VAULT__USERNAME", "clearway")
    monkeypatch.setenv("CLEARWAY_VAULT__PASSWORD", "vault-password")
    monkeypatch.setenv("CLEARWAY_PUBLIC_URL", "http://clearway.test")
    from orchestrator.access import service as access
    from orchestrator.gateways import accounts, connections
    from orchestrator.settings import get_settings

    get_settings.cache_clear()
    connections.close_all()
    merchant = await access.create_merchant("Nordlicht GmbH", {"country": "DE"})
    world = httpx2.AsyncClient(base_url=simulator_urls["control"])
    vault = httpx2.AsyncClient(base_url=simulator_urls["vault"], headers={"X-Vault-Key": "vault-key"})
    await world.delete("/scenarios")
    ids = {}
    for priority, gateway in enumerate(("stripe", "paypal")):
        credentials, account = CREDENTIALS[gateway], SIMULATOR_ACCOUNT[gateway]
        row = await accounts.add(merchant.id, gateway, f"{gateway.title()} EU", credentials, priority=priority)
        ids[gateway] = row.id
        await world.post("/accounts", json={"gateway": gateway, "account": account, "credentials": credentials})
        await world.post("/outage", json={"gateway": gateway, "on": False})
    yield Shop(merchant.id, ids, world, vault)
    connections.close_all()
    get_settings.cache_clear()
    await world.aclose()
    await vault.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(shop: Shop) -> AsyncIterator[Visitor]:
    """A browser without a screen; it keeps cookies and follows no redirect by itself."""
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://clearway.test") as client:
        yield Visitor(client)
