"""A shop with three gateway accounts at the simulators, driven through the services on a real database."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from payment_shop import CREDENTIALS, SIMULATOR_ACCOUNT, Shop

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def simulator_urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The simulators as a process of their own, on free ports."""
    words = [f"--{name}-port=0" for name in ("control", "stripe", "adyen", "paypal", "vault", "smtp", "mail")]
    reports = f"--reports-dir={tmp_path_factory.mktemp('reports')}"
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators", "--host=127.0.0.1", "--die-with-parent", *words, reports],
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
    """An empty database, a healthy world, and a merchant with Stripe before Adyen before PayPal."""
    for gateway in ("stripe", "adyen", "paypal"):
        monkeypatch.setenv(f"CLEARWAY_{gateway.upper()}__BASE_URL", simulator_urls[gateway])
    vault_host = simulator_urls["vault"].removeprefix("http://")
    monkeypatch.setenv("CLEARWAY_VAULT__PROXY_URL", f"http://{vault_host}")
    monkeypatch.setenv("CLEARWAY_VAULT__USERNAME", "clearway")
    monkeypatch.setenv("CLEARWAY_VAULT__PASSWORD", "vault-password")
    monkeypatch.setenv("CLEARWAY_LIMITS__GATEWAY_READ_TIMEOUT_S", "10")
    monkeypatch.setenv("CLEARWAY_LIMITS__GATEWAY_CONNECT_TIMEOUT_S", "5")
    from orchestrator.access import service as access
    from orchestrator.gateways import accounts, connections
    from orchestrator.settings import get_settings

    get_settings.cache_clear()
    connections.close_all()
    merchant = await access.create_merchant("Example Shop", {})
    world = httpx2.AsyncClient(base_url=simulator_urls["control"])
    vault = httpx2.AsyncClient(base_url=simulator_urls["vault"], headers={"X-Vault-Key": "vault-key"})
    ids = {}
    await world.delete("/scenarios")
    for priority, gateway in enumerate(("stripe", "adyen", "paypal")):
        row = await accounts.add(
            merchant.id, gateway, gateway.title(), CREDENTIALS[gateway], priority=priority, fees={"bps": 150}
        )
        ids[gateway] = row.id
        await world.post(
            "/accounts",
            json={"gateway": gateway, "account": SIMULATOR_ACCOUNT[gateway], "credentials": CREDENTIALS[gateway]},
        )
        await world.post("/outage", json={"gateway": gateway, "on": False})
    yield Shop(merchant.id, ids, world, vault)
    connections.close_all()
    get_settings.cache_clear()
    await world.aclose()
    await vault.aclose()
