"""Every query on received webhooks."""

from datetime import datetime
from typing import Any

import msgspec

from orchestrator.gateways.base import WebhookMessage as Message
from orchestrator.ids import new_id
from orchestrator.webhooks.tables import WebhookDelivery, WebhookMessage, WebhookRejection


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


async def insert_delivery(account_id: str, headers: dict[str, str], body: bytes, at: datetime) -> str:
    delivery_id = new_id("whd")
    await WebhookDelivery.insert(
        WebhookDelivery(
            id=delivery_id,
            gateway_account_id=account_id,
            headers=msgspec.json.encode(headers).decode(),
            body=body,
            received_at=at,
        )
    )
    return delivery_id


async def insert_message(delivery_id: str, account_id: str, message: Message, at: datetime) -> str | None:
    """The new row's id; None when this event key is known: then its duplicates are counted."""
    rows = await WebhookMessage.raw(
        "INSERT INTO webhook_message (id, delivery_id, gateway_account_id, event_key, event_type, kind, content, "
        "state, note, duplicates, received_at) VALUES ({}, {}, {}, {}, {}, {}, {}, 'received', '', 0, {}) "
        "ON CONFLICT (gateway_account_id, event_key) DO UPDATE SET duplicates = webhook_message.duplicates + 1 "
        "RETURNING id, duplicates",
        new_id("whk"),
        delivery_id,
        account_id,
        message.event_key,
        message.event_type,
        message.kind,
        msgspec.json.encode(message).decode(),
        at,
    )
    return str(rows[0]["id"]) if rows[0]["duplicates"] == 0 else None


async def insert_rejection(account_id: str, reason: str, at: datetime) -> None:
    await WebhookRejection.insert(
        WebhookRejection(id=new_id("whr"), gateway_account_id=account_id, reason=reason[:500], rejected_at=at)
    )


async def message(message_id: str) -> WebhookRow | None:
    row = await WebhookMessage.select().where(WebhookMessage.id == message_id).first().output(load_json=True)
    return msgspec.convert(row, WebhookRow) if row else None


async def mark(message_id: str, state: str, note: str, payment_id: str | None, at: datetime) -> None:
    await WebhookMessage.update(
        {
            WebhookMessage.state: state,
            WebhookMessage.note: note,
            WebhookMessage.payment_id: payment_id,
            WebhookMessage.applied_at: at,
        }
    ).where(WebhookMessage.id == message_id)


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
