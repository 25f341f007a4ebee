"""Routes of disputes."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from orchestrator.disputes import service, store
from orchestrator.gateways.facets import DisputeStatus
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.dispute_schemas import DisputeBody, SubmitEvidence, dispute_body
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS

READ, WRITE = "payments:read", "payments:write"
BODY_BYTES_MAX = service.FILES_BYTES_MAX * 4 // 3 + 200_000  # the files in base64, and the texts


@get("/disputes", guards=[needs(READ)], responses=PROBLEMS, tags=["disputes"], summary="List disputes")
async def list_disputes(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    status: Annotated[DisputeStatus | None, QueryParameter(name="status")] = None,
    payment_id: Annotated[str | None, QueryParameter(name="payment_id", max_length=40)] = None,
    gateway: Annotated[str | None, QueryParameter(name="gateway", max_length=20)] = None,
    unmatched: Annotated[
        bool | None, QueryParameter(name="unmatched", description="Those whose payment is not known, or is.")
    ] = None,
) -> Page[DisputeBody]:
    """Newest first."""
    size = page_size(limit)
    rows = await store.disputes_of(
        merchant_of(request),
        limit=size + 1,
        before_id=starting_after,
        status=status.value if status else None,
        payment_id=payment_id,
        gateway=gateway,
        unmatched=unmatched,
    )
    return page([dispute_body(row) for row in rows], size)


@get("/disputes/{dispute_id:str}", guards=[needs(READ)], responses=PROBLEMS, tags=["disputes"], summary="Get a dispute")
async def get_dispute(request: ApiRequest, dispute_id: FromPath[str]) -> DisputeBody:
    """The dispute with all that was heard of it and done about it."""
    return await _found(merchant_of(request), dispute_id)


@post(
    "/disputes/{dispute_id:str}/accept",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["disputes"],
    summary="Accept a dispute",
)
async def accept_dispute(request: ApiRequest, dispute_id: FromPath[str]) -> Response[DisputeBody]:
    """Give in: the customer keeps the money. It cannot be taken back. What came of it is the last of `actions`."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> DisputeBody:
        view = await service.accept(merchant_id, dispute_id, idempotency_id)
        return dispute_body(view.dispute, view)

    return await answer_once(request, work, lambda found_id: _found(merchant_id, found_id), status=200)


@post(
    "/disputes/{dispute_id:str}/evidence",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["disputes"],
    summary="Submit evidence",
)
async def submit_evidence(
    request: ApiRequest, dispute_id: FromPath[str], data: JSONBody[SubmitEvidence | None] = None
) -> Response[DisputeBody]:
    """Answer the dispute, once: most gateways take nothing later. What came of it is the last of `actions`."""
    merchant_id = merchant_of(request)
    evidence = (data or SubmitEvidence()).as_evidence()

    async def work(idempotency_id: str) -> DisputeBody:
        view = await service.submit_evidence(merchant_id, dispute_id, evidence, idempotency_id)
        return dispute_body(view.dispute, view)

    return await answer_once(request, work, lambda found_id: _found(merchant_id, found_id), status=200)


async def _found(merchant_id: str, dispute_id: str) -> DisputeBody:
    view = await service.get(merchant_id, dispute_id)
    return dispute_body(view.dispute, view)


ROUTES = [list_disputes, get_dispute, accept_dispute, submit_evidence]
