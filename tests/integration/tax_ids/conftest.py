"""A merchant's desk on a day of ours, with the simulated VIES, or a register of the test's own, to ask."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

INTEGRATION = Path(__file__).parents[1]
sys.path += [str(INTEGRATION / "http"), str(INTEGRATION / "tax_ids")]

_spec = importlib.util.spec_from_file_location("http_fixtures", INTEGRATION / "http" / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
client, api, other = _fixtures.client, _fixtures.api, _fixtures.other

from odd_register import OddRegister, serve  # noqa: E402 - found by the lines above
from vat_desk import OWN, Day, Desk  # noqa: E402

from orchestrator import clock_port  # noqa: E402
from orchestrator.settings import get_settings  # noqa: E402
from simulators.server import Listener  # noqa: E402
from simulators.vies.app import create_app  # noqa: E402
from simulators.world import World  # noqa: E402


@pytest.fixture
def day(monkeypatch: pytest.MonkeyPatch) -> Day:
    today = Day()
    monkeypatch.setattr(clock_port, "now", lambda: today.now)
    return today


@pytest_asyncio.fixture(loop_scope="session")
async def desk(database: str, day: Day) -> Desk:
    from orchestrator.access import service as access

    merchant = await access.create_merchant("Acme GmbH", {"vat_id": OWN})
    return Desk(merchant.id, day)


def point_at(url: str, monkeypatch: pytest.MonkeyPatch, timeout_s: int = 2) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLEARWAY_VAT__VIES_URL", url)
    monkeypatch.setenv("CLEARWAY_VAT__TIMEOUT_S", str(timeout_s))
    get_settings.cache_clear()


@dataclass(frozen=True)
class Vies:
    """The simulated VIES, and orders for it."""

    world: World
    listener: Listener
    orders: httpx.AsyncClient

    async def take_out(self, vat_id: str) -> None:
        await self.orders.put(f"/simulator/traders/{vat_id}", json={"valid": False})

    async def bring_back(self, vat_id: str) -> None:
        await self.orders.put(f"/simulator/traders/{vat_id}", json={"valid": True})

    async def silence(self, country: str, error: str) -> None:
        await self.orders.put(f"/simulator/countries/{country}", json={"error": error})

    async def asked(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = (await self.orders.get("/simulator/asked")).json()["asked"]
        return found

    async def most_at_once(self) -> dict[str, int]:
        found: dict[str, int] = (await self.orders.get("/simulator/asked")).json()["most_at_once"]
        return found


@pytest_asyncio.fixture(loop_scope="session")
async def vies(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Vies]:
    world = World()
    listener = Listener(create_app(world), "127.0.0.1", 0)
    await listener.start()
    point_at(listener.url, monkeypatch)
    async with httpx.AsyncClient(base_url=listener.url, trust_env=False) as orders:
        yield Vies(world, listener, orders)
    await listener.stop()
    get_settings.cache_clear()


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> Iterator[OddRegister]:
    with serve() as register:
        point_at(register.url, monkeypatch)
        yield register
    get_settings.cache_clear()
