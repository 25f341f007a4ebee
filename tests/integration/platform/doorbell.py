"""A worker module with one async actor, for the test of the broker: it writes to the database through the pool."""

from __future__ import annotations

import dramatiq
from piccolo.table import Table

from orchestrator.broker import set_up_broker
from orchestrator.settings import get_settings

broker = set_up_broker(get_settings())


class Raw(Table):
    pass


@dramatiq.actor(max_retries=0)
async def ring(text: str) -> None:
    await Raw.raw("INSERT INTO rung (text) VALUES ({})", text).run()
