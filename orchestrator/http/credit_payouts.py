"""Routes of credit that was paid back to customers outside of the gateways."""

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta

from invoicing import reversal_store
from invoicing.reversal_store import PayoutRow
from orchestrator.approvals import service as approvals
from orchestrator.billing import credit_payouts, payout_approvals
from orchestrator.billing.credit_payouts import NewPayout
from orchestrator.customers import service as customers
from orchestrator.errors import InvalidField
from orchestrator.http.approvals import ACCEPTED, ApprovalBody, approval_body
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.invoices import READ, WRITE
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import Input, MoneyBody, MoneyInput, money_body


class CreatePayout(Input, kw_only=True):
    """Credit that was paid back, with a `reference` that no other payout has, such as the bank's."""

    customer_id: Annotated[str, Meta(min_length=1, max_length=40)]
    amount: MoneyInput
    reference: Annotated[str, Meta(min_length=1, max_length=140)]
    paid_on: date


class PayoutBody(msgspec.Struct, kw_only=True):
    """Credit that a customer got back outside of the gateways."""

    id: str
    object: str = "credit_payout"
    customer_id: str
    amount: MoneyBody
    reference: str
    paid_on: date
    created_at: datetime


@post(
    "/customer-credits/payouts",
    guards=[needs(WRITE)],
    responses=ACCEPTED,
    operation_class=Keyed,
    tags=["receipts"],
    summary="Record a payout of credit",
)
async def create_credit_payout(
    request: ApiRequest, data: JSONBody[CreatePayout]
) -> Response[PayoutBody | ApprovalBody]:
    """Record that a customer's credit was paid back, such as by bank transfer. No money is moved by this.

    Above the merchant's limit it is an approval that is made (202), and the payout once another has approved it.
    """
    merchant_id, reference = merchant_of(request), data.reference.strip()
    if not reference:
        raise InvalidField("reference", "must say by what it is told from other payouts, such as the bank's reference")

    await customers.get(merchant_id, data.customer_id)
    new = NewPayout(data.customer_id, data.amount.as_money(), reference, data.paid_on)
    if await payout_approvals.is_needed(merchant_id, new):
        return await _ask(request, new)

    async def work(idempotency_id: str) -> PayoutBody:
        return _body(await credit_payouts.pay_out(merchant_id, new, idempotency_id))

    return await answer_once(request, work, lambda made_id: _made(merchant_id, made_id))


async def _ask(request: ApiRequest, new: NewPayout) -> Response[Any]:
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> ApprovalBody:
        return approval_body(await payout_approvals.ask(merchant_id, new, idempotency_id))

    return await answer_once(request, work, lambda made_id: _made(merchant_id, made_id), status=202)


async def _made(merchant_id: str, made_id: str) -> PayoutBody | ApprovalBody:
    """What the request made. By the time that it is asked again, what needed an approval may be recorded."""
    if made_id.startswith("apr_"):
        return approval_body(await approvals.get(merchant_id, made_id))
    return _body(await credit_payouts.get(merchant_id, made_id))


@get(
    "/customer-credits/payouts",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["receipts"],
    summary="List payouts of credit",
)
async def list_credit_payouts(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    customer_id: Annotated[str | None, QueryParameter(name="customer_id", max_length=40)] = None,
) -> Page[PayoutBody]:
    """Newest first."""
    size = page_size(limit)
    rows = await reversal_store.list_payouts(
        merchant_of(request), limit=size + 1, before_id=starting_after, customer_id=customer_id
    )
    return page([_body(row) for row in rows], size)


def _body(row: PayoutRow) -> PayoutBody:
    return PayoutBody(
        id=row.id,
        customer_id=row.customer_id,
        amount=money_body(row.amount),
        reference=row.reference,
        paid_on=row.paid_on,
        created_at=row.created_at,
    )


ROUTES = [create_credit_payout, list_credit_payouts]
