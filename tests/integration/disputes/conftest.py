"""A shop whose payments are disputed at the simulators; each test has gateway accounts, and so books, of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT / "tests" / "integration" / "payments"))

from dispute_desk import Desk, Receiver, credentials_of  # noqa: E402 - found by the line above
from payment_shop import Shop  # noqa: E402


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


@pytest.fixture(scope="session")
def paypal_roots(simulator_urls: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the certificates of PayPal's webhooks chain to, as a file."""
    answer = httpx2.get(f"{simulator_urls['paypal']}/simulator/ca")
    answer.raise_for_status()
    file = tmp_path_factory.mktemp("roots") / "paypal.pem"
    file.write_bytes(answer.content)
    return str(file)


@pytest_asyncio.fixture(loop_scope="session")
async def desk(
    database: str, simulator_urls: dict[str, str], paypal_roots: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Desk]:
    """An empty database, a healthy world, a merchant with three accounts, and everything told to it caught."""
    monkeypatch.setenv("CLEARWAY_PAYPAL__CERT_HOSTS", simulator_urls["paypal"])
    monkeypatch.setenv("CLEARWAY_PAYPAL__CA_FILE", paypal_roots)
    for gateway in ("stripe", "adyen", "paypal"):
        monkeypatch.setenv(f"CLEARWAY_{gateway.upper()}__BASE_URL", simulator_urls[gateway])
    monkeypatch.setenv("CLEARWAY_VAULT__PROXY_URL", simulator_urls["vault"])
    monkeypatch.setenv("CLEARWAY_VAULT__USERNAME", "clearway")
    monkeypatch.setenv("CLEARWAY_VAULT__PASSWORD", "vault-password")
    monkeypatch.setenv("CLEARWAY_LIMITS__GATEWAY_READ_TIMEOUT_S", "3")
    monkeypatch.setenv("CLEARWAY_LIMITS__GATEWAY_CONNECT_TIMEOUT_S", "1")
    from orchestrator.access import service as access
    from orchestrator.gateways import accounts, connections
    from orchestrator.settings import get_settings

    get_settings.cache_clear()
    connections.close_all()
    merchant = await access.create_merchant("Example Shop", {})
    world = httpx2.AsyncClient(base_url=simulator_urls["control"])
    vault = httpx2.AsyncClient(base_url=simulator_urls["vault"], headers={"X-Vault-Key": "vault-key"})
    await world.delete("/scenarios")
    receiver = Receiver()
    server = await receiver.start()
    own, ids, names = uuid.uuid4().hex[:12], {}, {}
    for priority, gateway in enumerate(("stripe", "adyen", "paypal")):
        credentials, names[gateway] = credentials_of(gateway, own)
        row = await accounts.add(merchant.id, gateway, gateway.title(), credentials, priority=priority)
        ids[gateway] = row.id
        body = {"gateway": gateway, "account": names[gateway], "credentials": credentials}
        (await world.post("/accounts", json=body)).raise_for_status()
        await world.post("/outage", json={"gateway": gateway, "on": False})
    desk = Desk(Shop(merchant.id, ids, world, vault), names, receiver, own)
    await desk.listen()
    yield desk
    server.close()
    connections.close_all()
    get_settings.cache_clear()
    await world.aclose()
    await vault.aclose()
