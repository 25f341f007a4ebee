"""The clock's regular look at how webhooks get to us: silences, endpoints switched off, bodies in the clear."""

from __future__ import annotations

from orchestrator import clock_port
from orchestrator.outbox import Later
from orchestrator.webhooks import gateway_endpoints, retention, silence


async def watch(_: str) -> Later | None:
    """Safe to repeat, and to break off anywhere."""
    now = clock_port.now()
    await silence.look(now)
    await gateway_endpoints.look(now)
    await retention.seal_plain()
    return None
