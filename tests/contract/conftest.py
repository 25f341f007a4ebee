"""The simulators beside the tests, in a process of their own, and each adapter pointed at them."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from simulated_accounts import Account, Received, World

from orchestrator.gateways.base import Gateway
from orchestrator.gateways.kinds import GatewayEndpoints
from orchestrator.gateways.registry import build_gateway
from orchestrator.gateways.vault import VaultSettings

ROOT = Path(__file__).parents[2]
HMAC_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    pytest.importorskip("simulators.__main__", reason="the simulators are not installed")
    reports = tmp_path_factory.mktemp("reports")
    command = [sys.executable, "-m", "simulators", "--reports-dir", str(reports), "--die-with-parent"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the simulators did not start"
        yield World(json.loads(line))
        process.terminate()
        process.wait(20)


@pytest.fixture
def received() -> Iterator[Received]:
    """A receiver of webhooks on this machine."""
    kept = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with kept.arrived:
                kept.taken.append((dict(self.headers.items()), body))
                kept.arrived.notify_all()
            self.send_response(202)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    kept.url = f"http://127.0.0.1:{server.server_port}/webhooks"
    yield kept
    server.shutdown()
    server.server_close()


@pytest.fixture
def connect(world: World, received: Received, tmp_path: Path) -> Iterator[Callable[[str], Account]]:
    """Makes a fresh account at a simulated gateway."""
    opened: list[Gateway] = []

    def make(gateway: str) -> Account:
        account = f"acct_{secrets.token_hex(4)}"
        credentials, endpoint_secrets = _credentials(gateway, account)
        world.post("/accounts", gateway=gateway, account=account, credentials=credentials)
        world.post("/endpoints", gateway=gateway, account=account, url=received.url, secrets=endpoint_secrets)
        adapter = build_gateway(
            gateway, _ours(gateway, credentials, endpoint_secrets), _endpoints(world, gateway, tmp_path), _vault(world)
        )
        opened.append(adapter)
        return Account(account, adapter, world, received)

    yield make
    requests.delete(world.urls["control"] + "/scenarios", timeout=20)
    for adapter in opened:
        adapter.close()


def _credentials(gateway: str, account: str) -> tuple[dict[str, str], dict[str, str]]:
    unique = secrets.token_hex(8)
    match gateway:
        case "stripe":
            return {"secret_key": f"sk_test_{unique}"}, {"signing_secret": f"whsec_{unique}"}
        case "adyen":
            return {"api_key": f"AQE{unique}", "merchant_account": account}, {"hmac_key": HMAC_KEY}
        case _:
            return {"client_id": f"client-{unique}", "client_secret": unique}, {"webhook_id": f"WH-{unique}"}


def _ours(gateway: str, credentials: dict[str, str], endpoint_secrets: dict[str, str]) -> dict[str, str]:
    if gateway == "stripe":
        return credentials | {"webhook_secret": endpoint_secrets["signing_secret"]}
    return credentials | endpoint_secrets


def _endpoints(world: World, gateway: str, tmp_path: Path) -> GatewayEndpoints:
    if gateway != "paypal":
        return GatewayEndpoints(base_url=world.urls[gateway], read_timeout_s=10)
    roots = tmp_path / "paypal-roots.pem"
    roots.write_bytes(requests.get(world.urls["paypal"] + "/simulator/ca", timeout=20).content)
    return GatewayEndpoints(
        base_url=world.urls["paypal"],
        cert_hosts=(world.urls["paypal"],),
        ca_file=str(roots),
        read_timeout_s=10,
    )


def _vault(world: World) -> VaultSettings:
    return VaultSettings(world.urls["vault"], "clearway", "vault-password", read_timeout_s=15)
