"""A world of its own for what takes days: its clock is put forward, which the other tests must not notice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from simulated_accounts import GATEWAYS, Account, World
from wire_tap import WireTap

from orchestrator import clock_port

ROOT = Path(__file__).parents[3]
A_MOMENT = timedelta(seconds=30)  # past what is due then, and within what webhooks tolerate


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    command = [sys.executable, "-m", "simulators", "--die-with-parent"]
    command += ["--reports-dir", str(tmp_path_factory.mktemp("later_reports"))]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the simulators did not start"
        yield World(json.loads(line))
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="session")
def taps(world: World) -> Iterator[dict[str, WireTap]]:
    made = {gateway: WireTap(gateway, world.urls[gateway]) for gateway in GATEWAYS}
    for tap in made.values():
        world.post("/vault/destinations", url=tap.url)
    yield made
    for tap in made.values():
        tap.close()


@dataclass
class Time:
    """The clock of the simulators, which the product's own goes by meanwhile."""

    world: World
    ahead: timedelta = field(default_factory=timedelta)

    def __post_init__(self) -> None:
        self._read()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def passes(self, account: Account, **span: float) -> None:
        """So much time, and a moment. What was told before is put aside: its signatures are too old by then.

        Steps that end where something is told keep that within the tolerance: 300 s at Stripe.
        """
        self.world.post("/clock", advance_seconds=1)  # what is on its way arrives with this
        account.received.taken.clear()
        self.world.post("/clock", advance_seconds=(timedelta(**span) + A_MOMENT).total_seconds())
        self._read()
        account.gateway.probe()  # PayPal's access token is of the other day

    def _read(self) -> None:
        self.ahead = timedelta(seconds=self.world.get("/clock")["ahead_seconds"])


@pytest.fixture
def time(world: World, monkeypatch: pytest.MonkeyPatch) -> Time:
    """The product has one clock port, so that is the one thing to set."""
    made = Time(world)
    monkeypatch.setattr(clock_port, "now", made.now)
    return made
