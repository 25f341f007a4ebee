"""The worker, with work that kills the process that does it: `dramatiq deadly_worker`."""

from __future__ import annotations

import os
import signal

from orchestrator.worker import broker  # isort: skip - sets the broker, before the actor is declared to it

from orchestrator import clock_port, outbox
from orchestrator.jobs import bells
from orchestrator.outbox import Later
from orchestrator.webhooks import service as webhooks
from orchestrator.webhooks.store import WebhookRow

__all__ = ["broker"]


async def die(_: str) -> Later | None:
    os.kill(os.getpid(), signal.SIGKILL)
    return None


async def die_of_a_message(_: WebhookRow, __: object) -> Later | None:
    return await die("")


async def live(subject: str) -> Later | None:
    await outbox.beat(subject, clock_port.now())
    return None


bells.HANDLERS["test.deadly"] = die
bells.HANDLERS["test.harmless"] = live
webhooks._HANDLERS["deadly."] = die_of_a_message
