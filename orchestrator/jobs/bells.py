"""The one actor: a bell rings with a topic and a subject, and the topic's handler looks at the subject."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import dramatiq
import structlog

from orchestrator import clock_port, outbox
from orchestrator.access import store as access
from orchestrator.billing import service as billing
from orchestrator.customers import kept_methods, mirroring
from orchestrator.outbox import Bell, Later
from orchestrator.payments import driver
from orchestrator.webhooks import service as webhooks

log = structlog.get_logger()

Handler = Callable[[str], Awaitable[Later | None]]


async def _advance_payment(payment_id: str) -> Later | None:
    await driver.drive(payment_id)
    return None


async def _beat(process: str) -> Later | None:
    """A bell from the clock that a worker answers: the proof that the way from outbox to worker is open."""
    await outbox.beat(process, clock_port.now())
    return None


async def _tidy(_: str) -> Later | None:
    await access.purge_idempotency(clock_port.now())
    return None


HANDLERS: dict[str, Handler] = {
    outbox.HEARTBEAT: _beat,
    outbox.HOUSEKEEPING: _tidy,
    driver.TOPIC: _advance_payment,
    webhooks.TOPIC: webhooks.apply,
    billing.PAYMENT_CAPTURED: billing.apply_payment,
    billing.SEND_INVOICE: billing.send,
    kept_methods.DETACH: kept_methods.forget_tokens,
    mirroring.MIRROR: mirroring.mirror_token,
}


@dramatiq.actor(actor_name="bell", max_retries=0)  # the outbox rings again; the broker need not
async def bell(topic: str, subject: str, version: int) -> None:
    """Answer one bell. What a handler raises is kept with the row, which comes again after a pause."""
    rung = Bell(topic, subject, version)
    keeper = asyncio.create_task(_keep(rung))
    try:
        answer = await HANDLERS[topic](subject)
    except Exception as error:
        log.exception("bell.failed", topic=topic, subject=subject)
        await outbox.fail(rung, f"{type(error).__name__}: {error}", clock_port.now())
        return
    finally:
        keeper.cancel()
    await outbox.finish(rung, answer)


async def _keep(rung: Bell) -> None:
    """While a handler is slow (a long document, a gateway that hangs) no second worker is sent after the same thing."""
    while True:
        await asyncio.sleep(outbox.KEEP_EVERY_S)
        await outbox.keep(rung, clock_port.now())
