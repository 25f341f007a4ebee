"""Routes of checkout sessions and payment links."""

from typing import Annotated, Any

from litestar import Response, get, patch, post
from litestar.params import FromPath, JSONBody, QueryParameter

from orchestrator.checkouts import links, service, store
from orchestrator.checkouts.records import SessionState
from orchestrator.customers import service as customers
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.checkout_schemas import (
    ChangePaymentLink,
    CheckoutSessionBody,
    CreateCheckoutSession,
    CreatePaymentLink,
    PaymentLinkBody,
    link_body,
    session_body,
)
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS

_READ: dict[str, Any] = {"guards": [needs("payments:read")], "responses": PROBLEMS}
_WRITE: dict[str, Any] = {"guards": [needs("payments:write")], "responses": PROBLEMS}
_SESSIONS: dict[str, Any] = {"tags": ["checkout sessions"]}
_LINKS: dict[str, Any] = {"tags": ["payment links"]}


@post("/checkout-sessions", operation_class=Keyed, summary="Create a checkout session", **_SESSIONS, **_WRITE)
async def create_session(request: ApiRequest, data: JSONBody[CreateCheckoutSession]) -> Response[CheckoutSessionBody]:
    """Make a hosted page for one payment. Send the shopper to `url`; after `expires_at` it takes no card."""
    merchant_id = merchant_of(request)
    new = data.as_session(merchant_id)
    if data.customer_id is not None:
        await customers.get(merchant_id, data.customer_id)

    async def work(idempotency_id: str) -> CheckoutSessionBody:
        return session_body(await service.create(new, idempotency_id))

    return await answer_once(request, work, lambda found_id: _session(merchant_id, found_id))


@get("/checkout-sessions", summary="List checkout sessions", **_SESSIONS, **_READ)
async def list_sessions(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    status: Annotated[SessionState | None, QueryParameter(name="status")] = None,
    payment_link_id: Annotated[str | None, QueryParameter(name="payment_link_id", max_length=40)] = None,
    customer_id: Annotated[str | None, QueryParameter(name="customer_id", max_length=40)] = None,
) -> Page[CheckoutSessionBody]:
    """Newest first."""
    size = page_size(limit)
    found = await store.sessions_of(
        merchant_of(request),
        limit=size + 1,
        before_id=starting_after,
        state=status,
        payment_link_id=payment_link_id,
        customer_id=customer_id,
    )
    return page([session_body(view) for view in found], size)


@get("/checkout-sessions/{session_id:str}", summary="Get a checkout session", **_SESSIONS, **_READ)
async def get_session(request: ApiRequest, session_id: FromPath[str]) -> CheckoutSessionBody:
    """The session, and how its payment stands."""
    return await _session(merchant_of(request), session_id)


@post(
    "/checkout-sessions/{session_id:str}/expire",
    operation_class=Keyed,
    status_code=200,
    summary="Expire a checkout session",
    **_SESSIONS,
    **_WRITE,
)
async def expire_session(request: ApiRequest, session_id: FromPath[str]) -> Response[CheckoutSessionBody]:
    """End an open session now; its payment is canceled. Refused while the shopper is paying."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> CheckoutSessionBody:
        return session_body(await service.expire(merchant_id, session_id, idempotency_id))

    return await answer_once(request, work, lambda found_id: _session(merchant_id, found_id), status=200)


@post("/payment-links", operation_class=Keyed, summary="Create a payment link", **_LINKS, **_WRITE)
async def create_link(request: ApiRequest, data: JSONBody[CreatePaymentLink]) -> Response[PaymentLinkBody]:
    """Make an address that anybody may pay at, as often as `max_uses` allows."""
    merchant_id = merchant_of(request)
    new = data.as_link(merchant_id)

    async def work(idempotency_id: str) -> PaymentLinkBody:
        return link_body(await links.create(new, idempotency_id))

    return await answer_once(request, work, lambda found_id: _link(merchant_id, found_id))


@get("/payment-links", summary="List payment links", **_LINKS, **_READ)
async def list_links(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    active: Annotated[bool | None, QueryParameter(name="active")] = None,
) -> Page[PaymentLinkBody]:
    """Newest first."""
    size = page_size(limit)
    found = await store.links_of(merchant_of(request), limit=size + 1, before_id=starting_after, active=active)
    return page([link_body(view) for view in found], size)


@get("/payment-links/{link_id:str}", summary="Get a payment link", **_LINKS, **_READ)
async def get_link(request: ApiRequest, link_id: FromPath[str]) -> PaymentLinkBody:
    """The link, and how often it was paid."""
    return await _link(merchant_of(request), link_id)


@patch("/payment-links/{link_id:str}", summary="Change a payment link", **_LINKS, **_WRITE)
async def change_link(
    request: ApiRequest, link_id: FromPath[str], data: JSONBody[ChangePaymentLink]
) -> PaymentLinkBody:
    """Change what is given; `"active": false` takes the link out of use. Who is paying already may finish."""
    return link_body(await links.change(merchant_of(request), link_id, data.as_values()))


async def _session(merchant_id: str, session_id: str) -> CheckoutSessionBody:
    return session_body(await service.get(merchant_id, session_id))


async def _link(merchant_id: str, link_id: str) -> PaymentLinkBody:
    return link_body(await links.get(merchant_id, link_id))


ROUTES = [
    create_session,
    list_sessions,
    get_session,
    expire_session,
    create_link,
    list_links,
    get_link,
    change_link,
]
