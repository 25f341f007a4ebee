"""How many signed Stripe webhooks are accepted in a second, against the bare rate of the statement that keeps them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg
import httptools
import msgspec
from rich.progress import track

from orchestrator.webhooks import store
from tests.benchmarks.result import Better, Result
from tests.benchmarks.stack import WEBHOOK_SECRET, Stack, running

CONNECTIONS = 16
ROUND_WEBHOOKS = 2000
WARM_UP = 200
ROUNDS = 3
RATE_MIN = 1000.0
REPLY_MAX_BYTES = 64 * 1024

Send = Callable[[], Awaitable[None]]


def measure() -> list[Result]:
    """Over kept-alive connections, in rounds that alternate with the bare statement on as many of the database's."""
    with running() as stack:
        ours, bare = asyncio.run(_rates(stack))
    return [Result("webhooks_per_second", ours, bare, "1/s", RATE_MIN, Better.HIGHER, absolute=True)]


async def _rates(stack: Stack) -> tuple[float, float]:
    host, port = stack.api_url.removeprefix("http://").split(":")
    clients = [_Client(*await asyncio.open_connection(host, int(port)), stack.webhook_url) for _ in range(CONNECTIONS)]
    connections = [await asyncpg.connect(stack.database_url) for _ in range(CONNECTIONS)]
    ours: list[Send] = [client.send for client in clients]
    bare: list[Send] = [lambda it=it: _keep(it) for it in connections]  # type: ignore[misc]
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    for sends in (ours, bare):
        await _per_second(sends, WARM_UP)
    for _ in track(range(ROUNDS), description="webhooks per second", transient=True):
        rates["ours"].append(await _per_second(ours, ROUND_WEBHOOKS))
        rates["bare"].append(await _per_second(bare, ROUND_WEBHOOKS))
    for connection in connections:
        await connection.close()
    return statistics.median(rates["ours"]), statistics.median(rates["bare"])


async def _per_second(sends: list[Send], count: int) -> float:
    async def work(send: Send) -> None:
        for _ in range(count // len(sends)):
            await send()

    began = time.perf_counter()
    await asyncio.gather(*map(work, sends))
    return count // len(sends) * len(sends) / (time.perf_counter() - began)


def _event() -> bytes:
    """A new event of something that is none of ours: kept, rung, and of no further effect."""
    intent = {"id": f"pi_{secrets.token_hex(12)}", "object": "payment_intent", "amount": 1999, "currency": "eur"}
    event = {
        "id": f"evt_{secrets.token_hex(12)}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": {**intent, "status": "succeeded", "amount_received": 1999, "metadata": {}}},
    }
    return json.dumps(event).encode()


class _Client:
    """One connection that speaks as little HTTP as it can, so that the sender's own cost stays small."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, url: str) -> None:
        self._reader = reader
        self._writer = writer
        self._path = "/" + url.split("/", 3)[3]
        self._done = False

    async def send(self) -> None:
        """One webhook. Raises RuntimeError unless it is accepted."""
        body = _event()
        at = int(time.time())
        signed = hmac.new(WEBHOOK_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"Stripe-Signature: t={at},v1={signed}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        self._done = False
        parser = httptools.HttpResponseParser(self)
        while not self._done:
            parser.feed_data(await self._reader.read(REPLY_MAX_BYTES))
        if parser.get_status_code() != 200:
            raise RuntimeError(f"a webhook of the benchmark was answered {parser.get_status_code()}")

    def on_message_complete(self) -> None:
        """The parser has seen the end of the reply."""
        self._done = True


async def _keep(connection: asyncpg.Connection) -> None:
    body = _event()
    now, delivery = datetime.now(UTC), f"wha_{secrets.token_hex(16)}"
    row = {
        "id": f"whk_{secrets.token_hex(16)}",
        "delivery_id": delivery,
        "gateway_account_id": "ga_bench",
        "event_key": secrets.token_hex(12),
        "event_type": "bench",
        "kind": "payment.captured",
        "content": {},
        "state": "received",
        "note": "",
        "received_at": now,
        "repeated": 0,
    }
    values = (msgspec.json.encode([row]).decode(), [delivery], ["ga_bench"], ["{}"], [body], [now])
    await connection.fetch(store.KEEP, *values, "bench", secrets.randbits(62))
