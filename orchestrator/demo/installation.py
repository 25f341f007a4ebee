"""What the demo runs on: a fresh installation in one process tree, with the simulators where the gateways would be."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx2

from orchestrator import embedded_postgres
from orchestrator.demo.seed import NAME as MERCHANT
from orchestrator.demo.world import VAULT_PASSWORD, VAULT_USER
from orchestrator.settings import default_state_dir, get_settings
from orchestrator.supervisor import API, CLOCK, POSTGRES, SIMULATORS, WORKER, Supervisor, SupervisorError, secret_key

GATEWAYS = ("stripe", "adyen", "paypal")
MAIL_FROM = "Nordwind Instruments <rechnung@nordwind.example>"

Tell = Callable[[str], None]


@contextmanager
def running(port: int, tell: Tell) -> Iterator[Supervisor]:
    """Everything started and answering; stopped at the end. `tell` hears what is being started.

    Raises SupervisorError and EmbeddedPostgresError with what to look at.
    """
    state_dir = default_state_dir() / "demo"
    _wipe(state_dir)
    with Supervisor(state_dir, port=port, environment={"CLEARWAY_MODE": "demo"}) as supervisor:
        if supervisor.embedded:
            tell("PostgreSQL")
            supervisor.start(POSTGRES)
        elif others := asyncio.run(_other_merchants(supervisor.database_url)):
            raise SupervisorError(
                f"The database of DATABASE_URL has {others} merchant(s) that are not of the demo. Their payments would "
                "go to the simulators. Unset DATABASE_URL, or name an empty database."
            )
        tell("the gateways' simulators")
        supervisor.start(SIMULATORS)
        supervisor.environment.update(_environment(supervisor))
        tell("the database's tables")
        supervisor.migrate()
        tell("API, worker and clock")
        supervisor.start(API, WORKER, CLOCK)
        supervisor.wait_ready()
        _adopt(supervisor.environment)
        yield supervisor


async def _other_merchants(database_url: str) -> int:
    connection = await asyncpg.connect(database_url)
    try:
        if await connection.fetchval("SELECT to_regclass('merchant')") is None:
            return 0
        return int(await connection.fetchval("SELECT count(*) FROM merchant WHERE name <> $1", MERCHANT))
    finally:
        await connection.close()


def _wipe(state_dir: Path) -> None:
    """Every run begins with an empty database. Raises AlreadyRunning while another demo uses it."""
    if not state_dir.exists():
        return
    embedded_postgres.remove(state_dir)
    shutil.rmtree(state_dir)


def _environment(supervisor: Supervisor) -> dict[str, str]:
    """The product's settings for this world: where its gateways, its vault and its mail server are."""
    urls = supervisor.simulator_urls
    found = {f"CLEARWAY_{gateway.upper()}__BASE_URL": urls[gateway] for gateway in GATEWAYS}
    found |= {
        "CLEARWAY_PUBLIC_URL": supervisor.api_url,
        "CLEARWAY_PAYPAL__CERT_HOSTS": urls["paypal"],
        "CLEARWAY_PAYPAL__CA_FILE": str(_paypal_roots(urls["paypal"], supervisor.state_dir)),
        "CLEARWAY_FX__ECB_URL": "",  # the world of the demo has no ECB
        "CLEARWAY_VAT__VIES_URL": urls["vies"],
        "CLEARWAY_ABUSE__MODE": "observe",  # all its shoppers are one machine, which tries stolen cards too
        "CLEARWAY_VAULT__PROXY_URL": urls["vault"],
        "CLEARWAY_VAULT__USERNAME": VAULT_USER,
        "CLEARWAY_VAULT__PASSWORD": VAULT_PASSWORD,
        "CLEARWAY_VAULT__FIELDS_URL": f"{urls['vault']}/fields",
        "CLEARWAY_VAULT__CONNECT_TIMEOUT_S": "2",
        "CLEARWAY_VAULT__READ_TIMEOUT_S": "5",
        "CLEARWAY_LIMITS__GATEWAY_CONNECT_TIMEOUT_S": "2",
        "CLEARWAY_LIMITS__GATEWAY_READ_TIMEOUT_S": "5",
        "SMTP_URL": f"smtp://{urls['smtp']}",
        "CLEARWAY_MAIL_FROM": MAIL_FROM,
    }
    if not supervisor.environment.get("CLEARWAY_SECRET_KEY"):
        found["CLEARWAY_SECRET_KEY"] = secret_key(supervisor.state_dir)
    return found


def _paypal_roots(url: str, state_dir: Path) -> Path:
    """PayPal signs webhooks with certificates; those of its simulator chain to an authority of its own."""
    path = state_dir / "paypal-roots.pem"
    with httpx2.Client(trust_env=False) as client:
        path.write_bytes(client.get(f"{url}/simulator/ca").raise_for_status().content)
    return path


def _adopt(environment: dict[str, str]) -> None:
    """The seed makes the merchant and its first key in this process: it needs the settings of the others."""
    names = ("DATABASE_URL", "BROKER_URL", "SMTP_URL", "PICCOLO_CONF")
    os.environ.update({n: v for n, v in environment.items() if n.startswith("CLEARWAY_") or n in names})
    get_settings.cache_clear()
