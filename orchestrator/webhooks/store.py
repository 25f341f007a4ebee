"""Every query on received webhooks."""

import secrets
from datetime import datetime
from typing import Any

import msgspec

from orchestrator.db import UNHURRIED, fetch, later
from orchestrator.gateways.base import WebhookMessage as Message
from orchestrator.ids import new_id
from orchestrator.outbox import VERSION_BITS
from orchestrator.webhooks.tables import WebhookMessage, WebhookRejection


class WebhookRow(msgspec.Struct, frozen=True):
    """A stored message."""

    id: str
    gateway_account_id: str
    event_key: str
    event_type: str
    kind: str
    content: dict[str, Any]
    payment_id: str | None
    state: str
    note: str
    duplicates: int
    received_at: datetime
    applied_at: datetime | None


class NewMessage(msgspec.Struct, frozen=True):
    """A message to be kept. One that changes nothing is kept as `ignored`, and nobody needs to look at it again."""

    id: str
    event_key: str
    event_type: str
    kind: str
    content: Message
    payment_id: str | None = None
    state: str = "received"
    note: str = ""
    applied_at: datetime | None = None


# Delivery, messages and the bells of those that are new, in one statement: it is done for each of thousands.
KEEP = """
    WITH delivery AS (
        INSERT INTO webhook_delivery (id, gateway_account_id, headers, body, received_at) VALUES ($1, $2, $3, $4, $5)
    ), message AS (
        INSERT INTO webhook_message (id, delivery_id, gateway_account_id, event_key, event_type, kind, content,
            payment_id, state, note, applied_at, duplicates, received_at)
        SELECT m.id, $1, $2, m.event_key, m.event_type, m.kind, m.content, m.payment_id, m.state, m.note, m.applied_at,
            0, $5
        FROM jsonb_to_recordset($6::jsonb) AS m (id varchar, event_key varchar, event_type varchar, kind varchar,
            content jsonb, payment_id varchar, state varchar, note text, applied_at timestamptz)
        ON CONFLICT (gateway_account_id, event_key) DO UPDATE SET duplicates = webhook_message.duplicates + 1
        RETURNING id, state, duplicates
    ), bell AS (
        INSERT INTO outbox (topic, subject, due_at, version, tries)
        SELECT $7, id, $5, $8, 0 FROM message WHERE duplicates = 0 AND state = 'received'
    )
    SELECT count(*) AS new FROM message WHERE duplicates = 0"""


async def keep(
    account_id: str, headers: dict[str, str], body: bytes, messages: list[NewMessage], topic: str, at: datetime
) -> int:
    """Keep a delivery with its messages, and ring `topic` for those that are new and to be applied; how many are new.

    A message whose event key is known counts as a duplicate there; so does one that comes twice in one delivery.
    """
    distinct = list({message.event_key: message for message in messages}.values())
    rows = await fetch(
        KEEP,
        new_id("whd"),
        account_id,
        msgspec.json.encode(headers).decode(),
        body,
        at,
        msgspec.json.encode(distinct).decode(),
        topic,
        secrets.randbits(VERSION_BITS),
    )
    return int(rows[0]["new"])


async def insert_rejection(account_id: str, reason: str, at: datetime) -> None:
    await WebhookRejection.insert(
        WebhookRejection(id=new_id("whr"), gateway_account_id=account_id, reason=reason[:500], rejected_at=at)
    )


async def message(message_id: str) -> WebhookRow | None:
    rows = await fetch(
        "SELECT row_to_json(webhook_message.*) AS it FROM webhook_message WHERE id = $1",
        message_id,
    )
    return msgspec.json.decode(rows[0]["it"], type=WebhookRow) if rows else None


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


# The mark may be lost in a crash, and the bell with it, which is struck out later: then the message is applied again.
_MARK_KNOWN = f"""
    UPDATE webhook_message SET state = 'applied', note = 'known already', payment_id = $2, applied_at = $3
    WHERE id = $1 AND {UNHURRIED}"""  # noqa: S608 - a constant


async def mark_known(message_id: str, payment_id: str, at: datetime) -> None:
    """The message says what is known, so that it has no effect."""
    await fetch(_MARK_KNOWN, message_id, payment_id, at)


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
    """How many messages came, came again, and were turned away."""

    received: int
    duplicates: int
    rejected: int


async def counts(account_ids: list[str]) -> Counts:
    rows = await WebhookMessage.raw(
        "SELECT count(*) AS n, COALESCE(sum(duplicates), 0) AS d FROM webhook_message "
        "WHERE gateway_account_id = ANY({})",
        account_ids,
    )
    rejected = await WebhookRejection.raw(
        "SELECT count(*) AS n FROM webhook_rejection WHERE gateway_account_id = ANY({})", account_ids
    )
    return Counts(int(rows[0]["n"]), int(rows[0]["d"]), int(rejected[0]["n"]))
