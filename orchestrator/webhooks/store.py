"""Every query on received webhooks."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import structs

from orchestrator.db import UNHURRIED, fetch, later
from orchestrator.ids import new_id
from orchestrator.outbox import VERSION_BITS
from orchestrator.webhooks.tables import WebhookMessage


class WebhookRow(msgspec.Struct, frozen=True):
    """A stored message."""

    id: str
    gateway_account_id: str
    event_key: str
    event_type: str
    kind: str
    content: Any  # a WebhookMessage as JSON, unless somebody changed it
    payment_id: str | None
    state: str
    note: str
    duplicates: int
    received_at: datetime
    applied_at: datetime | None
    delivery_id: str = ""
    tries: int = 0
    replays: int = 0


class NewMessage(msgspec.Struct, frozen=True):
    """A message to be kept. One that changes nothing is kept as `ignored`, and nobody needs to look at it again."""

    id: str
    event_key: str
    event_type: str
    kind: str
    content: Any
    payment_id: str | None = None
    state: str = "received"
    note: str = ""
    applied_at: datetime | None = None


class NewDelivery(msgspec.Struct, frozen=True):
    """A verified request to be kept with its messages. `headers` is JSON."""

    id: str
    gateway_account_id: str
    headers: str
    sealed_body: bytes
    received_at: datetime
    messages: tuple[NewMessage, ...]


class NewRejection(msgspec.Struct, frozen=True):
    """A request that was turned away."""

    gateway_account_id: str
    reason: str
    rejected_at: datetime


# Many deliveries, their messages and the bells of those that are new, in one statement: it is done for thousands. The
# rows go in the order of their keys, so that two processes never wait for each other crosswise. A delivery that tells
# nothing new is not kept: somebody who repeats a signed one could fill the database with it.
KEEP = """
    WITH given AS (
        SELECT * FROM jsonb_to_recordset($1::jsonb) AS m (id varchar, delivery_id varchar, gateway_account_id varchar,
            event_key varchar, event_type varchar, kind varchar, content jsonb, payment_id varchar, state varchar,
            note text, applied_at timestamptz, received_at timestamptz, repeated int)
    ), message AS (
        INSERT INTO webhook_message (id, delivery_id, gateway_account_id, event_key, event_type, kind, content,
            payment_id, state, note, applied_at, duplicates, tries, replays, received_at)
        SELECT id, delivery_id, gateway_account_id, event_key, event_type, kind, content, payment_id, state, note,
            applied_at, repeated, 0, 0, received_at
        FROM given ORDER BY gateway_account_id, event_key
        ON CONFLICT (gateway_account_id, event_key)
            DO UPDATE SET duplicates = webhook_message.duplicates + 1 + EXCLUDED.duplicates
        RETURNING id, delivery_id, state, received_at
    ), fresh AS (
        SELECT message.* FROM message JOIN given USING (id)
    ), delivery AS (
        INSERT INTO webhook_delivery (id, gateway_account_id, headers, sealed_body, received_at)
        SELECT d.id, d.account_id, d.headers::jsonb, d.body, d.at
        FROM unnest($2::varchar[], $3::varchar[], $4::text[], $5::bytea[], $6::timestamptz[])
            AS d (id, account_id, headers, body, at)
        WHERE d.id IN (SELECT delivery_id FROM fresh)
        ON CONFLICT (id) DO NOTHING
    ), bell AS (
        INSERT INTO outbox (topic, subject, due_at, version, tries)
        SELECT $7, id, received_at, $8, 0 FROM fresh WHERE state = 'received'
        ON CONFLICT (topic, subject) DO NOTHING
    )
    SELECT delivery_id, count(*) AS fresh FROM fresh GROUP BY delivery_id"""
KEEP_MAX = 100  # deliveries in one statement


async def keep(deliveries: Sequence[NewDelivery], topic: str) -> list[int]:
    """Keep deliveries with their messages, and ring `topic` for those that are new and to be applied.

    The number of new messages of each. A message whose event key is known counts as a duplicate there; so does one that
    comes twice at once. Repeating the call after an error changes nothing more.
    """
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for delivery in deliveries:
        for message in delivery.messages:
            key = (delivery.gateway_account_id, message.event_key)
            if key in rows:
                rows[key]["repeated"] += 1
            else:
                rows[key] = structs.asdict(message) | {
                    "delivery_id": delivery.id,
                    "gateway_account_id": delivery.gateway_account_id,
                    "received_at": delivery.received_at,
                    "repeated": 0,
                }
    found = await fetch(
        KEEP,
        msgspec.json.encode(list(rows.values())).decode(),
        [one.id for one in deliveries],
        [one.gateway_account_id for one in deliveries],
        [one.headers for one in deliveries],
        [one.sealed_body for one in deliveries],
        [one.received_at for one in deliveries],
        topic,
        secrets.randbits(VERSION_BITS),
    )
    fresh = {row["delivery_id"]: int(row["fresh"]) for row in found}
    return [fresh.get(one.id, 0) for one in deliveries]


# All are counted, the first of an hour are kept with their reasons. What a crash loses of it does no harm.
_REJECT = f"""
    WITH given AS (
        SELECT *, row_number() OVER (PARTITION BY gateway_account_id, hour) AS place FROM (
            SELECT *, date_trunc('hour', rejected_at, 'UTC') AS hour
            FROM unnest($1::varchar[], $2::varchar[], $3::text[], $4::timestamptz[])
                AS r (id, gateway_account_id, reason, rejected_at)
        ) AS it
    ), counted AS (
        INSERT INTO webhook_rejection_hour AS h (gateway_account_id, hour, rejected)
        SELECT gateway_account_id, hour, count(*) FROM given WHERE {UNHURRIED} GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (gateway_account_id, hour) DO UPDATE SET rejected = h.rejected + EXCLUDED.rejected
        RETURNING gateway_account_id, hour, rejected
    ), sizes AS (SELECT gateway_account_id, hour, count(*) AS size FROM given GROUP BY 1, 2)
    INSERT INTO webhook_rejection (id, gateway_account_id, reason, rejected_at)
    SELECT g.id, g.gateway_account_id, g.reason, g.rejected_at
    FROM given g JOIN counted c USING (gateway_account_id, hour) JOIN sizes s USING (gateway_account_id, hour)
    WHERE c.rejected - s.size + g.place <= $5"""  # noqa: S608 - a constant


async def reject(rejections: Sequence[NewRejection], kept_max: int) -> list[None]:
    """Count requests that were turned away, and keep the first `kept_max` of each account and hour."""
    await fetch(
        _REJECT,
        [new_id("whr") for _ in rejections],
        [one.gateway_account_id for one in rejections],
        [one.reason[:500] for one in rejections],
        [one.rejected_at for one in rejections],
        kept_max,
    )
    return [None] * len(rejections)


async def message(message_id: str) -> WebhookRow | None:
    found = await messages([message_id])
    return found[0] if found else None


async def messages(message_ids: list[str]) -> list[WebhookRow]:
    """These messages, in no order."""
    sql = "SELECT row_to_json(webhook_message.*) AS it FROM webhook_message WHERE id = ANY($1::varchar[])"
    return [msgspec.json.decode(row["it"], type=WebhookRow) for row in await fetch(sql, message_ids)]


async def mark(message_id: str, state: str, note: str, payment_id: str | None, at: datetime) -> None:
    """In the caller's transaction, with the effect of the message."""
    await later(
        f"webhook {message_id}",
        "UPDATE webhook_message SET state = $2, note = $3, payment_id = $4, applied_at = $5 WHERE id = $1",
        message_id,
        state,
        note,
        payment_id,
        at,
    )


async def note_failure(message_id: str, tries: int, note: str) -> None:
    """In the caller's transaction."""
    sql = "UPDATE webhook_message SET tries = $2, note = $3 WHERE id = $1 AND state = 'received'"
    await fetch(sql, message_id, tries, note)


async def retranslate(message_id: str, kind: str, content: msgspec.Raw) -> None:
    """What the message says, as it is read now."""
    sql = "UPDATE webhook_message SET kind = $2, content = $3 WHERE id = $1"
    await fetch(sql, message_id, kind, bytes(content).decode())


async def remark(message_id: str, words: str) -> None:
    """Say something more of what came of the message."""
    sql = "UPDATE webhook_message SET note = note || $2 WHERE id = $1 AND state <> 'received'"
    await fetch(sql, message_id, words)


async def park(message_id: str, tries: int, note: str, at: datetime) -> bool:
    """Whether it was waiting and is parked now, in the caller's transaction."""
    rows = await fetch(
        "UPDATE webhook_message SET state = 'parked', tries = $2, note = $3, applied_at = $4 "
        "WHERE id = $1 AND state = 'received' RETURNING id",
        message_id,
        tries,
        note,
        at,
    )
    return bool(rows)


_REOPEN = """
    WITH given AS (SELECT * FROM unnest($1::varchar[]) WITH ORDINALITY AS g (id, place)),
    opened AS (
        UPDATE webhook_message SET state = 'received', note = 'to be applied again', tries = 0, replays = replays + 1,
            applied_at = NULL
        WHERE id = ANY($1::varchar[]) RETURNING id
    )
    INSERT INTO outbox (topic, subject, due_at, version, tries)
    SELECT $2, id, $3::timestamptz + (place - 1) * $4::interval, $5, 0 FROM given JOIN opened USING (id)
    ON CONFLICT (topic, subject) DO UPDATE
        SET version = EXCLUDED.version, due_at = EXCLUDED.due_at, tries = 0, begun = 0, parked_at = NULL,
            error = NULL"""


async def reopen(message_ids: Sequence[str], topic: str, at: datetime, pace: timedelta) -> None:
    """Have the messages applied again, one `pace` after the other. In the caller's transaction."""
    await fetch(_REOPEN, list(message_ids), topic, at, pace, secrets.randbits(VERSION_BITS))


# The mark may be lost in a crash, and the bell with it, which is struck out later: then the message is applied again.
_MARK_WITHOUT_EFFECT = f"""
    UPDATE webhook_message AS m SET state = said.state, note = said.note, payment_id = said.payment_id,
        applied_at = said.at
    FROM unnest($1::varchar[], $2::varchar[], $3::text[], $4::varchar[], $5::timestamptz[])
        AS said (id, state, note, payment_id, at)
    WHERE m.id = said.id AND {UNHURRIED}"""  # noqa: S608 - a constant


class Mark(msgspec.Struct, frozen=True):
    """What became of a message."""

    message_id: str
    state: str
    note: str
    payment_id: str | None
    at: datetime


async def mark_without_effect(marks: Sequence[Mark]) -> None:
    """Messages that change nothing: they say what is known, or are about nothing of ours.

    In the order of their ids, which keeps two workers from waiting for each other crosswise.
    """
    said = sorted(marks, key=lambda mark: mark.message_id)
    await fetch(
        _MARK_WITHOUT_EFFECT,
        [mark.message_id for mark in said],
        [mark.state for mark in said],
        [mark.note for mark in said],
        [mark.payment_id for mark in said],
        [mark.at for mark in said],
    )


async def messages_of(payment_id: str) -> list[WebhookRow]:
    rows = (
        await WebhookMessage.select()
        .where(WebhookMessage.payment_id == payment_id)
        .order_by(WebhookMessage.id)
        .output(load_json=True)
    )
    return msgspec.convert(rows, list[WebhookRow])


async def latest(account_ids: list[str], limit: int) -> list[WebhookRow]:
    if not account_ids:
        return []
    rows = (
        await WebhookMessage.select()
        .where(WebhookMessage.gateway_account_id.is_in(account_ids))
        .order_by(WebhookMessage.id, ascending=False)
        .limit(limit)
        .output(load_json=True)
    )
    return msgspec.convert(rows, list[WebhookRow])


class Counts(msgspec.Struct, frozen=True):
    """How many messages came, came again, wait for a person, and were turned away."""

    received: int
    duplicates: int
    parked: int
    rejected: int


async def counts(account_ids: list[str]) -> Counts:
    rows = await fetch(
        "SELECT count(*) AS n, COALESCE(sum(duplicates), 0) AS d, count(*) FILTER (WHERE state = 'parked') AS p "
        "FROM webhook_message WHERE gateway_account_id = ANY($1)",
        account_ids,
    )
    rejected = await fetch(
        "SELECT COALESCE(sum(rejected), 0) AS n FROM webhook_rejection_hour WHERE gateway_account_id = ANY($1)",
        account_ids,
    )
    return Counts(int(rows[0]["n"]), int(rows[0]["d"]), int(rows[0]["p"]), int(rejected[0]["n"]))


class AccountCounts(msgspec.Struct, frozen=True):
    """Of one gateway account, for Prometheus."""

    gateway_account_id: str
    parked: int
    rejected: int


async def counts_by_account() -> list[AccountCounts]:
    """Of every account that has either."""
    rows = await fetch(
        "SELECT gateway_account_id AS id, sum(parked) AS parked, sum(rejected) AS rejected FROM ("
        "SELECT gateway_account_id, count(*) AS parked, 0 AS rejected FROM webhook_message WHERE state = 'parked' "
        "GROUP BY 1 UNION ALL "
        "SELECT gateway_account_id, 0, sum(rejected) FROM webhook_rejection_hour GROUP BY 1) AS it "
        "GROUP BY 1 ORDER BY 1"
    )
    return [AccountCounts(row["id"], int(row["parked"]), int(row["rejected"])) for row in rows]
