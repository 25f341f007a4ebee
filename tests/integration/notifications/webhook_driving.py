"""A merchant whose events happen when a test says so, and the worker's part played at a given time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from orchestrator import clock_port, outbox
from orchestrator.access import service as access
from orchestrator.db import transaction
from orchestrator.events import EventType
from orchestrator.notifications import deliveries, delivery_store, endpoints
from orchestrator.notifications.delivery_store import DeliveryRow, TryRow
from orchestrator.notifications.endpoint_store import EndpointRow
from orchestrator.notifications.service import record
from orchestrator.notifications.store import events_of
from orchestrator.outbox import Later


@dataclass(frozen=True)
class Shop:
    """One merchant."""

    merchant_id: str

    async def listen(self, url: str, *event_types: str) -> EndpointRow:
        return await endpoints.add(self.merchant_id, url, event_types=event_types)

    async def happens(
        self,
        event_type: EventType = EventType.PAYMENT_CAPTURED,
        object_id: str = "pay_1",
        data: dict[str, Any] | None = None,
    ) -> str:
        """An event, fanned out; its id."""
        event_id = await self.happens_quietly(event_type, object_id, data)
        await deliveries.fan_out(event_id)
        return event_id

    async def happens_quietly(
        self,
        event_type: EventType = EventType.PAYMENT_CAPTURED,
        object_id: str = "pay_1",
        data: dict[str, Any] | None = None,
    ) -> str:
        """An event of which no worker has heard yet."""
        async with transaction():
            await record(event_type, self.merchant_id, object_id, data or {"n": 1}, clock_port.now())
        return (await events_of(self.merchant_id, limit=1, object_id=object_id))[0].id

    async def endpoint(self, endpoint_id: str) -> EndpointRow:
        return await endpoints.get(self.merchant_id, endpoint_id)

    async def deliveries_to(self, endpoint: EndpointRow) -> list[DeliveryRow]:
        """Oldest first."""
        return (await delivery_store.deliveries_of(endpoint.id, limit=100))[::-1]

    async def only_delivery(self, endpoint: EndpointRow) -> DeliveryRow:
        (found,) = await self.deliveries_to(endpoint)
        return found

    async def tries(self, endpoint: EndpointRow) -> list[TryRow]:
        return await delivery_store.tries_of((await self.only_delivery(endpoint)).id, limit=100)


async def new_shop(name: str) -> Shop:
    return Shop((await access.create_merchant(name, {})).id)


async def deliver(endpoint: EndpointRow, after: timedelta = timedelta()) -> Later | None:
    """What a worker does for the endpoint, so long from now."""
    return await deliveries.deliver_due(endpoint.id, clock_port.now() + after)


async def work_off(*topics: str) -> int:
    """Answer all bells of these topics that are due now, until none is; how many."""
    from orchestrator.jobs.bells import HANDLERS

    answered = 0
    while bells := [bell for bell in await outbox.take_due(clock_port.now()) if bell.topic in topics]:
        for bell in bells:
            await outbox.finish(bell, await HANDLERS[bell.topic](bell.subject))
            answered += 1
    return answered
