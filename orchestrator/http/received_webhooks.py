"""Routes of webhooks that gateways sent us: look through them, apply them again, and have the gateway send them."""

from datetime import UTC, datetime
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from orchestrator.access.scopes import Scope
from orchestrator.errors import InvalidField
from orchestrator.gateways import accounts
from orchestrator.gateways import store as account_store
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.received_webhook_schemas import (
    KIND,
    GatewayWebhookEndpointBody,
    NameEndpoint,
    ReceivedWebhookBody,
    ReceivedWebhookDetailBody,
    ReplayBody,
    ReplayMany,
    State,
    detail_body,
    endpoint_body,
    received_webhook_body,
)
from orchestrator.webhooks import gateway_endpoints, log, replay, watch_store
from orchestrator.webhooks.log import Filter

_SHARED: dict[str, Any] = {"guards": [needs(Scope.OPERATE)], "responses": PROBLEMS, "tags": ["received webhooks"]}
_POST: dict[str, Any] = {**_SHARED, "operation_class": Keyed, "status_code": 200}

AccountId = Annotated[str | None, QueryParameter(name="gateway_account_id", max_length=60)]
KindFilter = Annotated[
    str | None,
    QueryParameter(
        name="kind",
        max_length=40,
        pattern=KIND,
        description="Such as `refund.succeeded`, or `refund.*` for all of them.",
    ),
]
StateFilter = Annotated[State | None, QueryParameter(name="state")]
PaymentId = Annotated[str | None, QueryParameter(name="payment_id", max_length=60)]
Since = Annotated[datetime | None, QueryParameter(name="since", description="Received at this moment or later.")]
Until = Annotated[datetime | None, QueryParameter(name="until", description="Received before this moment.")]


@get("/received-webhooks", summary="List received webhooks", **_SHARED)
async def list_received(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    gateway_account_id: AccountId = None,
    kind: KindFilter = None,
    webhook_state: StateFilter = None,
    payment_id: PaymentId = None,
    since: Since = None,
    until: Until = None,
) -> Page[ReceivedWebhookBody]:
    """What gateways told us, newest first."""
    size = page_size(limit)
    wanted = Filter(
        account_ids=await _accounts(request, gateway_account_id),
        kind=kind,
        state=webhook_state,
        payment_id=payment_id,
        since=_aware(since, "since"),
        until=_aware(until, "until"),
    )
    rows = await log.newest(wanted, limit=size + 1, before_id=starting_after)
    return page([received_webhook_body(row) for row in rows], size)


@get("/received-webhooks/{message_id:str}", summary="Get a received webhook", **_SHARED)
async def get_received(request: ApiRequest, message_id: FromPath[str]) -> ReceivedWebhookDetailBody:
    """The message, what was understood of it, and the request as it came."""
    row = await replay.get(merchant_of(request), message_id)
    return detail_body(row, await log.request_of(row.delivery_id))


@post("/received-webhooks/{message_id:str}/replay", summary="Apply a received webhook again", **_POST)
async def replay_one(request: ApiRequest, message_id: FromPath[str]) -> Response[ReceivedWebhookBody]:
    """Apply it once more from what is stored, at once. What it moved before does not move again."""
    merchant_id = merchant_of(request)

    async def work(_: str) -> ReceivedWebhookBody:
        return received_webhook_body(await replay.one(merchant_id, message_id))

    return await answer_once(request, work, status=200)


@post("/received-webhooks/replay", summary="Apply received webhooks of a time span again", **_POST)
async def replay_many(request: ApiRequest, data: JSONBody[ReplayMany]) -> Response[ReplayBody]:
    """Apply them once more, oldest first, so many a second. Those that still wait are left to themselves."""
    wanted = Filter(
        account_ids=await _accounts(request, data.gateway_account_id),
        kind=data.kind,
        state=data.state,
        since=_aware(data.since, "since"),
        until=_aware(data.until, "until"),
    )

    async def work(_: str) -> ReplayBody:
        done = await replay.many(wanted, count_max=data.limit, after_id=data.starting_after)
        return ReplayBody(
            messages=done.count,
            last_due_at=done.last_due_at,
            has_more=done.next_cursor is not None,
            next_cursor=done.next_cursor,
        )

    return await answer_once(request, work, status=200)


@get("/gateway-accounts/{account_id:str}/webhook-endpoint", summary="Get our endpoint at the gateway", **_SHARED)
async def get_endpoint(request: ApiRequest, account_id: FromPath[str]) -> GatewayWebhookEndpointBody:
    """As it was last seen; `check` asks the gateway."""
    account = await accounts.get(merchant_of(request), account_id)
    return endpoint_body(await watch_store.watch(account.id), gateway_endpoints.address_of(account.id))


@post("/gateway-accounts/{account_id:str}/webhook-endpoint", summary="Register our endpoint at the gateway", **_POST)
async def register_endpoint(request: ApiRequest, account_id: FromPath[str]) -> Response[GatewayWebhookEndpointBody]:
    """Have the gateway send its webhooks to us, and keep the signing secret that it gives."""
    merchant_id = merchant_of(request)

    async def work(claim_id: str) -> GatewayWebhookEndpointBody:
        row = await gateway_endpoints.register(merchant_id, account_id, claim_id)
        return endpoint_body(row, gateway_endpoints.address_of(account_id))

    return await answer_once(request, work, status=200)


@post("/gateway-accounts/{account_id:str}/webhook-endpoint/enable", summary="Switch our endpoint on again", **_POST)
async def enable_endpoint(
    request: ApiRequest, account_id: FromPath[str], data: JSONBody[NameEndpoint | None] = None
) -> Response[GatewayWebhookEndpointBody]:
    """After the gateway switched it off. What it could not tell meanwhile it may tell now, or never."""
    merchant_id, named = merchant_of(request), (data and data.endpoint_id) or ""

    async def work(_: str) -> GatewayWebhookEndpointBody:
        row = await gateway_endpoints.enable(merchant_id, account_id, named)
        return endpoint_body(row, gateway_endpoints.address_of(account_id))

    return await answer_once(request, work, status=200)


@post("/gateway-accounts/{account_id:str}/webhook-endpoint/check", summary="Check our endpoint at the gateway", **_POST)
async def check_endpoint(
    request: ApiRequest, account_id: FromPath[str], data: JSONBody[NameEndpoint | None] = None
) -> Response[GatewayWebhookEndpointBody]:
    """Ask the gateway whether it sends to us. From then on it is asked regularly."""
    merchant_id, named = merchant_of(request), (data and data.endpoint_id) or ""

    async def work(_: str) -> GatewayWebhookEndpointBody:
        row = await gateway_endpoints.check(merchant_id, account_id, named)
        return endpoint_body(row, gateway_endpoints.address_of(account_id))

    return await answer_once(request, work, status=200)


async def _accounts(request: ApiRequest, account_id: str | None) -> tuple[str, ...]:
    """The merchant's gateway accounts, or the one of them that is asked for. Raises NotFound."""
    if account_id is not None:
        return ((await accounts.get(merchant_of(request), account_id)).id,)
    return tuple([row.id for row in await account_store.accounts_of(merchant_of(request))])


def _aware(moment: datetime | None, field: str) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise InvalidField(field, "needs its offset from UTC, such as 2026-11-23T10:00:00Z")
    return moment.astimezone(UTC) if moment is not None else None


ROUTES = [
    list_received,
    get_received,
    replay_one,
    replay_many,
    get_endpoint,
    register_endpoint,
    enable_endpoint,
    check_endpoint,
]
