"""A shop with one account at the simulators, whose API two people use: each has a key of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import httpx2
import pytest
import pytest_asyncio

from tests.built_application import application

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT / "tests" / "integration" / "payments"))
sys.path.append(str(ROOT / "tests" / "integration" / "http"))

from approval_office import Office  # noqa: E402 - found by the lines above, as are the next two
from http_driving import merchant_api  # noqa: E402
from payment_shop import CREDENTIALS, SIMULATOR_ACCOUNT, Shop  # noqa: E402


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
async def office(
    database: str, simulator_urls: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    monkeypatch.setenv("CLEARWAY_STRIPE__BASE_URL", simulator_urls["stripe"])
    monkeypatch.setenv("CLEARWAY_VAULT__PROXY_URL", simulator_urls["vault"])
    monkeypatch.setenv("CLEARWAY_VAULT__USERNAME", "clearway")
    monkeypatch.setenv("CLEARWAY_VAULT__PASSWORD", "vault-password")
    monkeypatch.setenv("SMTP_URL", f"smtp://{simulator_urls['smtp']}")
    monkeypatch.setenv("CLEARWAY_MAIL_FROM", "Clearway <clearway@shop.example>")
    from orchestrator.access import service as access
    from orchestrator.gateways import accounts, connections
    from orchestrator.settings import get_settings

    get_settings.cache_clear()
    connections.close_all()
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False)
    world = httpx2.AsyncClient(base_url=simulator_urls["control"])
    vault = httpx2.AsyncClient(base_url=simulator_urls["vault"], headers={"X-Vault-Key": "vault-key"})
    await world.delete("/scenarios")
    async with httpx.AsyncClient(transport=transport, base_url="http://clearway.test") as client:
        anna = await merchant_api(client, "Nordlicht GmbH")
        ben = replace(anna, secret=await access.create_api_key(anna.merchant_id, "Ben"))
        row = await accounts.add(anna.merchant_id, "stripe", "Stripe", CREDENTIALS["stripe"], priority=0)
        await world.post(
            "/accounts",
            json={"gateway": "stripe", "account": SIMULATOR_ACCOUNT["stripe"], "credentials": CREDENTIALS["stripe"]},
        )
        await world.post("/outage", json={"gateway": "stripe", "on": False})
        yield Office(anna, ben, Shop(anna.merchant_id, {"stripe": row.id}, world, vault), simulator_urls["mail"])
    connections.close_all()
    get_settings.cache_clear()
    await world.aclose()
    await vault.aclose()
