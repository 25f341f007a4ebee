"""The simulators beside the tests, in a process of their own, and each adapter pointed at them through a wire tap."""

from __future__ import annotations

import io
import json
import secrets
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import live_suite
import pytest
import requests
from openapi_contract import CONTRACTS
from rich.console import Console
from rich.table import Table
from simulated_accounts import GATEWAYS, Account, Received, World
from verb_calls import PLAYED
from wire_contracts import problems_of, webhook_problems
from wire_tap import Passed, WireTap

from orchestrator.gateways.base import Gateway
from orchestrator.gateways.kinds import GatewayEndpoints
from orchestrator.gateways.registry import build_gateway
from orchestrator.gateways.vault import VaultSettings
from routing.outcomes import OutcomeKind


def pytest_addoption(parser: pytest.Parser) -> None:
    live_suite.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "forced_replies: holds replies that a gateway's published contract leaves out")
    live_suite.begin(config)


ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build"
# What Adyen's support must switch on for an account: https://docs.adyen.com/online-payments/capture
SIMULATED = {"multiple_partial_captures": "true"}
HMAC_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What really ran, for whoever wants to compare it with docs/contract-coverage.md; one file a worker."""
    if not PLAYED or live_suite.is_live(session.config):
        return
    worker = getattr(session.config, "workerinput", {}).get("workerid", "main")
    BUILD.mkdir(exist_ok=True)
    names = ("gateway", "verb", "outcome", "scenario")
    rows = [dict(zip(names, one, strict=True)) for one in sorted(PLAYED)]
    (BUILD / f"contract_coverage.{worker}.json").write_text(json.dumps(rows, indent=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many scenarios came to each outcome in this run."""
    if not PLAYED:
        return
    outcomes = [outcome.value for outcome in OutcomeKind]
    table = Table("gateway", "verb", *outcomes, title="contract suite: scenarios by outcome", box=None)
    for gateway, verb in dict.fromkeys((one[0], one[1]) for one in sorted(PLAYED)):
        counted = Counter(one[2] for one in PLAYED if one[:2] == (gateway, verb))
        table.add_row(gateway, verb, *(str(counted[outcome] or "·") for outcome in outcomes))
    with Console(width=120, record=True, file=io.StringIO()) as console:
        console.print(table)
        terminalreporter.write(console.export_text())


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
        process.wait(60)


@pytest.fixture(scope="session")
def taps(world: World) -> Iterator[dict[str, WireTap]]:
    """One recording proxy before each gateway, allowed to the vault as a destination."""
    made = {gateway: WireTap(gateway, world.urls[gateway]) for gateway in GATEWAYS}
    for tap in made.values():
        world.post("/vault/destinations", url=tap.url)
    yield made
    for tap in made.values():
        tap.close()


@pytest.fixture
def received() -> Iterator[Received]:
    """A receiver of webhooks on this machine."""
    kept = Received(path=f"/webhooks/{secrets.token_hex(8)}")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if not self.path.startswith(kept.path):  # a late one for whoever had this port before
                self.send_error(404)
                return
            with kept.arrived:
                kept.taken.append((dict(self.headers.items()), body))
                kept.arrived.notify_all()
            self.send_response(202)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    kept.url = f"http://127.0.0.1:{server.server_port}{kept.path}"
    yield kept
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def complained() -> set[str]:
    """What has been said of the wire already: a flaw that many tests meet fails the first of them only."""
    return set()


@pytest.fixture
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[..., Account]]:
    """Makes an account: a fresh one at the simulators, or the user's own at a real sandbox (`--live-sandbox`)."""
    if not live_suite.is_live(request.config):
        yield request.getfixturevalue("connect_simulated")
        return
    yield from request.config.pluginmanager.get_plugin("live-suite").connecting(request)


@pytest.fixture
def connect_simulated(
    world: World,
    taps: dict[str, WireTap],
    received: Received,
    tmp_path: Path,
    complained: set[str],
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., Account]]:
    """Makes a fresh account at a simulated gateway. Afterwards all that crossed the wire is held to the contracts."""
    opened: list[Gateway] = []
    transcripts = {gateway: tap.begin() for gateway, tap in taps.items()}

    def make(gateway: str, read_timeout_s: float = 10) -> Account:
        account = f"acct_{secrets.token_hex(4)}"
        credentials, endpoint_secrets = _credentials(gateway, account)
        world.post("/accounts", gateway=gateway, account=account, credentials=credentials | SIMULATED)
        world.post("/endpoints", gateway=gateway, account=account, url=received.url, secrets=endpoint_secrets)
        adapter = build_gateway(
            gateway,
            _ours(gateway, credentials, endpoint_secrets),
            _endpoints(world, taps, gateway, tmp_path, read_timeout_s),
            VaultSettings(world.urls["vault"], "clearway", "vault-password", read_timeout_s=read_timeout_s),
        )
        opened.append(adapter)
        return Account(account, adapter, world, received, taps[gateway])

    yield make
    requests.delete(world.urls["control"] + "/scenarios", timeout=20)
    for adapter in opened:
        adapter.close()
    if CONTRACTS.exists() and request.node.get_closest_marker("forced_replies") is None:
        flaws = _flaws(transcripts, opened, received)
        fresh = [flaw for flaw in dict.fromkeys(flaws) if flaw not in complained]
        complained.update(fresh)
        if fresh:
            pytest.fail("the wire does not fit the contracts:\n  " + "\n  ".join(fresh), pytrace=False)


def _flaws(transcripts: dict[str, list[Passed]], opened: list[Gateway], received: Received) -> list[str]:
    """What is wrong on the wire; of webhooks where one gateway alone can have sent them."""
    passed = [one for kept in transcripts.values() for one in list(kept)]
    flaws = [flaw for one in passed for flaw in _said(one.gateway, problems_of(one))]
    senders = {adapter.name for adapter in opened}
    if len(senders) == 1:
        [sender] = senders
        flaws += [flaw for _, body in list(received.taken) for flaw in _said(sender, webhook_problems(sender, body))]
    return flaws


def _said(gateway: str, problems: list[str]) -> list[str]:
    return [f"{gateway}: {problem}" for problem in problems]


def _credentials(gateway: str, account: str) -> tuple[dict[str, str], dict[str, str]]:
    unique = secrets.token_hex(8)
    match gateway:
        case "stripe":
            return {"secret_key": f"sk_test_{unique}"}, {"signing_secret": f"whsec_{unique}"}
        case "adyen":
            platform = {"balance_platform_api_key": f"AQE{unique}", "balance_account": f"BA{unique}"}
            reports = {"report_username": f"report@{unique}", "report_password": unique}
            return {"api_key": f"AQE{unique}", "merchant_account": account} | platform | reports, {"hmac_key": HMAC_KEY}
        case _:
            return {"client_id": f"client-{unique}", "client_secret": unique}, {"webhook_id": f"WH-{unique}"}


def _ours(gateway: str, credentials: dict[str, str], endpoint_secrets: dict[str, str]) -> dict[str, str]:
    if gateway == "stripe":
        return credentials | {"webhook_secret": endpoint_secrets["signing_secret"]}
    return credentials | endpoint_secrets


def _endpoints(
    world: World, taps: dict[str, WireTap], gateway: str, tmp_path: Path, read_timeout_s: float
) -> GatewayEndpoints:
    base_url = taps[gateway].url
    if gateway != "paypal":
        return GatewayEndpoints(base_url=base_url, read_timeout_s=read_timeout_s)
    roots = tmp_path / "paypal-roots.pem"
    roots.write_bytes(requests.get(world.urls["paypal"] + "/simulator/ca", timeout=20).content)
    return GatewayEndpoints(
        base_url=base_url,
        cert_hosts=(world.urls["paypal"],),
        ca_file=str(roots),
        read_timeout_s=read_timeout_s,
    )
