"""Looking through received messages, and reading a message's request as it came in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from orchestrator.access import secrets
from orchestrator.db import fetch
from orchestrator.webhooks.store import WebhookRow

NOT_WAITING = ("applied", "ignored", "parked")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages: of these accounts, and with everything that is set. `since` counts, `until` does not.

    `kind` is a kind or its first part with a star (`refund.succeeded`, `refund.*`).
    """

    account_ids: tuple[str, ...]
    kind: str | None = None
    state: str | None = None
    payment_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A verified request. `body` is None once its time of keeping is over; card numbers in it are masked."""

    headers: dict[str, str]
    body: bytes | None
    received_at: datetime


_WHERE = """
    gateway_account_id = ANY($1::varchar[])
    AND ($2::varchar IS NULL OR kind = $2 OR ($2 LIKE '%.*' AND starts_with(kind, rtrim($2, '*'))))
    AND state = ANY($3::varchar[])
    AND ($4::varchar IS NULL OR payment_id = $4)
    AND ($5::timestamptz IS NULL OR received_at >= $5)
    AND ($6::timestamptz IS NULL OR received_at < $6)"""
_ANY_STATE = ("received", *NOT_WAITING)


async def newest(wanted: Filter, *, limit: int, before_id: str | None = None) -> list[WebhookRow]:
    """Newest first, from before an id where one is given."""
    rows = await fetch(
        f"SELECT row_to_json(webhook_message.*) AS it FROM webhook_message WHERE {_WHERE} "  # noqa: S608 - constants
        "AND ($7::varchar IS NULL OR id < $7) ORDER BY id DESC LIMIT $8",
        *_arguments(wanted, _ANY_STATE),
        before_id,
        limit,
    )
    return [msgspec.json.decode(row["it"], type=WebhookRow) for row in rows]


async def oldest(wanted: Filter, *, limit: int, after_id: str | None = None) -> list[str]:
    """The ids of what does not wait to be applied, oldest first, from after an id where one is given."""
    rows = await fetch(
        f"SELECT id FROM webhook_message WHERE {_WHERE} "  # noqa: S608 - constants
        "AND ($7::varchar IS NULL OR id > $7) ORDER BY id LIMIT $8",
        *_arguments(wanted, NOT_WAITING),
        after_id,
        limit,
    )
    return [row["id"] for row in rows]


def _arguments(wanted: Filter, states: tuple[str, ...]) -> tuple[object, ...]:
    return (
        list(wanted.account_ids),
        wanted.kind,
        [wanted.state] if wanted.state in states else [] if wanted.state else list(states),
        wanted.payment_id,
        wanted.since,
        wanted.until,
    )


async def request_of(delivery_id: str) -> Request:
    """The request with which a message came. Raises SecretUnreadable where no configured key opens its body."""
    (row,) = await fetch(
        "SELECT headers, body, sealed_body, received_at FROM webhook_delivery WHERE id = $1", delivery_id
    )
    sealed = row["sealed_body"]
    return Request(
        headers=msgspec.json.decode(row["headers"], type=dict[str, str]),
        body=secrets.unseal_bytes(bytes(sealed)) if sealed is not None else row["body"],
        received_at=row["received_at"],
    )
