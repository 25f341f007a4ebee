"""Routes of what settles an invoice without a payment, and what settled it: credit, write-off, dispute."""

from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from invoicing import service as invoicing
from orchestrator.billing import service as billing
from orchestrator.billing import settling
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import Work, answer_once
from orchestrator.http.invoice_schemas import ApplicationBody, InvoiceBody, application_body, invoice_body
from orchestrator.http.invoices import READ, WRITE, found_invoice
from orchestrator.http.openapi import Keyed
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import Input, MoneyInput


class SettleInvoice(Input):
    """How much; without `amount` all that is owed, or that there is."""

    amount: MoneyInput | None = None


class DisputeInvoice(Input):
    """What the buyer says."""

    reason: Annotated[str, Meta(max_length=500)] = ""


class ApplicationList(msgspec.Struct, kw_only=True):
    """Everything that settled an invoice, oldest first."""

    object: str = "list"
    data: list[ApplicationBody]


@get(
    "/invoices/{invoice_id:str}/payments",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["invoices"],
    summary="List an invoice's payments",
)
async def list_invoice_payments(request: ApiRequest, invoice_id: FromPath[str]) -> ApplicationList:
    """What settled the invoice: payments, receipts, credit, credit notes, discounts, write-offs, and what went back."""
    merchant_id = merchant_of(request)
    await found_invoice(merchant_id, invoice_id)
    rows = await invoicing.list_applications(merchant_id, invoice_id)
    return ApplicationList(data=[application_body(row) for row in rows])


@post(
    "/invoices/{invoice_id:str}/apply-credit",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["invoices"],
    summary="Apply a customer's credit",
)
async def apply_credit(
    request: ApiRequest, invoice_id: FromPath[str], data: JSONBody[SettleInvoice | None] = None
) -> Response[InvoiceBody]:
    """Pay with the customer's credit: as much as is owed and there is, or the amount."""
    merchant_id = merchant_of(request)
    amount = data.amount.as_money() if data and data.amount else None

    async def work(idempotency_id: str) -> InvoiceBody:
        return invoice_body(await settling.spend_credit(merchant_id, invoice_id, amount, idempotency_id))

    return await _answered(request, merchant_id, work)


@post(
    "/invoices/{invoice_id:str}/write-off",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["invoices"],
    summary="Write off an invoice",
)
async def write_off(
    request: ApiRequest, invoice_id: FromPath[str], data: JSONBody[SettleInvoice | None] = None
) -> Response[InvoiceBody]:
    """Give up a part of what is owed, or all of it: a rest that nobody will ask for. Nothing owed is paid."""
    merchant_id = merchant_of(request)
    amount = data.amount.as_money() if data and data.amount else None

    async def work(idempotency_id: str) -> InvoiceBody:
        return invoice_body(await settling.write_off(merchant_id, invoice_id, amount, idempotency_id))

    return await _answered(request, merchant_id, work)


@post(
    "/invoices/{invoice_id:str}/mark-uncollectible",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["invoices"],
    summary="Mark an invoice uncollectible",
)
async def mark_uncollectible(request: ApiRequest, invoice_id: FromPath[str]) -> Response[InvoiceBody]:
    """Give up all that is owed, and say that the buyer will not pay. A payment that comes after all recovers it."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> InvoiceBody:
        return invoice_body(await settling.mark_uncollectible(merchant_id, invoice_id, idempotency_id))

    return await _answered(request, merchant_id, work)


@post(
    "/invoices/{invoice_id:str}/dispute",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["invoices"],
    summary="Mark an invoice disputed",
)
async def dispute_invoice(
    request: ApiRequest, invoice_id: FromPath[str], data: JSONBody[DisputeInvoice | None] = None
) -> Response[InvoiceBody]:
    """The buyer contests it: reminders pause until that is settled. It can be paid or credited meanwhile."""
    merchant_id, reason = merchant_of(request), data.reason if data else ""

    async def work(idempotency_id: str) -> InvoiceBody:
        return invoice_body(await billing.set_disputed(merchant_id, invoice_id, True, reason, idempotency_id))

    return await _answered(request, merchant_id, work)


@post(
    "/invoices/{invoice_id:str}/end-dispute",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["invoices"],
    summary="End an invoice's dispute",
)
async def end_dispute(request: ApiRequest, invoice_id: FromPath[str]) -> Response[InvoiceBody]:
    """The buyer no longer contests it: reminders go on."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> InvoiceBody:
        changed = await billing.set_disputed(merchant_id, invoice_id, False, idempotency_id=idempotency_id)
        return invoice_body(changed)

    return await _answered(request, merchant_id, work)


async def _answered(request: ApiRequest, merchant_id: str, work: Work) -> Response[InvoiceBody]:
    async def rebuild(invoice_id: str) -> InvoiceBody:
        return invoice_body(await found_invoice(merchant_id, invoice_id))

    return await answer_once(request, work, rebuild, status=200)


ROUTES = [
    list_invoice_payments,
    apply_credit,
    write_off,
    mark_uncollectible,
    dispute_invoice,
    end_dispute,
]
