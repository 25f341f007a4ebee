"""The clock process: relays what is due in the outbox to the broker. Of several one works, the others stand by."""

from __future__ import annotations

import asyncio
import signal

import asyncpg
import structlog

from orchestrator import clock_port, db, event_loop, outbox
from orchestrator.broker import set_up_broker
from orchestrator.installation import service as installation
from orchestrator.settings import get_settings

log = structlog.get_logger()

ELECTION_KEY = 0x636C6F636B  # "clock": the advisory lock that the working clock holds
TICK_S = 0.05
BELLS_A_MESSAGE = 40  # a message that is lost takes no more with it than this; they ring again
STANDBY_S = 1.0
BEAT_EVERY_S = 2.0
TIDY_EVERY_S = 3600.0
WATCH_WEBHOOKS_EVERY_S = 60.0


def run() -> None:
    """Run until SIGTERM or SIGINT."""
    set_up_broker(get_settings())
    event_loop.use_quick_one()
    asyncio.run(_run())


async def _run() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await db.start_pool(max_size=3)
    try:
        while not stop.is_set():
            try:
                await _term(stop)
            except Exception as error:  # database or broker, whichever driver it has: both come back
                log.warning("clock.interrupted", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(STANDBY_S)
    finally:
        await db.close_pool()


async def _term(stop: asyncio.Event) -> None:
    """Be elected, and work while the connection that holds the election lives."""
    ballot = await asyncpg.connect(get_settings().database_url.get_secret_value())
    try:
        while not await ballot.fetchval("SELECT pg_try_advisory_lock($1)", ELECTION_KEY):
            if stop.is_set():
                return
            await asyncio.sleep(STANDBY_S)
        log.info("clock.elected")
        beaten_at = tidied_at = watched_at = float("-inf")
        while not stop.is_set() and not ballot.is_closed():
            loop_time = asyncio.get_running_loop().time()
            if loop_time - beaten_at > BEAT_EVERY_S:
                beaten_at = loop_time
                await outbox.beat("clock", clock_port.now())
                await installation.keep_watch(clock_port.now())
                await _ring(outbox.HEARTBEAT, "worker")
            if loop_time - tidied_at > TIDY_EVERY_S:
                tidied_at = loop_time
                await _ring(outbox.HOUSEKEEPING, "access")
                await _ring(outbox.RATES, "ecb")
                for topic in outbox.LEDGER_CARE:
                    await _ring(topic, "ledger")
            if loop_time - watched_at > WATCH_WEBHOOKS_EVERY_S:
                watched_at = loop_time
                await _ring(outbox.WEBHOOK_WATCH, "all")
                await _ring(outbox.ROUTE_TALLY, "all")
                await _ring(outbox.E_INVOICE_ANSWERS, "all")
            if not await relay():
                await asyncio.sleep(TICK_S)
    finally:
        await ballot.close()


async def _ring(topic: str, subject: str) -> None:
    async with db.transaction():
        await outbox.enqueue(topic, subject, clock_port.now())


async def relay() -> int:
    """Ring the bells that are due; how many. A bell that the broker loses rings again by itself."""
    from orchestrator.jobs.bells import bells

    due = [(bell.topic, bell.subject, bell.version) for bell in await outbox.take_due(clock_port.now())]
    messages = [due[begin : begin + BELLS_A_MESSAGE] for begin in range(0, len(due), BELLS_A_MESSAGE)]
    if messages:
        await asyncio.to_thread(lambda: [bells.send(some) for some in messages])
    return len(due)
