"""Meridian registered for these tests only, its simulator, and a shop that sells through it and through Stripe's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from currency import exponents
from orchestrator.gateways import declines, registry
from orchestrator.gateways.base import Gateway
from orchestrator.gateways.kinds import GatewayEndpoints
from orchestrator.gateways.vault import VaultSettings
from tests.fourth_gateway.meridian.kind import KIND
from tests.fourth_gateway.meridian_simulator import Meridian
from tests.integration.payments.payment_shop import CREDENTIALS, SIMULATOR_ACCOUNT, Shop

ROOT = Path(__file__).parents[2]
MERIDIAN_CREDENTIALS = {"api_key": "mk_test_shop", "webhook_secret": "meridian-secret"}


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """What a test registers is gone after it: others look at all gateways that there are."""
    yield
    registry.KINDS.pop(KIND.name, None)
    exponents.ENCODINGS.pop(KIND.name, None)
    declines._table.cache_clear()


@pytest.fixture
def registered() -> None:
    """Meridian is known while the test runs."""
    registry.register(KIND)


@pytest.fixture
def meridian() -> Iterator[Meridian]:
    """The simulator, served."""
    simulator = Meridian()
    simulator.start()
    yield simulator
    simulator.end()


@pytest.fixture
def connect(registered: None, meridian: Meridian, simulator_urls: dict[str, str]) -> Iterator[Callable[..., Gateway]]:
    """Builds an account's adapter from credentials; its cards go through the simulated vault."""
    opened: list[Gateway] = []

    def build(**credentials: str) -> Gateway:
        allow(simulator_urls, meridian.url)
        adapter = registry.build_gateway(
            "meridian",
            {**MERIDIAN_CREDENTIALS, **credentials},
            GatewayEndpoints(base_url=meridian.url, connect_timeout_s=1, read_timeout_s=3),
            VaultSettings(simulator_urls["vault"], "clearway", "vault-password"),
        )
        opened.append(adapter)
        return adapter

    yield build
    for adapter in opened:
        adapter.close()


@pytest.fixture(scope="session")
def simulator_urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The product's own simulators (the vault and Stripe are used) as a process of their own, on free ports."""
    names = ("control", "stripe", "adyen", "paypal", "vault", "smtp", "mail")
    words = [f"--{name}-port=0" for name in names]
    reports = f"--reports-dir={tmp_path_factory.mktemp('reports')}"
    command = [sys.executable, "-m", "simulators", "--host=127.0.0.1", "--die-with-parent", *words, reports]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()
        process.wait(60)


def allow(simulator_urls: dict[str, str], url: str) -> None:
    """Put the address on the vault's list of destinations, as an operator does with the vault's vendor."""
    httpx2.post(f"{simulator_urls['control']}/vault/destinations", json={"url": url}).raise_for_status()


OpenShop = Callable[..., Awaitable[Shop]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_shop(
    database: str,
    registered: None,
    meridian: Meridian,
    simulator_urls: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[OpenShop]:
    """Opens a shop with accounts at the named gateways, the first preferred; the settings say where all of them are."""
    vault_host = simulator_urls["vault"].removeprefix("http://")
    settings = {
        "STRIPE__BASE_URL": simulator_urls["stripe"],
        "GATEWAYS__MERIDIAN__BASE_URL": meridian.url,
        "VAULT__PROXY_URL": f"http://{vault_host}",
        "VAULT__USERNAME": "clearway",
        "VAULT__PASSWORD": "vault-password",
        "LIMITS__GATEWAY_READ_TIMEOUT_S": "10",
        "LIMITS__GATEWAY_CONNECT_TIMEOUT_S": "5",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"CLEARWAY_{name}", value)
    from orchestrator.gateways import connections
    from orchestrator.settings import get_settings

    get_settings.cache_clear()
    connections.close_all()
    world = httpx2.AsyncClient(base_url=simulator_urls["control"])
    vault = httpx2.AsyncClient(base_url=simulator_urls["vault"], headers={"X-Vault-Key": "vault-key"})
    await world.delete("/scenarios")
    await world.post("/outage", json={"gateway": "stripe", "on": False})
    allow(simulator_urls, meridian.url)

    async def open_with(*gateways: str) -> Shop:
        return await _opened(gateways, world, vault)

    yield open_with
    connections.close_all()
    get_settings.cache_clear()
    await world.aclose()
    await vault.aclose()


async def _opened(gateways: tuple[str, ...], world: httpx2.AsyncClient, vault: httpx2.AsyncClient) -> Shop:
    from orchestrator.access import service as access
    from orchestrator.gateways import accounts

    credentials = {**CREDENTIALS, "meridian": MERIDIAN_CREDENTIALS}
    merchant = await access.create_merchant("Example Shop", {})
    shop = Shop(merchant.id, {}, world, vault)
    for priority, gateway in enumerate(gateways):
        row = await accounts.add(merchant.id, gateway, gateway.title(), credentials[gateway], priority=priority)
        shop.accounts[gateway] = row.id
        if gateway in SIMULATOR_ACCOUNT:
            account = SIMULATOR_ACCOUNT[gateway]
            await shop.tell("/accounts", gateway=gateway, account=account, credentials=credentials[gateway])
    return shop
