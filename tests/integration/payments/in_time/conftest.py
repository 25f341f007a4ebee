"""A world of its own for what takes days: its clock is put forward, which the other tests must not notice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from passing_time import Time
from payment_shop import CREDENTIALS, SIMULATOR_ACCOUNT, Shop
from raw_webhooks import SECRETS, Receiver

from orchestrator import clock_port

ROOT = Path(__file__).parents[4]
PAYPAL_WEBHOOKS = {"webhook_id": CREDENTIALS["paypal"]["webhook_id"]}


@pytest.fixture(scope="session")
def simulator_urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "simulators", "--host=127.0.0.1", "--die-with-parent"]
    command += [f"--{name}-port=0" for name in ("control", "stripe", "adyen", "paypal", "vault", "smtp", "mail")]
    command += [f"--reports-dir={tmp_path_factory.mktemp('later_reports')}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()
        process.wait(60)


@pytest.fixture(autouse=True)
def paypal_roots(
    simulator_urls: dict[str, str], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the certificates of PayPal's webhooks chain to."""
    answer = httpx2.get(f"{simulator_urls['paypal']}/simulator/ca")
    answer.raise_for_status()
    file = tmp_path_factory.mktemp("roots") / "paypal.pem"
    file.write_bytes(answer.content)
    monkeypatch.setenv("CLEARWAY_PAYPAL__CERT_HOSTS", simulator_urls["paypal"])
    monkeypatch.setenv("CLEARWAY_PAYPAL__CA_FILE", str(file))


@pytest_asyncio.fixture(loop_scope="session")
async def time(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Time:
    """The product has one clock port, so that is the one thing to set."""
    made = Time(shop)
    made.ahead = timedelta(seconds=(await shop.world.get("/clock")).json()["ahead_seconds"])
    monkeypatch.setattr(clock_port, "now", made.now)
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def receiver(shop: Shop) -> AsyncIterator[Receiver]:
    """What every gateway tells, caught."""
    receiver = Receiver()
    server = await receiver.start()
    for gateway, account in SIMULATOR_ACCOUNT.items():
        secrets = SECRETS.get(gateway, PAYPAL_WEBHOOKS)
        url = f"{receiver.url}/{gateway}"
        await shop.tell("/endpoints", gateway=gateway, account=account, url=url, secrets=secrets)
    yield receiver
    server.close()
