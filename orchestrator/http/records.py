"""Routes that only read what is on record: events, ledger balances, received webhooks."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.params import FromPath, QueryParameter

from currency.money import Money
from orchestrator.errors import NotFound
from orchestrator.gateways import store as gateway_store
from orchestrator.http import queries
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.pagination import (
    PAGE_DEFAULT,
    CreatedFrom,
    CreatedTo,
    Limit,
    Page,
    StartingAfter,
    moment,
    page,
    page_size,
)
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import MoneyBody, money_body
from orchestrator.http.timeline_schemas import EventBody, WebhookMessageBody, event_body, webhook_body
from orchestrator.ledger import service as ledger
from orchestrator.webhooks import store as webhook_store


class BalanceBody(msgspec.Struct, kw_only=True):
    """A ledger account's debits less its credits."""

    account: str
    gateway_account_id: str
    balance: MoneyBody


class WebhookSummaryBody(msgspec.Struct, kw_only=True):
    """How many messages came, came again, and were turned away."""

    object: str = "webhook_summary"
    received: int
    duplicates: int
    rejected: int


@get("/events", guards=[needs("payments:read")], responses=PROBLEMS, tags=["events"], summary="List events")
async def list_events(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    object_id: Annotated[str | None, QueryParameter(name="object_id", max_length=60)] = None,
    event_type: Annotated[
        str | None,
        QueryParameter(
            name="type", max_length=60, pattern=r"^[a-z_]+\.([a-z_]+|\*)$", description="`payment.*` is a family."
        ),
    ] = None,
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
) -> Page[EventBody]:
    """What happened, newest first; of one object where `object_id` is given."""
    size = page_size(limit)
    rows = await queries.events_of(
        merchant_of(request),
        limit=size + 1,
        before_id=starting_after,
        object_id=object_id,
        event_type=event_type,
        created_from=moment(created_from, "created_from"),
        created_to=moment(created_to, "created_to"),
    )
    return page([event_body(row) for row in rows], size)


@get(
    "/events/{event_id:str}",
    guards=[needs("payments:read")],
    responses=PROBLEMS,
    tags=["events"],
    summary="Get an event",
)
async def get_event(request: ApiRequest, event_id: FromPath[str]) -> EventBody:
    """The event as it was told to the outside."""
    row = await queries.event(merchant_of(request), event_id)
    if row is None:
        raise NotFound("event", event_id)
    return event_body(row)


@get("/ledger/balances", guards=[needs("finance")], responses=PROBLEMS, tags=["ledger"], summary="List ledger balances")
async def list_balances(request: ApiRequest) -> Page[BalanceBody]:
    """Every account of the ledger that was ever used, with its balance."""
    rows = await ledger.balances(merchant_of(request))
    bodies = [
        BalanceBody(
            account=row.kind,
            gateway_account_id=row.gateway_account_id,
            balance=money_body(Money(row.balance_minor, row.currency)),
        )
        for row in rows
    ]
    return Page(data=bodies, has_more=False)


@get(
    "/webhook-messages",
    guards=[needs("operate")],
    responses=PROBLEMS,
    tags=["webhooks"],
    summary="List received webhook messages",
)
async def list_webhook_messages(request: ApiRequest, limit: Limit = PAGE_DEFAULT) -> Page[WebhookMessageBody]:
    """The latest messages of the gateways, newest first."""
    rows = await webhook_store.latest(await _account_ids(request), page_size(limit))
    return Page(data=[webhook_body(row) for row in rows], has_more=False)


@get(
    "/webhook-messages/summary",
    guards=[needs("operate")],
    responses=PROBLEMS,
    tags=["webhooks"],
    summary="Count received webhook messages",
)
async def summarise_webhook_messages(request: ApiRequest) -> WebhookSummaryBody:
    """How many came, came again, and were turned away."""
    counts = await webhook_store.counts(await _account_ids(request))
    return WebhookSummaryBody(received=counts.received, duplicates=counts.duplicates, rejected=counts.rejected)


async def _account_ids(request: ApiRequest) -> list[str]:
    return [row.id for row in await gateway_store.accounts_of(merchant_of(request))]


ROUTES = [list_events, get_event, list_balances, list_webhook_messages, summarise_webhook_messages]
