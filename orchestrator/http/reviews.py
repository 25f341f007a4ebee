"""Routes of what waits for a person: the work list, and the verdict."""

from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from orchestrator.access.scopes import Scope
from orchestrator.http.auth import ApiRequest, caller_of, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.payment_schemas import PaymentBody, payment_body
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import Input
from orchestrator.http.timeline_schemas import OperationBody, operation_body
from orchestrator.payments import reviews, service
from orchestrator.payments.records import PaymentRow, Verdict


class ResolveReview(Input):
    """What a person found out at the gateway about an operation, and what that rests on."""

    verdict: Verdict
    note: Annotated[str, Meta(min_length=1, max_length=reviews.NOTE_CHARS_MAX)]


class ReviewBody(msgspec.Struct, kw_only=True):
    """An operation that waits for a person, with its evidence; `id` is the operation's."""

    id: str
    object: str = "review"
    payment_id: str
    operation: OperationBody


@get("/reviews", guards=[needs(Scope.PAYMENTS_READ)], responses=PROBLEMS, tags=["payments"], summary="List reviews")
async def list_reviews(
    request: ApiRequest, limit: Limit = PAGE_DEFAULT, starting_after: StartingAfter = None
) -> Page[ReviewBody]:
    """The operations that nobody but a person can settle, newest first."""
    size = page_size(limit)
    found = await reviews.waiting(merchant_of(request), limit=size + 1, before_id=starting_after)
    return page([ReviewBody(id=op.id, payment_id=op.payment_id, operation=operation_body(op)) for op in found], size)


@post(
    "/payments/{payment_id:str}/operations/{operation_id:str}/resolve",
    guards=[needs(Scope.FINANCE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["payments"],
    summary="Resolve a review",
)
async def resolve_review(
    request: ApiRequest, payment_id: FromPath[str], operation_id: FromPath[str], data: JSONBody[ResolveReview]
) -> Response[PaymentBody]:
    """Say what became of an operation that nobody could ask about, or have the gateway asked once more."""
    merchant_id, actor = merchant_of(request), caller_of(request).key_id

    async def work(idempotency_id: str) -> PaymentBody:
        payment = await reviews.resolve_review(
            merchant_id, payment_id, operation_id, data.verdict, data.note, actor, idempotency_id
        )
        return await _body(payment)

    async def rebuild(found_id: str) -> PaymentBody:
        return await _body(await service.get(merchant_id, found_id))

    return await answer_once(request, work, rebuild, status=200)


async def _body(payment: PaymentRow) -> PaymentBody:
    return payment_body(payment, await service.story(payment), [])


ROUTES = [list_reviews, resolve_review]
