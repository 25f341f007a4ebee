"""The whole product with a Stripe account at the simulators, started once and stopped by itself."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import psutil
import requests

from orchestrator.supervisor import API, CLOCK, POSTGRES, SIMULATORS, WORKER, Supervisor, port_is_free

STRIPE_KEY, WEBHOOK_SECRET = "sk_test_bench", "whsec_bench"
OWN_PROGRAMS = (API, WORKER, CLOCK)
_MONTHS = cycle(range(12 * 20))  # from 2030 on
VAULT_PROXY_USER, VAULT_PROXY_PASSWORD, VAULT_KEY = "clearway", "vault-password", "vault-key"


@dataclass(frozen=True, slots=True)
class Stack:
    """Where everything is, and the key to it."""

    api_url: str
    api_key: str
    stripe_url: str
    vault_url: str
    control_url: str
    database_url: str
    database_log: Path
    webhook_url: str
    pids: dict[str, int]  # of the programs, by the names that the supervisor gives them

    @property
    def vault_proxy(self) -> str:
        return self.vault_url.replace("http://", f"http://{VAULT_PROXY_USER}:{VAULT_PROXY_PASSWORD}@")

    def cpu_s(self, *programs: str) -> float:
        """The processor time that these programs have used, their own children's included, in seconds."""
        return sum(_cpu_s(psutil.Process(self.pids[name])) for name in programs)

    def vault_tokens(self, count: int) -> list[dict[str, Any]]:
        """So many cards in the vault, as a fields page would have put them there. A CVC serves one authorisation.

        They end in different months: many tries of one card at once look like somebody who tries cards out.
        """
        tokens = []
        with requests.Session() as session:
            session.trust_env = False
            for number in islice(_MONTHS, count):
                card: dict[str, Any] = {"number": "4242424242424242", "cvc": "123", "holder": "Bench"}
                card |= {"expiry_month": number % 12 + 1, "expiry_year": 2030 + number // 12}
                answer = session.post(
                    f"{self.vault_url}/v1/tokens", json=card, headers={"X-Vault-Key": VAULT_KEY}, timeout=10
                )
                answer.raise_for_status()
                tokens.append(answer.json())
        return tokens


@contextmanager
def running() -> Iterator[Stack]:
    """API, worker, clock, database and simulators, as `clearway demo` runs them."""
    port = next(number for number in range(18100, 18200) if port_is_free(number))
    with tempfile.TemporaryDirectory(prefix="clearway-bench-") as folder:
        Path(folder).chmod(0o711)
        environment = {"CLEARWAY_MODE": "demo", "CLEARWAY_LOG_LEVEL": "warning", "DATABASE_URL": ""}
        with Supervisor(Path(folder), port=port, environment=environment) as supervisor:
            supervisor.start(SIMULATORS)
            urls = supervisor.simulator_urls
            supervisor.environment.update(
                CLEARWAY_STRIPE__BASE_URL=urls["stripe"],
                CLEARWAY_VAULT__PROXY_URL=urls["vault"],
                CLEARWAY_VAULT__USERNAME=VAULT_PROXY_USER,
                CLEARWAY_VAULT__PASSWORD=VAULT_PROXY_PASSWORD,
            )
            supervisor.start(POSTGRES)
            supervisor.migrate()
            supervisor.start(API, WORKER, CLOCK)
            supervisor.wait_ready()
            api_key, account_id = asyncio.run(_seed(supervisor.environment))
            webhook_url = f"{supervisor.api_url}/webhooks/{account_id}"
            _register(urls["control"], webhook_url)
            yield Stack(
                api_url=supervisor.api_url,
                api_key=api_key,
                stripe_url=urls["stripe"],
                vault_url=urls["vault"],
                control_url=urls["control"],
                database_url=supervisor.database_url,
                database_log=Path(folder) / "postgresql" / "log",
                webhook_url=webhook_url,
                pids={name: supervisor.pid(name) for name in (API, WORKER, CLOCK, POSTGRES, SIMULATORS)},
            )


def _cpu_s(process: psutil.Process) -> float:
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # a connection of PostgreSQL that ended meanwhile
            used = one.cpu_times()
            total += used.user + used.system
    return total


async def _seed(environment: dict[str, str]) -> tuple[str, str]:
    os.environ.update(environment)
    from orchestrator import db
    from orchestrator.access import service as access
    from orchestrator.gateways import accounts

    await db.start_pool(max_size=2)
    merchant = await access.create_merchant("Bench", {})
    credentials = {"secret_key": STRIPE_KEY, "webhook_secret": WEBHOOK_SECRET}
    account = await accounts.add(merchant.id, "stripe", "Stripe", credentials)
    key = await access.create_api_key(merchant.id, "bench")
    await db.close_pool()
    return key, account.id


def _register(control: str, webhook_url: str) -> None:
    account = {"gateway": "stripe", "account": "acct_bench"}
    for path, more in (
        ("/accounts", {"credentials": {"secret_key": STRIPE_KEY}}),
        ("/endpoints", {"url": webhook_url, "secrets": {"signing_secret": WEBHOOK_SECRET}}),
    ):
        requests.post(control + path, json={**account, **more}, timeout=10).raise_for_status()
