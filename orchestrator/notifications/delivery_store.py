"""Every query on deliveries and their tries."""

from datetime import datetime

import msgspec

from orchestrator.ids import new_id
from orchestrator.notifications.sending import Answer
from orchestrator.notifications.states import DeliveryState
from orchestrator.notifications.tables import EventDelivery, EventDeliveryTry


class DeliveryRow(msgspec.Struct, frozen=True):
    """A delivery as stored. `step` is the place of its next try in the schedule."""

    id: str
    endpoint_id: str
    event_id: str
    state: DeliveryState
    tries: int
    step: int
    next_try_at: datetime | None
    claimed_until: datetime | None
    last_status: int | None
    last_error: str
    created_at: datetime
    updated_at: datetime
    delivered_at: datetime | None


class TryRow(msgspec.Struct, frozen=True):
    """One request. `duration_ms` is None while it is on its way, and for good where its worker died."""

    number: int
    started_at: datetime
    duration_ms: int | None
    status: int | None
    error: str
    response: str


class Claimed(msgspec.Struct, frozen=True):
    """A delivery that this worker is at, with its try on record."""

    id: str
    event_id: str
    tries: int
    step: int


async def add(endpoint_ids: list[str], event_ids: list[str], now: datetime) -> None:
    """A due delivery for each pair. One that has failed or was canceled begins anew, any other is left alone."""
    await EventDelivery.raw(
        "INSERT INTO event_delivery (id, endpoint_id, event_id, state, tries, step, next_try_at, last_error, "
        "created_at, updated_at) SELECT pair.id, pair.endpoint_id, pair.event_id, 'pending', 0, 0, {}::timestamptz, "
        "'', {}::timestamptz, {}::timestamptz "
        "FROM unnest({}::text[], {}::text[], {}::text[]) AS pair (id, endpoint_id, event_id) "
        "ON CONFLICT (event_id, endpoint_id) DO UPDATE SET state = 'pending', step = 0, "
        "next_try_at = EXCLUDED.next_try_at, updated_at = EXCLUDED.updated_at "
        "WHERE event_delivery.state IN ('failed', 'canceled')",
        now,
        now,
        now,
        [new_id("whd") for _ in event_ids],
        endpoint_ids,
        event_ids,
    )


async def delivery(delivery_id: str) -> DeliveryRow | None:
    row = await EventDelivery.select().where(EventDelivery.id == delivery_id).first()
    return msgspec.convert(row, DeliveryRow) if row else None


async def delivery_of(endpoint_id: str, event_id: str) -> DeliveryRow | None:
    row = (
        await EventDelivery.select()
        .where(EventDelivery.endpoint_id == endpoint_id, EventDelivery.event_id == event_id)
        .first()
    )
    return msgspec.convert(row, DeliveryRow) if row else None


async def deliveries_of(
    endpoint_id: str,
    *,
    limit: int,
    before_id: str | None = None,
    state: DeliveryState | None = None,
    event_id: str | None = None,
) -> list[DeliveryRow]:
    """Newest first."""
    query = EventDelivery.select().where(EventDelivery.endpoint_id == endpoint_id)
    if before_id:
        query = query.where(EventDelivery.id < before_id)
    if state:
        query = query.where(EventDelivery.state == state.value)
    if event_id:
        query = query.where(EventDelivery.event_id == event_id)
    rows = await query.order_by(EventDelivery.id, ascending=False).limit(limit)
    return msgspec.convert(rows, list[DeliveryRow])


async def tries_of(delivery_id: str, *, limit: int) -> list[TryRow]:
    """The latest tries, oldest of them first."""
    rows = (
        await EventDeliveryTry.select()
        .where(EventDeliveryTry.delivery_id == delivery_id)
        .order_by(EventDeliveryTry.number, ascending=False)
        .limit(limit)
    )
    return msgspec.convert(rows[::-1], list[TryRow])


async def begin_anew(delivery_id: str, now: datetime) -> None:
    """Have a delivery tried now, whatever became of it, and then by the schedule."""
    await EventDelivery.update(
        {
            EventDelivery.state: DeliveryState.PENDING.value,
            EventDelivery.step: 0,
            EventDelivery.next_try_at: now,
            EventDelivery.updated_at: now,
        }
    ).where(EventDelivery.id == delivery_id)


async def claim(endpoint_id: str, now: datetime, until: datetime, at_once_max: int) -> list[Claimed]:
    """Take due deliveries for a try, so many that no more than `at_once_max` are on their way to the endpoint.

    The endpoint's row must be locked: two workers count one after the other. Each try is on record before it is made.
    """
    taken = await EventDelivery.count().where(
        EventDelivery.endpoint_id == endpoint_id,
        EventDelivery.state == DeliveryState.PENDING.value,
        EventDelivery.claimed_until > now,
    )
    rows = await EventDelivery.raw(
        "UPDATE event_delivery SET claimed_until = {}, tries = tries + 1 WHERE id IN (SELECT id FROM event_delivery "
        "WHERE endpoint_id = {} AND state = 'pending' AND next_try_at <= {} "
        "AND (claimed_until IS NULL OR claimed_until <= {}) ORDER BY next_try_at, id LIMIT {} FOR UPDATE) "
        "RETURNING id, event_id, tries, step",
        until,
        endpoint_id,
        now,
        now,
        max(at_once_max - taken, 0),
    )
    claimed = msgspec.convert(rows, list[Claimed])
    if claimed:
        await EventDeliveryTry.insert(
            *(
                EventDeliveryTry(id=new_id("wht"), delivery_id=one.id, number=one.tries, started_at=now)
                for one in claimed
            )
        )
    return claimed


async def record_try(claimed: Claimed, answer: Answer) -> None:
    await EventDeliveryTry.update(
        {
            EventDeliveryTry.duration_ms: answer.duration_ms,
            EventDeliveryTry.status: answer.status,
            EventDeliveryTry.error: answer.error,
            EventDeliveryTry.response: answer.body,
        }
    ).where(EventDeliveryTry.delivery_id == claimed.id, EventDeliveryTry.number == claimed.tries)


async def succeed(claimed: Claimed, status: int | None, now: datetime) -> None:
    """It was accepted, and that counts whoever else was at it meanwhile."""
    await EventDelivery.raw(
        "UPDATE event_delivery SET state = 'delivered', next_try_at = NULL, claimed_until = NULL, last_status = {}, "
        "last_error = '', updated_at = {}, delivered_at = COALESCE(delivered_at, {}::timestamptz) WHERE id = {}",
        status,
        now,
        now,
        claimed.id,
    )


async def postpone(claimed: Claimed, answer: Answer, next_try_at: datetime | None, now: datetime) -> None:
    """It failed: try again then, or never. What was claimed by another, began anew, or is over is left as it is."""
    await EventDelivery.update(
        {
            EventDelivery.state: (DeliveryState.PENDING if next_try_at else DeliveryState.FAILED).value,
            EventDelivery.step: claimed.step + 1,
            EventDelivery.next_try_at: next_try_at,
            EventDelivery.claimed_until: None,
            EventDelivery.last_status: answer.status,
            EventDelivery.last_error: answer.error,
            EventDelivery.updated_at: now,
        }
    ).where(
        EventDelivery.id == claimed.id,
        EventDelivery.tries == claimed.tries,
        EventDelivery.step == claimed.step,
        EventDelivery.state == DeliveryState.PENDING.value,
    )


async def cancel_pending(endpoint_id: str, now: datetime) -> None:
    await EventDelivery.update(
        {
            EventDelivery.state: DeliveryState.CANCELED.value,
            EventDelivery.next_try_at: None,
            EventDelivery.updated_at: now,
        }
    ).where(EventDelivery.endpoint_id == endpoint_id, EventDelivery.state == DeliveryState.PENDING.value)


async def next_due_at(endpoint_id: str) -> datetime | None:
    """When the next of the endpoint's deliveries may be tried."""
    rows = await EventDelivery.raw(
        "SELECT min(GREATEST(next_try_at, claimed_until)) AS due FROM event_delivery "
        "WHERE endpoint_id = {} AND state = 'pending'",
        endpoint_id,
    )
    due: datetime | None = rows[0]["due"]
    return due


async def missed(
    endpoint_id: str, *, types: list[str], since: datetime, until: datetime, never: str, limit: int
) -> list[str]:
    """Ids of events of that time that the endpoint was not told and is not about to be, oldest first.

    `types` are patterns of LIKE; none: all but the type `never`.
    """
    rows = await EventDelivery.raw(
        "SELECT event.id FROM event JOIN webhook_endpoint ON webhook_endpoint.merchant_id = event.merchant_id "
        "WHERE webhook_endpoint.id = {} AND event.created_at >= {} AND event.created_at < {} "
        "AND event.created_at >= webhook_endpoint.created_at AND event.type <> {} "
        "AND (cardinality({}::text[]) = 0 OR event.type LIKE ANY ({}::text[])) "
        "AND NOT EXISTS (SELECT 1 FROM event_delivery WHERE event_delivery.event_id = event.id "
        "AND event_delivery.endpoint_id = webhook_endpoint.id AND event_delivery.state IN ('pending', 'delivered')) "
        "ORDER BY event.id LIMIT {}",
        endpoint_id,
        since,
        until,
        never,
        types,
        types,
        limit,
    )
    return [row["id"] for row in rows]


async def purge(before: datetime, most: int) -> int:
    """Forget deliveries that were over by then, with their tries, up to so many; how many it were."""
    rows = await EventDelivery.raw(
        "WITH old AS (SELECT id FROM event_delivery WHERE state <> 'pending' AND updated_at < {} "
        "ORDER BY updated_at LIMIT {} FOR UPDATE SKIP LOCKED), "
        "tries AS (DELETE FROM event_delivery_try WHERE delivery_id IN (SELECT id FROM old)) "
        "DELETE FROM event_delivery WHERE id IN (SELECT id FROM old) RETURNING id",
        before,
        most,
    )
    return len(rows)
