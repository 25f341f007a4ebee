"""kill -9 of the API: what was not committed is not acknowledged, what was acknowledged is there."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import httpx
import pytest
from payment_shop import Shop
from signed import column, stripe_event, stripe_headers

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.chaos]
ROOT = Path(__file__).parents[3]
PATIENCE_S = 90


@asynccontextmanager
async def api_process() -> AsyncIterator[tuple[str, subprocess.Popen[bytes]]]:
    """An API of its own, with nothing between it and SIGKILL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "CLEARWAY_LISTEN_PORT": str(port), "CLEARWAY_LOG_LEVEL": "warning"}
    process = subprocess.Popen([sys.executable, "-m", "orchestrator.cli", "api"], cwd=ROOT, env=environment)
    try:
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(PATIENCE_S):
            while True:
                with suppress(httpx.TransportError):
                    if (await client.get(f"{url}/healthz")).status_code == 200:
                        break
                await asyncio.sleep(0.05)
        yield url, process
    finally:
        process.kill()
        process.wait(60)


async def test_what_was_killed_before_its_commit_was_not_acknowledged(shop: Shop) -> None:
    async with api_process() as (url, process), httpx.AsyncClient(trust_env=False) as client:
        other = await asyncpg.connect(os.environ["DATABASE_URL"])
        stalled = other.transaction()
        await stalled.start()
        await other.execute("LOCK TABLE webhook_message IN SHARE MODE")  # whoever writes to it waits
        body = stripe_event()
        at = f"{url}/webhooks/{shop.accounts['stripe']}"
        sent = asyncio.create_task(client.post(at, content=body, headers=stripe_headers(body), timeout=PATIENCE_S))
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'webhook_message'::regclass"
        async with asyncio.timeout(PATIENCE_S):
            while await column(waiting) != [1]:
                await asyncio.sleep(0.02)
        assert not sent.done(), "acknowledged before it was committed"
        process.send_signal(signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            await sent
        gone = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks "
            "WHERE NOT granted AND relation = 'webhook_message'::regclass"
        )
        async with asyncio.timeout(PATIENCE_S):
            while await column(gone) != [0]:
                await asyncio.sleep(0.02)
        await stalled.rollback()
        await other.close()
    assert await column("SELECT count(*) FROM webhook_message") == [0]


async def test_what_was_acknowledged_is_there_after_a_kill_in_the_middle(shop: Shop) -> None:
    acknowledged: list[str] = []
    async with api_process() as (url, process), httpx.AsyncClient(trust_env=False) as client:

        async def send_on() -> None:
            while True:
                body = stripe_event()
                at = f"{url}/webhooks/{shop.accounts['stripe']}"
                answer = await client.post(at, content=body, headers=stripe_headers(body))
                assert answer.status_code == 200
                acknowledged.append(json.loads(body)["id"])

        senders = [asyncio.create_task(send_on()) for _ in range(16)]
        async with asyncio.timeout(PATIENCE_S):
            while len(acknowledged) < 200:
                await asyncio.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        ended = await asyncio.gather(*senders, return_exceptions=True)
        assert {isinstance(it, httpx.TransportError) for it in ended} == {True}
    kept = await column("SELECT event_key FROM webhook_message")
    assert set(acknowledged) <= set(kept)
    assert len(kept) - len(acknowledged) <= len(senders)
    bells = await column("SELECT count(*) FROM outbox WHERE topic = 'webhook.apply'")
    assert bells == [len(kept)], "each has its bell"
