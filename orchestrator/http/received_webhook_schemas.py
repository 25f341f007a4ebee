"""The bodies of received webhooks and of our endpoint at a gateway."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from orchestrator.http.schemas import Input
from orchestrator.webhooks.log import Request
from orchestrator.webhooks.store import WebhookRow
from orchestrator.webhooks.watch_store import WatchRow

State = Literal["received", "applied", "ignored", "parked"]
KIND = r"^[a-z_]+(\.([a-z_]+|\*))?$(?!\n)"
Kind = Annotated[str, Meta(max_length=40, pattern=KIND, examples=["refund.succeeded", "refund.*"])]
EndpointId = Annotated[str, Meta(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")]


class ReceivedWebhookBody(msgspec.Struct, kw_only=True):
    """One message that a gateway sent, and what became of it.

    `received` waits to be applied (`note` says what went wrong after `tries`), `parked` waits for a person.
    """

    id: str
    object: str = "received_webhook"
    gateway_account_id: str
    event_key: str
    event_type: str
    kind: str
    payment_id: str | None
    state: str
    note: str
    duplicates: int
    tries: int
    replays: int
    received_at: datetime
    applied_at: datetime | None


class ReceivedWebhookDetailBody(ReceivedWebhookBody, kw_only=True):
    """The same, with what was understood of it and the request as it came; card numbers in it are masked.

    `raw_body` is null once its time of keeping is over, and headers are empty.
    """

    content: Any
    raw_headers: dict[str, str]
    raw_body: str | None


class ReplayMany(Input):
    """Which messages to apply again: those received from `since` until before `until`, narrowed by what is set."""

    since: datetime
    until: datetime
    gateway_account_id: Annotated[str, Meta(max_length=60)] | None = None
    kind: Kind | None = None
    state: Literal["applied", "ignored", "parked"] | None = None
    limit: Annotated[int, Meta(ge=1, le=100_000)] = 1_000
    starting_after: Annotated[str, Meta(max_length=60)] | None = None


class ReplayBody(msgspec.Struct, kw_only=True):
    """How many messages are in line, and when the last is due. While `has_more`, go on with `next_cursor`."""

    object: str = "received_webhook_replay"
    messages: int
    last_due_at: datetime | None
    has_more: bool
    next_cursor: str | None


class NameEndpoint(Input):
    """Which endpoint at the gateway; the known one where it is left out."""

    endpoint_id: EndpointId | None = None


class GatewayWebhookEndpointBody(msgspec.Struct, kw_only=True):
    """Our endpoint at the gateway as it was last seen. `enabled` is null while nothing is known.

    `silent_since` is set while nothing is heard of an account whose operations go through.
    """

    object: str = "gateway_webhook_endpoint"
    gateway_account_id: str
    url: str
    endpoint_id: str | None
    enabled: bool | None
    problem: str
    checked_at: datetime | None
    silent_since: datetime | None


def received_webhook_body(row: WebhookRow) -> ReceivedWebhookBody:
    return ReceivedWebhookBody(**_facts(row))


def detail_body(row: WebhookRow, request: Request) -> ReceivedWebhookDetailBody:
    raw = request.body.decode("utf-8", "replace") if request.body is not None else None
    return ReceivedWebhookDetailBody(**_facts(row), content=row.content, raw_headers=request.headers, raw_body=raw)


def endpoint_body(row: WatchRow, url: str) -> GatewayWebhookEndpointBody:
    return GatewayWebhookEndpointBody(
        gateway_account_id=row.gateway_account_id,
        url=url,
        endpoint_id=row.endpoint_id or None,
        enabled=row.endpoint_enabled,
        problem=row.endpoint_problem,
        checked_at=row.endpoint_checked_at,
        silent_since=row.silent_since,
    )


def _facts(row: WebhookRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ReceivedWebhookBody.__struct_fields__ if name != "object"}
