"""Routes of approvals, and of what nobody changes alone: bank details, and the policy that says what else."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from orchestrator.access import service as access
from orchestrator.approvals import bank_details, policy, service, store
from orchestrator.approvals.bank_details import BankDetails
from orchestrator.approvals.states import ApprovalKind, ApprovalState
from orchestrator.approvals.store import ApprovalRow
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import CurrencyCode, Input, MinorUnits, require_currency

READ, DECIDE = "finance:read", "finance"
_READING: dict[str, Any] = {"guards": [needs(READ)], "responses": PROBLEMS, "tags": ["approvals"]}
_DECIDING: dict[str, Any] = {"guards": [needs(DECIDE)], "responses": PROBLEMS, "tags": ["approvals"]}


class ApprovalBody(msgspec.Struct, kw_only=True):
    """A request that needs another person than `requested_by`. `details` is what will be done, word for word."""

    id: str
    object: str = "approval"
    kind: ApprovalKind
    subject: Annotated[str, Meta(description="What it is about: the payment, or the merchant.")]
    details: dict[str, Any]
    state: ApprovalState
    requested_by: Annotated[str, Meta(examples=["user:usr_0193…"])]
    requested_at: datetime
    expires_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    note: str
    due_at: Annotated[datetime | None, Meta(description="Approved: it is done then, and can be rejected until then.")]
    finished_at: datetime | None
    result_id: Annotated[str | None, Meta(description="What it made, such as the refund.")]
    failure: str | None


class Decide(Input):
    """Why; kept with the decision."""

    note: Annotated[str, Meta(max_length=500)] = ""


class BankDetailsInput(Input):
    """An account as invoices print it."""

    holder: Annotated[str, Meta(min_length=1, max_length=140, examples=["Acme GmbH"])]
    iban: Annotated[str, Meta(min_length=15, max_length=42, examples=["DE89370400440532013000"])]
    bic: Annotated[str, Meta(pattern=r"^([A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?)?$(?!\n)")] = ""


class BankDetailsBody(msgspec.Struct, kw_only=True):
    """The account that invoices print, and the change that is under way."""

    object: str = "bank_details"
    holder: str
    iban: str
    bic: str
    change: ApprovalBody | None


class PolicyInput(Input):
    """Above which sum an approval is needed, in minor units by currency: of a payment's refunds, and of what a
    customer's credit is paid out in 30 days."""

    refund_limits: Annotated[dict[CurrencyCode, MinorUnits], Meta(max_length=200, examples=[{"EUR": 50000}])]


class PolicyBody(msgspec.Struct, kw_only=True):
    """What needs an approval. Bank details always do."""

    object: str = "approval_policy"
    refund_limits: dict[str, int]


def approval_body(row: ApprovalRow) -> ApprovalBody:
    fields = {name: getattr(row, name) for name in row.__struct_fields__ if name not in ("payload", "merchant_id")}
    return ApprovalBody(**fields, details={name: value for name, value in row.payload.items() if name != "told"})


ACCEPTED = {
    **PROBLEMS,
    202: ResponseSpec(data_container=ApprovalBody, description="It waits for its approval.", generate_examples=False),
}


@get("/approvals", summary="List approvals", **_READING)
async def list_approvals(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    in_state: Annotated[ApprovalState | None, QueryParameter(name="state")] = None,
) -> Page[ApprovalBody]:
    """Newest first."""
    size = page_size(limit)
    found = await store.approvals_of(merchant_of(request), limit=size + 1, before_id=starting_after, state=in_state)
    return page([approval_body(row) for row in found], size)


@get("/approvals/{approval_id:str}", summary="Get an approval", **_READING)
async def get_approval(request: ApiRequest, approval_id: FromPath[str]) -> ApprovalBody:
    """The request, who asked, who decided, and what came of it."""
    return approval_body(await service.get(merchant_of(request), approval_id))


@post(
    "/approvals/{approval_id:str}/approve",
    operation_class=Keyed,
    status_code=200,
    summary="Approve a request",
    **_DECIDING,
)
async def approve(
    request: ApiRequest, approval_id: FromPath[str], data: JSONBody[Decide | None] = None
) -> Response[ApprovalBody]:
    """Only another than who asked, and one that was there before the request. It is done at `due_at`."""
    merchant_id = merchant_of(request)

    async def work(_: str) -> ApprovalBody:
        return approval_body(await service.approve(merchant_id, approval_id, (data or Decide()).note))

    return await answer_once(request, work, status=200)


@post(
    "/approvals/{approval_id:str}/reject",
    operation_class=Keyed,
    status_code=200,
    summary="Reject a request",
    **_DECIDING,
)
async def reject(
    request: ApiRequest, approval_id: FromPath[str], data: JSONBody[Decide | None] = None
) -> Response[ApprovalBody]:
    """Reject or withdraw it; what is approved and not yet done is stopped."""
    merchant_id = merchant_of(request)

    async def work(_: str) -> ApprovalBody:
        return approval_body(await service.reject(merchant_id, approval_id, (data or Decide()).note))

    return await answer_once(request, work, status=200)


@get("/merchant/bank-details", summary="Get the bank details", **_READING)
async def get_bank_details(request: ApiRequest) -> BankDetailsBody:
    """The account that invoices print; empty where there is none."""
    merchant_id = merchant_of(request)
    present = bank_details.present(await access.get_merchant(merchant_id)) or BankDetails("", "")
    waiting = await store.open_one(merchant_id, ApprovalKind.BANK_DETAILS, merchant_id)
    return BankDetailsBody(
        holder=present.holder,
        iban=present.iban,
        bic=present.bic,
        change=approval_body(waiting) if waiting else None,
    )


@put(
    "/merchant/bank-details",
    status_code=202,
    guards=[needs(DECIDE)],
    responses=PROBLEMS,
    tags=["approvals"],
    summary="Ask for other bank details",
)
async def put_bank_details(request: ApiRequest, data: JSONBody[BankDetailsInput]) -> ApprovalBody:
    """Another person has to approve, and invoices print the new account only some time after that.

    The same request again is the same approval.
    """
    details = BankDetails(data.holder, data.iban, data.bic)
    return approval_body(await bank_details.ask_to_change(merchant_of(request), details))


@get("/merchant/approval-policy", summary="Get the approval policy", **_READING)
async def get_policy(request: ApiRequest) -> PolicyBody:
    """What needs an approval."""
    return PolicyBody(refund_limits=await store.refund_limits(merchant_of(request)))


@put(
    "/merchant/approval-policy",
    guards=[needs(DECIDE)],
    responses=ACCEPTED,
    tags=["approvals"],
    summary="Set the approval policy",
)
async def put_policy(request: ApiRequest, data: JSONBody[PolicyInput]) -> Response[PolicyBody | ApprovalBody]:
    """A stricter policy holds at once (200). A looser one needs an approval itself (202)."""
    for currency in data.refund_limits:
        require_currency(currency, f"refund_limits.{currency}")
    waiting = await policy.set_refund_limits(merchant_of(request), data.refund_limits)
    if waiting is not None:
        return Response(approval_body(waiting), status_code=202)
    return Response(PolicyBody(refund_limits=data.refund_limits), status_code=200)


ROUTES = [
    list_approvals,
    get_approval,
    approve,
    reject,
    get_bank_details,
    put_bank_details,
    get_policy,
    put_policy,
]
