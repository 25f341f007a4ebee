"""A whole installation as `clearway up` runs it, with the simulators for the world."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from orchestrator import embedded_postgres
from orchestrator.demo import seed
from orchestrator.demo.api import Api
from orchestrator.demo.world import VAULT_PASSWORD, VAULT_USER, World
from orchestrator.supervisor import API, CLOCK, POSTGRES, SIMULATORS, WORKER, Supervisor


@dataclass(frozen=True)
class Installation:
    """The running shop: its API (with a key that may do everything), and the world around it."""

    url: str
    api: Api
    world: World
    database_url: str = ""


@contextmanager
def running() -> Iterator[Installation]:
    """PostgreSQL, simulators, API, worker and clock as processes; and a merchant whose euros go to Adyen first."""
    state_dir = Path(tempfile.mkdtemp(prefix="clearway-browser-"))
    state_dir.chmod(0o711)
    port = _free_port()
    environment = {
        "DATABASE_URL": "",
        "CLEARWAY_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "CLEARWAY_MODE": "demo",
    }
    try:
        with Supervisor(state_dir, port=port, environment=environment) as supervisor:
            supervisor.start(POSTGRES, SIMULATORS)
            supervisor.environment.update(_places(supervisor))
            supervisor.migrate()
            supervisor.start(API, WORKER, CLOCK)
            supervisor.wait_ready()
            merchant_id, key = _merchant(supervisor)
            api = Api(supervisor.api_url, key)
            with World(supervisor.simulator_urls) as world:
                seed.open_shop(merchant_id, api, world)
                yield Installation(supervisor.api_url, api, world, supervisor.environment["DATABASE_URL"])
            api.close()
    finally:
        embedded_postgres.remove(state_dir)
        shutil.rmtree(state_dir, ignore_errors=True)


def _places(supervisor: Supervisor) -> dict[str, str]:
    """Where this world's gateways and vault are, and how long they are waited for."""
    urls = supervisor.simulator_urls
    roots = supervisor.state_dir / "paypal-roots.pem"
    with httpx2.Client(trust_env=False) as client:
        roots.write_bytes(client.get(f"{urls['paypal']}/simulator/ca").raise_for_status().content)
    return {
        **{f"CLEARWAY_{name.upper()}__BASE_URL": urls[name] for name in ("stripe", "adyen", "paypal")},
        "CLEARWAY_PAYPAL__CERT_HOSTS": urls["paypal"],
        "CLEARWAY_PAYPAL__CA_FILE": str(roots),
        "CLEARWAY_VAULT__PROXY_URL": urls["vault"],
        "CLEARWAY_VAULT__FIELDS_URL": f"{urls['vault']}/fields",
        "CLEARWAY_VAULT__USERNAME": VAULT_USER,
        "CLEARWAY_VAULT__PASSWORD": VAULT_PASSWORD,
        "CLEARWAY_LIMITS__GATEWAY_CONNECT_TIMEOUT_S": "5",
        "CLEARWAY_LIMITS__GATEWAY_READ_TIMEOUT_S": "15",
    }


def _merchant(supervisor: Supervisor) -> tuple[str, str]:
    """Made as an operator does it, by the command line."""
    words = [sys.executable, "-m", "orchestrator.cli", "merchant", "create", "Nordwind Instruments", "--country", "DE"]
    done = subprocess.run(words, env=supervisor.environment, capture_output=True, text=True, check=True)
    merchant_id, key = re.search(r"mer_\w+", done.stdout), re.search(r"sk_clearway_\w+", done.stdout)
    assert merchant_id is not None
    assert key is not None
    return merchant_id[0], key[0]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
