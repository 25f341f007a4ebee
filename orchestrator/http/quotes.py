"""Routes of quotes and pro forma invoices: documents by which nothing is owed, until they are accepted."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from invoicing import service as invoicing
from invoicing.documents import DocumentType, Party, compute
from invoicing.lifecycle import InvoiceState
from invoicing.problems import OpenProblem
from invoicing.quote_service import is_expired
from invoicing.store import InvoiceFilter, InvoiceRecord
from orchestrator import clock_port
from orchestrator.billing import quotes
from orchestrator.billing import service as billing
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.invoice_inputs import CreateSalesQuote, FinalizeInvoice
from orchestrator.http.invoice_schemas import InvoiceBody, LineBody, invoice_body, line_bodies
from orchestrator.http.invoices import READ, WRITE, drafted, found_invoice, pdf_answer
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import Input, MoneyBody, money_body, require_currency


class DeclineSalesQuote(Input):
    """Why."""

    reason: Annotated[str, Meta(max_length=500)] = ""


class SalesQuoteBody(msgspec.Struct, kw_only=True):
    """A quote or pro forma. `expired` is true once its last day is over without an answer; `invoice_id` is the invoice
    that it became when it was accepted."""

    id: str
    object: str = "sales_quote"
    kind: DocumentType
    state: InvoiceState
    expired: bool
    number: str | None
    customer_id: str | None
    buyer: Party
    currency: str
    lines: list[LineBody]
    net: MoneyBody
    tax: MoneyBody
    total: MoneyBody
    issue_date: date | None
    valid_until: date | None
    reference: str
    invoice_id: str | None
    note: str
    created_at: datetime
    problems: list[OpenProblem]


@post(
    "/quotes",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["quotes"],
    summary="Create a sales quote",
)
async def create_quote(request: ApiRequest, data: JSONBody[CreateSalesQuote]) -> Response[SalesQuoteBody]:
    """Create the draft of a quote, or of a pro forma invoice, with its sums."""
    merchant_id = merchant_of(request)
    require_currency(data.currency, "currency")

    async def work(idempotency_id: str) -> SalesQuoteBody:
        customer_id, draft = await drafted(merchant_id, data, DocumentType(data.kind))
        made = await billing.create_draft(
            merchant_id,
            customer_id,
            draft,
            idempotency_id,
            reference=data.reference,
            valid_until=data.valid_until,
        )
        return quote_body(made)

    return await answer_once(request, work, lambda quote_id: _found(merchant_id, quote_id))


@get("/quotes", guards=[needs(READ)], responses=PROBLEMS, tags=["quotes"], summary="List sales quotes")
async def list_quotes(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    kind: Annotated[Literal["quote", "proforma"], QueryParameter(name="kind")] = "quote",
    quote_state: Annotated[InvoiceState | None, QueryParameter(name="state")] = None,
    customer_id: Annotated[str | None, QueryParameter(name="customer_id", max_length=40)] = None,
    q: Annotated[str | None, QueryParameter(max_length=100, description="In number, reference, buyer's name.")] = None,
) -> Page[SalesQuoteBody]:
    """Newest first."""
    size = min(page_size(limit), invoicing.MAX_PAGE - 1)
    wanted = InvoiceFilter(kind=DocumentType(kind), state=quote_state, customer_id=customer_id, text=q)
    found = await invoicing.list_invoices(merchant_of(request), limit=size + 1, before_id=starting_after, wanted=wanted)
    became = await quotes.invoices_of(found)
    return page([quote_body(one, became.get(one.id)) for one in found], size)


@get("/quotes/{quote_id:str}", guards=[needs(READ)], responses=PROBLEMS, tags=["quotes"], summary="Get a sales quote")
async def get_quote(request: ApiRequest, quote_id: FromPath[str]) -> SalesQuoteBody:
    """The quote as it is now."""
    return await _found(merchant_of(request), quote_id)


@put(
    "/quotes/{quote_id:str}",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    tags=["quotes"],
    summary="Replace a draft sales quote",
)
async def replace_quote(
    request: ApiRequest, quote_id: FromPath[str], data: JSONBody[CreateSalesQuote]
) -> SalesQuoteBody:
    """Put another content into a draft; its kind stays."""
    merchant_id = merchant_of(request)
    require_currency(data.currency, "currency")
    await quotes.get(merchant_id, quote_id)
    customer_id, draft = await drafted(merchant_id, data, DocumentType(data.kind))
    changed = await billing.change_draft(
        merchant_id, quote_id, customer_id, draft, reference=data.reference, valid_until=data.valid_until
    )
    return quote_body(changed)


@delete(
    "/quotes/{quote_id:str}",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    tags=["quotes"],
    summary="Delete a draft sales quote",
)
async def delete_quote(request: ApiRequest, quote_id: FromPath[str]) -> None:
    """Only a draft is deleted; what was issued expires or is declined."""
    merchant_id = merchant_of(request)
    await quotes.get(merchant_id, quote_id)
    await billing.delete_draft(merchant_id, quote_id)


@post(
    "/quotes/{quote_id:str}/finalize",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["quotes"],
    summary="Issue a sales quote",
)
async def finalize_quote(
    request: ApiRequest, quote_id: FromPath[str], data: JSONBody[FinalizeInvoice | None] = None
) -> Response[SalesQuoteBody]:
    """Give it a number of its own series and mail it. No money is booked, and no invoice number is used."""
    merchant_id, asked = merchant_of(request), data or FinalizeInvoice()

    async def work(idempotency_id: str) -> SalesQuoteBody:
        quote = await quotes.get(merchant_id, quote_id)
        await quotes.require_in_time(quote, asked.issue_date)
        issued = await billing.finalize(
            merchant_id,
            quote_id,
            issue_date=asked.issue_date,
            send_mail=asked.send,
            kind=quote.kind,
            series=asked.series,
            idempotency_id=idempotency_id,
        )
        return quote_body(issued)

    return await answer_once(request, work, lambda found_id: _found(merchant_id, found_id), status=200)


@post(
    "/quotes/{quote_id:str}/accept",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["quotes"],
    summary="Accept a sales quote",
)
async def accept_quote(request: ApiRequest, quote_id: FromPath[str]) -> Response[InvoiceBody]:
    """Make the draft of its invoice, once. Refused after its last day."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> InvoiceBody:
        return invoice_body(await quotes.accept(merchant_id, quote_id, idempotency_id))

    async def rebuild(invoice_id: str) -> InvoiceBody:
        return invoice_body(await found_invoice(merchant_id, invoice_id))

    return await answer_once(request, work, rebuild)


@post(
    "/quotes/{quote_id:str}/decline",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["quotes"],
    summary="Decline a sales quote",
)
async def decline_quote(
    request: ApiRequest, quote_id: FromPath[str], data: JSONBody[DeclineSalesQuote | None] = None
) -> Response[SalesQuoteBody]:
    """The buyer does not want it."""
    merchant_id, reason = merchant_of(request), data.reason if data else ""

    async def work(idempotency_id: str) -> SalesQuoteBody:
        return quote_body(await quotes.decline(merchant_id, quote_id, reason, idempotency_id))

    return await answer_once(request, work, lambda found_id: _found(merchant_id, found_id), status=200)


@get(
    "/quotes/{quote_id:str}/pdf",
    guards=[needs(READ)],
    responses=PROBLEMS,
    media_type="application/pdf",
    tags=["quotes"],
    summary="Get a sales quote's PDF",
)
async def get_quote_pdf(request: ApiRequest, quote_id: FromPath[str]) -> Response[bytes]:
    """The PDF of an issued quote."""
    merchant_id = merchant_of(request)
    await quotes.get(merchant_id, quote_id)
    return await pdf_answer(merchant_id, quote_id)


def quote_body(row: InvoiceRecord, invoice_id: str | None = None) -> SalesQuoteBody:
    content = row.document.content if row.document else row.draft
    return SalesQuoteBody(
        id=row.id,
        kind=row.kind,
        state=row.state,
        expired=is_expired(row, clock_port.now().date()),
        number=row.number,
        customer_id=row.customer_id or None,
        buyer=content.buyer,
        currency=content.currency,
        lines=line_bodies(content, row.document.totals if row.document else compute(content)),
        net=money_body(row.net),
        tax=money_body(row.tax),
        total=money_body(row.total),
        issue_date=row.issue_date,
        valid_until=row.valid_until,
        reference=row.reference,
        invoice_id=invoice_id,
        note=content.note,
        created_at=row.created_at,
        problems=list(row.problems),
    )


async def _found(merchant_id: str, quote_id: str) -> SalesQuoteBody:
    quote = await quotes.get(merchant_id, quote_id)
    return quote_body(quote, (await quotes.invoices_of([quote])).get(quote_id))


ROUTES = [
    create_quote,
    list_quotes,
    get_quote,
    replace_quote,
    delete_quote,
    finalize_quote,
    accept_quote,
    decline_quote,
    get_quote_pdf,
]
