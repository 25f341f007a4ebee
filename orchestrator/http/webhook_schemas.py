"""The shapes of webhook endpoints and of the deliveries to them."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from orchestrator.http.schemas import Input
from orchestrator.notifications.addresses import URL_CHARS_MAX
from orchestrator.notifications.delivery_store import DeliveryRow, TryRow
from orchestrator.notifications.endpoint_store import EndpointRow
from orchestrator.notifications.endpoints import OVERLAP_DEFAULT_H, OVERLAP_MAX_H
from orchestrator.notifications.event_filter import FILTERS_MAX
from orchestrator.notifications.states import DeliveryState, DisabledReason

Url = Annotated[
    str,
    Meta(
        max_length=URL_CHARS_MAX,
        description="`https://`, port 443, a public host name. Redirects are not followed.",
        examples=["https://hooks.shop.example/clearway"],
    ),
]
EventTypes = Annotated[
    list[Annotated[str, Meta(max_length=60)]],
    Meta(
        max_length=FILTERS_MAX,
        description="Types of events to be told: exact ones or families such as `payment.*`. Empty: all.",
        examples=[["payment.*", "invoice.paid"]],
    ),
]
Description = Annotated[str, Meta(max_length=300, examples=["Warehouse"])]


class CreateWebhookEndpoint(Input):
    """A server of yours that is to be told of events from now on."""

    url: Url
    description: Description = ""
    event_types: EventTypes = msgspec.field(default_factory=list)


class ChangeWebhookEndpoint(Input):
    """What is left out stays. `enabled: false` cancels what still waits; see `recover` for sending it later."""

    url: Url | None = None
    description: Description | None = None
    event_types: EventTypes | None = None
    enabled: bool | None = None


class RotateSecret(Input):
    """How long the old secret signs too."""

    overlap_hours: Annotated[int, Meta(ge=0, le=OVERLAP_MAX_H)] = OVERLAP_DEFAULT_H


class Recover(Input):
    """A time span of events; the last 24 hours when left out."""

    since: Annotated[datetime, Meta(tz=True, examples=["2026-11-01T00:00:00Z"])] | None = None
    until: Annotated[datetime, Meta(tz=True, examples=["2026-11-02T00:00:00Z"])] | None = None


class WebhookEndpointBody(msgspec.Struct, kw_only=True):
    """A webhook endpoint. `failing_since` is set while nothing gets through; after five days it is disabled."""

    id: str
    object: str = "webhook_endpoint"
    url: str
    description: str
    event_types: list[str]
    enabled: bool
    disabled_reason: DisabledReason | None
    disabled_at: datetime | None
    failing_since: datetime | None
    secret_version: int
    previous_secret_until: datetime | None
    created_at: datetime


class WebhookEndpointSecretBody(WebhookEndpointBody, kw_only=True):
    """A webhook endpoint with its new signing secret, which is shown by this answer only."""

    secret: Annotated[str | None, Meta(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])] = None


class WebhookTryBody(msgspec.Struct, kw_only=True):
    """One request. `duration_ms` is null while it is on its way, or when its worker died. `response` is shortened."""

    number: int
    started_at: datetime
    duration_ms: int | None
    status: int | None
    error: str
    response: str


class WebhookDeliveryBody(msgspec.Struct, kw_only=True):
    """An event on its way to an endpoint."""

    id: str
    object: str = "webhook_delivery"
    endpoint_id: str
    event_id: str
    state: DeliveryState
    tries: int
    next_try_at: datetime | None
    last_status: int | None
    last_error: str
    created_at: datetime
    delivered_at: datetime | None


class WebhookDeliveryLogBody(WebhookDeliveryBody, kw_only=True):
    """A delivery with its latest tries, oldest of them first."""

    log: list[WebhookTryBody]


class RecoveryBody(msgspec.Struct, kw_only=True):
    """How many events are sent again. With `has_more` the call may be repeated under another key."""

    object: str = "webhook_recovery"
    events: int
    has_more: bool


def endpoint_body(row: EndpointRow) -> WebhookEndpointBody:
    return msgspec.convert(row, WebhookEndpointBody, from_attributes=True)


def secret_body(row: EndpointRow) -> WebhookEndpointSecretBody:
    """Without the secret, which is put in when the answer is on its way out: what is kept of answers has none."""
    return msgspec.convert(row, WebhookEndpointSecretBody, from_attributes=True)


def delivery_body(row: DeliveryRow) -> WebhookDeliveryBody:
    return msgspec.convert(row, WebhookDeliveryBody, from_attributes=True)


def delivery_log_body(row: DeliveryRow, tries: list[TryRow]) -> WebhookDeliveryLogBody:
    log = [msgspec.convert(one, WebhookTryBody, from_attributes=True) for one in tries]
    return WebhookDeliveryLogBody(**msgspec.structs.asdict(delivery_body(row)), log=log)
