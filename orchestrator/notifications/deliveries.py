"""Telling endpoints of events: fan-out, sending what is due, and sending again when a merchant asks.

An endpoint has one row in the outbox, not each delivery its own: what waits for it is taken in small rounds, so that
neither a slow endpoint nor what has gathered in an outage takes the workers (docs/decisions/0012).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import structlog

from orchestrator import clock_port, outbox
from orchestrator.db import transaction
from orchestrator.errors import Conflict, InvalidField, NotFound
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.notifications import (
    delivery_store,
    endpoint_store,
    endpoints,
    event_filter,
    schedule,
    sending,
    signing,
    store,
)
from orchestrator.notifications.delivery_store import Claimed, DeliveryRow
from orchestrator.notifications.endpoint_store import EndpointRow
from orchestrator.notifications.sending import Answer
from orchestrator.notifications.states import DisabledReason
from orchestrator.notifications.store import EventRow
from orchestrator.outbox import Later
from orchestrator.settings import get_settings

TOPIC = "notification.deliver"
ROUNDS_MAX_S = 20  # an endpoint that has more goes to the end of the queue
CLAIM_MARGIN_S = 10
LOOK_AGAIN_S = 1
PAUSE_S = 5  # for an endpoint that did not answer at all
RECOVER_SPAN_MAX = timedelta(days=30)
PURGE_BATCH, PURGE_BATCHES_MAX = 2_000, 50  # each hour
GONE = 410

log = structlog.get_logger()
_chance = secrets.SystemRandom()
_jobs_at_work = 0  # of this process: its worker threads share one event loop


class Recovered(NamedTuple):
    """How many events are sent again; whether there are more, for another call."""

    events: int
    has_more: bool


async def fan_out(event_id: str) -> Later | None:
    """Answer the bell of an event: a delivery for each endpoint that listens. Doing it again adds nothing."""
    async with transaction():
        (event,) = await store.events([event_id])
        listening = await endpoint_store.listening(event.merchant_id, event.created_at)
        # in one order, so that two events never wait for each other's rows of the outbox
        wanting = sorted(row.id for row in listening if event_filter.lets_pass(row.event_types, event.type))
        if wanting:
            await delivery_store.add(wanting, [event_id] * len(wanting), event.created_at)
        for endpoint_id in wanting:
            await outbox.enqueue(TOPIC, endpoint_id, event.created_at)
    return None


async def deliver(endpoint_id: str) -> Later | None:
    """Answer an endpoint's bell, unless this process serves as many as it may."""
    global _jobs_at_work
    if _jobs_at_work >= get_settings().limits.webhook_out_jobs_max:
        return Later(clock_port.now() + timedelta(seconds=LOOK_AGAIN_S))
    _jobs_at_work += 1
    try:
        return await deliver_due(endpoint_id, clock_port.now())
    finally:
        _jobs_at_work -= 1


async def deliver_due(endpoint_id: str, now: datetime) -> Later | None:
    """Send what is due, a round at a time, until there is no more, no answer came, or it took long."""
    begun = time.monotonic()
    while True:
        now_there = now + timedelta(seconds=time.monotonic() - begun)
        endpoint, claimed = await _claim(endpoint_id, now_there)
        if endpoint is None:
            return None
        if not claimed:
            break
        answers = await _send_all(endpoint, claimed, now_there)
        for one, answer in zip(claimed, answers, strict=True):
            await _record(one, answer, endpoint_id, now + timedelta(seconds=time.monotonic() - begun))
        if time.monotonic() - begun > ROUNDS_MAX_S:
            break
    return await _next_look(endpoint_id, now + timedelta(seconds=time.monotonic() - begun))


async def send_test(merchant_id: str, endpoint_id: str) -> DeliveryRow:
    """Send an event of its own to this endpoint only, whatever its filter. Raises NotFound, Conflict."""
    now, event_id = clock_port.now(), new_id("evt")
    async with transaction():
        row = await _enabled(merchant_id, endpoint_id)
        kind, data = EventType.WEBHOOK_ENDPOINT_TEST.value, {"message": "This is a test."}
        await store.insert(event_id, merchant_id, kind, row.id, data, now)
        await delivery_store.add([row.id], [event_id], now)
        await outbox.enqueue(TOPIC, row.id, now)
    made = await delivery_store.delivery_of(endpoint_id, event_id)
    assert made is not None
    return made


async def get(merchant_id: str, endpoint_id: str, delivery_id: str) -> DeliveryRow:
    """Raises NotFound."""
    await endpoints.get(merchant_id, endpoint_id)
    row = await delivery_store.delivery(delivery_id)
    if row is None or row.endpoint_id != endpoint_id:
        raise NotFound("webhook delivery", delivery_id)
    return row


async def redeliver(merchant_id: str, endpoint_id: str, delivery_id: str) -> DeliveryRow:
    """Send it once more, whatever became of it, now and then by the schedule. Raises NotFound, Conflict."""
    now = clock_port.now()
    await get(merchant_id, endpoint_id, delivery_id)
    async with transaction():
        await _enabled(merchant_id, endpoint_id)
        await delivery_store.begin_anew(delivery_id, now)
        await outbox.enqueue(TOPIC, endpoint_id, now)
    return await get(merchant_id, endpoint_id, delivery_id)


async def recover(merchant_id: str, endpoint_id: str, since: datetime, until: datetime) -> Recovered:
    """Send all events of that time that the endpoint was not told: failed, canceled, or missed while disabled.

    Raises NotFound, Conflict, InvalidField.
    """
    if not since < until <= since + RECOVER_SPAN_MAX:
        raise InvalidField("since", f"must be before until, and at most {RECOVER_SPAN_MAX.days} days before it")
    most, now = get_settings().limits.webhook_out_recover_max, clock_port.now()
    async with transaction():
        row = await _enabled(merchant_id, endpoint_id)
        missed = await delivery_store.missed(
            endpoint_id,
            types=event_filter.as_like(row.event_types),
            since=since,
            until=until,
            never=EventType.WEBHOOK_ENDPOINT_TEST.value,
            limit=most + 1,
        )
        taken = missed[:most]
        if taken:
            await delivery_store.add([endpoint_id] * len(taken), taken, now)
            await outbox.enqueue(TOPIC, endpoint_id, now)
    return Recovered(len(taken), has_more=len(missed) > most)


async def purge(now: datetime) -> None:
    """Forget deliveries that were over long ago, in batches, as many as one turn may take. The events stay."""
    before = now - timedelta(days=get_settings().limits.webhook_out_log_days)
    for _ in range(PURGE_BATCHES_MAX):
        if await delivery_store.purge(before, PURGE_BATCH) < PURGE_BATCH:
            return


def message(event: EventRow) -> bytes:
    """The body that is sent and signed."""
    told = {
        "id": event.id,
        "type": event.type,
        "timestamp": event.created_at,
        "object_id": event.object_id,
        "sequence": event.sequence,
        "data": event.data,
    }
    return msgspec.json.encode(told)


async def _enabled(merchant_id: str, endpoint_id: str) -> EndpointRow:
    row = await endpoints.get(merchant_id, endpoint_id, lock=True)
    if not row.enabled:
        raise Conflict("This webhook endpoint is disabled. Enable it first.")
    return row


async def _claim(endpoint_id: str, now: datetime) -> tuple[EndpointRow | None, list[Claimed]]:
    limits = get_settings().limits
    until = now + timedelta(seconds=limits.webhook_out_timeout_s + CLAIM_MARGIN_S)
    async with transaction():
        row = await endpoint_store.endpoint(endpoint_id, lock=True)
        if row is None or not row.enabled:  # fanned out at the moment in which it was disabled
            await delivery_store.cancel_pending(endpoint_id, now)
            return None, []
        if row.paused_until and row.paused_until > now:
            return row, []
        return row, await delivery_store.claim(endpoint_id, now, until, limits.webhook_out_concurrency_max)


async def _send_all(endpoint: EndpointRow, claimed: list[Claimed], now: datetime) -> list[Answer]:
    events = {event.id: event for event in await store.events([one.event_id for one in claimed])}
    keys = endpoints.secrets_in_force(endpoint, now)
    return await asyncio.gather(*(_send(endpoint, events[one.event_id], keys, now) for one in claimed))


async def _send(endpoint: EndpointRow, event: EventRow, keys: list[str], now: datetime) -> Answer:
    settings, body = get_settings(), message(event)
    if len(body) > settings.limits.webhook_out_body_max_bytes:
        most = settings.limits.webhook_out_body_max_bytes
        return Answer(None, f"not sent: larger than {most} bytes; read it by GET /v1/events", hopeless=True)
    headers = signing.signed_headers(keys, event.id, int(now.timestamp()), body)
    return await sending.send(endpoint.url, body, headers, settings)


async def _record(claimed: Claimed, answer: Answer, endpoint_id: str, now: datetime) -> None:
    """Keep what came of a try, with what it says of the endpoint."""
    async with transaction():
        endpoint = await endpoint_store.endpoint(endpoint_id, lock=True)
        await delivery_store.record_try(claimed, answer)
        if answer.accepted:
            await delivery_store.succeed(claimed, answer.status, now)
            if endpoint is not None and (endpoint.failing_since or endpoint.paused_until):
                well = {"failing_since": None, "last_failed_at": None, "paused_until": None}
                await endpoint_store.update(endpoint_id, well)
            return
        wait_s = schedule.retry_after_s(answer.retry_after, now)
        again_at = schedule.next_try_at(claimed.step, now, jitter=_chance.uniform(-1, 1), retry_after_s=wait_s)
        await delivery_store.postpone(claimed, answer, None if answer.hopeless else again_at, now)
        if endpoint is not None and endpoint.enabled and not answer.hopeless:
            await _hold_against(endpoint, answer, wait_s, now)
    log.info("webhook.failed", endpoint=endpoint_id, delivery=claimed.id, number=claimed.tries, error=answer.error)


async def _hold_against(endpoint: EndpointRow, answer: Answer, wait_s: float, now: datetime) -> None:
    """A failure pauses an endpoint that asks for it or is not there, and disables one that is gone for good."""
    since = schedule.failing_since(endpoint.failing_since, endpoint.last_failed_at, now)
    changes: dict[str, object] = {"failing_since": since, "last_failed_at": now}
    pause_s = max(wait_s, PAUSE_S if answer.status is None else 0)
    if pause_s:
        changes["paused_until"] = now + timedelta(seconds=pause_s)
    await endpoint_store.update(endpoint.id, changes)
    failing = msgspec.structs.replace(endpoint, failing_since=since)
    if answer.status == GONE:
        await endpoints.disable(failing, DisabledReason.GONE, now)
    elif now - since >= schedule.FAILING_MAX:
        await endpoints.disable(failing, DisabledReason.FAILING, now)


async def _next_look(endpoint_id: str, now: datetime) -> Later | None:
    due = await delivery_store.next_due_at(endpoint_id)
    if due is None:
        return None
    endpoint = await endpoint_store.endpoint(endpoint_id)
    paused_until = (endpoint.paused_until if endpoint else None) or now
    return Later(max(due, paused_until, now + timedelta(seconds=LOOK_AGAIN_S)))
