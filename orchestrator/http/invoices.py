"""Routes of invoices."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from invoicing import service as invoicing
from invoicing.lifecycle import InvoiceState
from orchestrator.access import service as access
from orchestrator.billing import service as billing
from orchestrator.customers import service as customers
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.invoice_schemas import (
    CreateInvoice,
    FinalizeInvoice,
    InvoiceBody,
    draft_from,
    invoice_body,
)
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import require_currency

READ, WRITE = "invoices:read", "invoices:write"


@post(
    "/invoices",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["invoices"],
    summary="Create an invoice",
)
async def create_invoice(request: ApiRequest, data: JSONBody[CreateInvoice]) -> Response[InvoiceBody]:
    """Create a draft with its sums. It has no number and owes nothing before it is finalized."""
    merchant_id = merchant_of(request)
    require_currency(data.currency, "currency")

    async def work(idempotency_id: str) -> InvoiceBody:
        merchant = await access.get_merchant(merchant_id)
        customer = await customers.get(merchant_id, data.customer_id) if data.customer_id else None
        draft = draft_from(data, merchant, customer)
        made = await billing.create_draft(merchant_id, customer.id if customer else "", draft, idempotency_id)
        return invoice_body(made)

    return await answer_once(request, work, lambda invoice_id: _found(merchant_id, invoice_id))


@get("/invoices", guards=[needs(READ)], responses=PROBLEMS, tags=["invoices"], summary="List invoices")
async def list_invoices(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    invoice_state: Annotated[InvoiceState | None, QueryParameter(name="state")] = None,
    customer_id: Annotated[str | None, QueryParameter(name="customer_id", max_length=40)] = None,
) -> Page[InvoiceBody]:
    """Newest first."""
    size = min(page_size(limit), invoicing.MAX_PAGE - 1)  # one more is asked for, to know whether there is more
    found = await invoicing.list_invoices(
        merchant_of(request), limit=size + 1, before_id=starting_after, customer_id=customer_id, state=invoice_state
    )
    return page([invoice_body(invoice) for invoice in found], size)


@get(
    "/invoices/{invoice_id:str}", guards=[needs(READ)], responses=PROBLEMS, tags=["invoices"], summary="Get an invoice"
)
async def get_invoice(request: ApiRequest, invoice_id: FromPath[str]) -> InvoiceBody:
    """The invoice as it is now."""
    return await _found(merchant_of(request), invoice_id)


@post(
    "/invoices/{invoice_id:str}/finalize",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["invoices"],
    summary="Issue an invoice",
)
async def finalize_invoice(
    request: ApiRequest, invoice_id: FromPath[str], data: JSONBody[FinalizeInvoice | None] = None
) -> Response[InvoiceBody]:
    """Issue the draft: it gets its number and date for good, and is mailed unless `send` is false."""
    merchant_id, asked = merchant_of(request), data or FinalizeInvoice()

    async def work(idempotency_id: str) -> InvoiceBody:
        issued = await billing.finalize(
            merchant_id,
            invoice_id,
            issue_date=asked.issue_date,
            send_mail=asked.send,
            idempotency_id=idempotency_id,
        )
        return invoice_body(issued)

    return await answer_once(request, work, lambda found_id: _found(merchant_id, found_id), status=200)


@get(
    "/invoices/{invoice_id:str}/pdf",
    guards=[needs(READ)],
    responses=PROBLEMS,
    media_type="application/pdf",
    tags=["invoices"],
    summary="Get an invoice's PDF",
)
async def get_pdf(request: ApiRequest, invoice_id: FromPath[str]) -> Response[bytes]:
    """The PDF of an issued invoice: the same bytes each time."""
    merchant_id = merchant_of(request)
    content = await billing.pdf_of(merchant_id, invoice_id)
    number = (await invoicing.get(merchant_id, invoice_id)).number
    headers = {"Content-Disposition": f'attachment; filename="{number}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


async def _found(merchant_id: str, invoice_id: str) -> InvoiceBody:
    return invoice_body(await invoicing.get(merchant_id, invoice_id))


ROUTES = [create_invoice, list_invoices, get_invoice, finalize_invoice, get_pdf]
