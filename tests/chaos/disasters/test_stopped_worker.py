"""A worker stands still in the middle of a call to a gateway, for longer than its lease, and then goes on; and one is
told to stop in the middle of it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from payment_shop import Shop, euros

from orchestrator.db import fetch
from orchestrator.gateways import accounts
from orchestrator.ledger import service as ledger
from orchestrator.notifications import endpoints
from orchestrator.notifications.store import events_of
from orchestrator.payments import service, store
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.settings import get_settings

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT / "tests" / "integration" / "notifications"))
from webhook_receiver import Receiver, serve  # noqa: E402 - found by the line above

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATIENCE_S = 90


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("CLEARWAY_WEBHOOKS__ALLOW_LOOPBACK", "true")
    get_settings.cache_clear()
    with serve() as served:
        yield served


@asynccontextmanager
async def program(*words: str) -> AsyncIterator[subprocess.Popen[bytes]]:
    """In a group of its own, so that signals reach the processes that it forks too."""
    environment = {**os.environ, "CLEARWAY_LOG_LEVEL": "error"}
    command = [sys.executable, "-m", "orchestrator.cli", *words]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)


async def until(what: str, is_so: Callable[[], Awaitable[bool]]) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await is_so():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"it never came to this: {what}") from None


async def left_to_a_worker(shop: Shop, capture_takes_s: float = 5) -> PaymentRow:
    """Authorised at Stripe, whose answer was lost: a worker will learn of it, and capture."""
    for gateway in ("adyen", "paypal"):
        await accounts.switch(shop.merchant_id, shop.accounts[gateway], enabled=False)
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="lose_reply")
    await shop.tell("/scenarios", gateway="stripe", operation="capture", behaviour="delay", seconds=capture_takes_s)
    payment = await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card()))
    assert payment.status is PaymentStatus.PROCESSING
    return payment


async def captures_sent() -> bool:
    return bool(await fetch("SELECT FROM operation WHERE kind = 'capture' AND state = 'sent'"))


async def nothing_is_left() -> bool:
    standing = "'worker.heartbeat', 'housekeeping', 'webhook.watch', 'fx.rates', 'routing.tally', 'ledger.fold'"
    return not await fetch(f"SELECT FROM outbox WHERE topic NOT IN ({standing}, 'ledger.verify')")


async def test_one_that_is_told_to_stop_ends_the_call_that_it_is_at(shop: Shop) -> None:
    payment = await left_to_a_worker(shop, capture_takes_s=2)
    async with program("clock"), program("worker", "--processes", "1", "--threads", "4") as worker:
        await until("a worker sends the capture", captures_sent)
        worker.terminate()
        assert await asyncio.to_thread(worker.wait, PATIENCE_S) == 0
    assert (await store.payment(payment.id)).status is PaymentStatus.CAPTURED


async def test_another_takes_over_and_the_money_moves_once_and_is_told(shop: Shop, receiver: Receiver) -> None:
    await endpoints.add(shop.merchant_id, receiver.url, event_types=())
    payment = await left_to_a_worker(shop)

    async def is_captured() -> bool:
        return (await service.get(shop.merchant_id, payment.id)).status is PaymentStatus.CAPTURED

    worker = ("worker", "--processes", "1", "--threads", "4")
    async with program("clock"), program(*worker) as stopped:
        await until("a worker sends the capture", captures_sent)
        os.killpg(stopped.pid, signal.SIGSTOP)
        assert await captures_sent(), "it was done before it was stopped"
        async with program(*worker):
            await until("the other worker takes over", is_captured)
            os.killpg(stopped.pid, signal.SIGCONT)
            os.killpg(stopped.pid, signal.SIGTERM)  # it ends when what it was at has come to its end
            await asyncio.to_thread(stopped.wait, PATIENCE_S)
            await until("all is done and told", nothing_is_left)
    (charge,) = await shop.charges(payment)
    assert (charge["captured_minor"], charge["voided"]) == (1999, False)
    balances = {row.kind: row.balance_minor for row in await ledger.balances(shop.merchant_id)}
    assert balances["gateway_clearing"] == 1999
    journals = await fetch("SELECT count(*) AS n FROM ledger_transfer WHERE amount_minor = 1999")
    assert journals[0]["n"] == 1
    happened = Counter(event.type for event in await events_of(shop.merchant_id, limit=100, object_id=payment.id))
    assert happened["payment.captured"] == 1
    assert set(happened.values()) == {1}
    # What one of them was delivering when it stood still, or had to end, is delivered again.
    told = {message.headers["webhook-id"] for message in receiver.received}
    assert len(told) == len(await events_of(shop.merchant_id, limit=100))
