"""Routes of webhook endpoints: the merchant's servers that are told of events, and the log of telling them."""

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody, QueryParameter

from orchestrator import clock_port
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.webhook_schemas import (
    ChangeWebhookEndpoint,
    CreateWebhookEndpoint,
    Recover,
    RecoveryBody,
    RotateSecret,
    WebhookDeliveryBody,
    WebhookDeliveryLogBody,
    WebhookEndpointBody,
    WebhookEndpointSecretBody,
    delivery_body,
    delivery_log_body,
    endpoint_body,
    secret_body,
)
from orchestrator.notifications import deliveries, delivery_store, endpoint_store, endpoints
from orchestrator.notifications.states import DeliveryState

SCOPE = "operate"
TRIES_SHOWN_MAX = 50
RECOVER_DEFAULT = timedelta(hours=24)
_SHARED: dict[str, Any] = {"guards": [needs(SCOPE)], "responses": PROBLEMS, "tags": ["webhook endpoints"]}


@post("/webhook-endpoints", operation_class=Keyed, summary="Create a webhook endpoint", **_SHARED)
async def create_endpoint(
    request: ApiRequest, data: JSONBody[CreateWebhookEndpoint]
) -> Response[WebhookEndpointSecretBody]:
    """Have your server told of events from now on. The answer has the signing secret, this once."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> WebhookEndpointBody:
        row = await endpoints.add(
            merchant_id,
            data.url,
            description=data.description,
            event_types=data.event_types,
            idempotency_id=idempotency_id,
        )
        return secret_body(row)

    async def rebuild(endpoint_id: str) -> WebhookEndpointBody:
        return secret_body(await endpoints.get(merchant_id, endpoint_id))

    return await _revealed(await answer_once(request, work, rebuild))


@get("/webhook-endpoints", summary="List webhook endpoints", **_SHARED)
async def list_endpoints(request: ApiRequest) -> Page[WebhookEndpointBody]:
    """All of them, newest first, also those that were disabled."""
    rows = await endpoint_store.endpoints_of(merchant_of(request))
    return Page(data=[endpoint_body(row) for row in rows], has_more=False)


@get("/webhook-endpoints/{endpoint_id:str}", summary="Get a webhook endpoint", **_SHARED)
async def get_endpoint(request: ApiRequest, endpoint_id: FromPath[str]) -> WebhookEndpointBody:
    """The endpoint, without its secret."""
    return endpoint_body(await endpoints.get(merchant_of(request), endpoint_id))


@patch("/webhook-endpoints/{endpoint_id:str}", summary="Change a webhook endpoint", **_SHARED)
async def change_endpoint(
    request: ApiRequest, endpoint_id: FromPath[str], data: JSONBody[ChangeWebhookEndpoint]
) -> WebhookEndpointBody:
    """Change what is given. What still waits goes to the new address."""
    row = await endpoints.change(
        merchant_of(request),
        endpoint_id,
        url=data.url,
        description=data.description,
        event_types=data.event_types,
        enabled=data.enabled,
    )
    return endpoint_body(row)


@delete("/webhook-endpoints/{endpoint_id:str}", summary="Delete a webhook endpoint", **_SHARED)
async def delete_endpoint(request: ApiRequest, endpoint_id: FromPath[str]) -> None:
    """Tell it nothing more, not even what still waits."""
    await endpoints.delete(merchant_of(request), endpoint_id)


@post(
    "/webhook-endpoints/{endpoint_id:str}/rotate-secret",
    operation_class=Keyed,
    status_code=200,
    summary="Rotate a signing secret",
    **_SHARED,
)
async def rotate_secret(
    request: ApiRequest, endpoint_id: FromPath[str], data: JSONBody[RotateSecret | None] = None
) -> Response[WebhookEndpointSecretBody]:
    """A new secret, shown by this answer only. Until the overlap ends, messages bear a signature by each."""
    merchant_id, asked = merchant_of(request), data or RotateSecret()

    async def work(idempotency_id: str) -> WebhookEndpointBody:
        row = await endpoints.rotate_secret(
            merchant_id, endpoint_id, overlap_h=asked.overlap_hours, idempotency_id=idempotency_id
        )
        return secret_body(row)

    async def rebuild(_: str) -> WebhookEndpointBody:
        return secret_body(await endpoints.get(merchant_id, endpoint_id))

    return await _revealed(await answer_once(request, work, rebuild, status=200))


@post(
    "/webhook-endpoints/{endpoint_id:str}/test",
    operation_class=Keyed,
    summary="Send a test event",
    **_SHARED,
)
async def send_test(request: ApiRequest, endpoint_id: FromPath[str]) -> Response[WebhookDeliveryBody]:
    """Send `webhook_endpoint.test` to this endpoint only. The delivery's log shows what came of it."""
    merchant_id = merchant_of(request)

    async def work(_: str) -> WebhookDeliveryBody:
        return delivery_body(await deliveries.send_test(merchant_id, endpoint_id))

    return await answer_once(request, work)


@post(
    "/webhook-endpoints/{endpoint_id:str}/recover",
    operation_class=Keyed,
    status_code=200,
    summary="Send missed events again",
    **_SHARED,
)
async def recover(
    request: ApiRequest, endpoint_id: FromPath[str], data: JSONBody[Recover | None] = None
) -> Response[RecoveryBody]:
    """Send all events of a time span that did not get through: failed, canceled, or missed while disabled."""
    merchant_id, asked = merchant_of(request), data or Recover()
    until = asked.until or clock_port.now()
    since = asked.since or until - RECOVER_DEFAULT

    async def work(_: str) -> RecoveryBody:
        recovered = await deliveries.recover(merchant_id, endpoint_id, since, until)
        return RecoveryBody(events=recovered.events, has_more=recovered.has_more)

    return await answer_once(request, work, status=200)


@get("/webhook-endpoints/{endpoint_id:str}/deliveries", summary="List deliveries", **_SHARED)
async def list_deliveries(
    request: ApiRequest,
    endpoint_id: FromPath[str],
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    delivery_state: Annotated[DeliveryState | None, QueryParameter(name="state")] = None,
    event_id: Annotated[str | None, QueryParameter(name="event_id", max_length=60)] = None,
) -> Page[WebhookDeliveryBody]:
    """What was told to the endpoint and what waits, newest first."""
    row, size = await endpoints.get(merchant_of(request), endpoint_id), page_size(limit)
    rows = await delivery_store.deliveries_of(
        row.id, limit=size + 1, before_id=starting_after, state=delivery_state, event_id=event_id
    )
    return page([delivery_body(found) for found in rows], size)


@get("/webhook-endpoints/{endpoint_id:str}/deliveries/{delivery_id:str}", summary="Get a delivery", **_SHARED)
async def get_delivery(
    request: ApiRequest, endpoint_id: FromPath[str], delivery_id: FromPath[str]
) -> WebhookDeliveryLogBody:
    """The delivery with the log of its tries."""
    row = await deliveries.get(merchant_of(request), endpoint_id, delivery_id)
    return delivery_log_body(row, await delivery_store.tries_of(row.id, limit=TRIES_SHOWN_MAX))


@post(
    "/webhook-endpoints/{endpoint_id:str}/deliveries/{delivery_id:str}/redeliver",
    operation_class=Keyed,
    status_code=200,
    summary="Deliver once more",
    **_SHARED,
)
async def redeliver(
    request: ApiRequest, endpoint_id: FromPath[str], delivery_id: FromPath[str]
) -> Response[WebhookDeliveryBody]:
    """Send the event again now, under the same `webhook-id`, and then by the schedule."""
    merchant_id = merchant_of(request)

    async def work(_: str) -> WebhookDeliveryBody:
        return delivery_body(await deliveries.redeliver(merchant_id, endpoint_id, delivery_id))

    return await answer_once(request, work, status=200)


async def _revealed(answer: Response[Any]) -> Response[WebhookEndpointSecretBody]:
    """Put the secret into the answer to whoever holds the key of the request that made it.

    Answers are kept for repetition; the secret is not kept with them but sealed with its endpoint, and is shown as long
    as it is still the one that was made.
    """
    body = msgspec.json.decode(answer.content, type=WebhookEndpointSecretBody)
    row = await endpoint_store.endpoint(body.id)
    body.secret = endpoints.secret_of(row, body.secret_version) if row else None
    answer.content = msgspec.json.encode(body)
    return answer


ROUTES = [
    create_endpoint,
    list_endpoints,
    get_endpoint,
    change_endpoint,
    delete_endpoint,
    rotate_secret,
    send_test,
    recover,
    list_deliveries,
    get_delivery,
    redeliver,
]
