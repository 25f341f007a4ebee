"""Routes of invoices: drafted, changed, found, issued, printed."""

from datetime import date
from typing import Annotated

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from invoicing import service as invoicing
from invoicing.documents import DocumentType, DraftInvoice
from invoicing.einvoice.formats import Format
from invoicing.einvoice.mandates import Channel
from invoicing.errors import InvoiceNotFound
from invoicing.lifecycle import InvoiceState
from invoicing.problems import ProblemKind
from invoicing.store import InvoiceFilter, InvoiceRecord
from orchestrator.access import service as access
from orchestrator.billing import credit_notes, documents
from orchestrator.billing import service as billing
from orchestrator.billing.einvoices import service as einvoices
from orchestrator.billing.transmissions import store as transmission_store
from orchestrator.customers import service as customers
from orchestrator.http import pdf_answers
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.invoice_drafting import draft_from
from orchestrator.http.invoice_inputs import CreateInvoice, FinalizeInvoice
from orchestrator.http.invoice_schemas import InvoiceBody, invoice_body
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import require_currency
from orchestrator.http.transmission_schemas import transmission_summary

READ, WRITE = "invoices:read", "invoices:write"
EInvoiceFormat = Annotated[Format, QueryParameter(name="format", description="Which kind of e-invoice.")]
XmlAnswer = Response[bytes]


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
        customer_id, draft = await drafted(merchant_id, data, DocumentType.INVOICE)
        made = await billing.create_draft(merchant_id, customer_id, draft, idempotency_id, reference=data.reference)
        return invoice_body(made)

    return await answer_once(request, work, lambda invoice_id: _found(merchant_id, invoice_id))


@get("/invoices", guards=[needs(READ)], responses=PROBLEMS, tags=["invoices"], summary="List invoices")
async def list_invoices(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    invoice_state: Annotated[InvoiceState | None, QueryParameter(name="state")] = None,
    customer_id: Annotated[str | None, QueryParameter(name="customer_id", max_length=40)] = None,
    number: Annotated[str | None, QueryParameter(max_length=40)] = None,
    reference: Annotated[str | None, QueryParameter(max_length=100)] = None,
    currency: Annotated[str | None, QueryParameter(max_length=3)] = None,
    amount: Annotated[int | None, QueryParameter(ge=0, le=10**15, description="The total, in minor units.")] = None,
    due_from: Annotated[date | None, QueryParameter(description="Due on this day or later.")] = None,
    due_to: Annotated[date | None, QueryParameter(description="Due on this day or sooner.")] = None,
    disputed: Annotated[bool | None, QueryParameter(description="Whether the buyer contests it.")] = None,
    origin_id: Annotated[str | None, QueryParameter(max_length=40, description="What it was made from.")] = None,
    problem: Annotated[ProblemKind | None, QueryParameter(description="That the document has now.")] = None,
    q: Annotated[str | None, QueryParameter(max_length=100, description="In number, reference, buyer's name.")] = None,
) -> Page[InvoiceBody]:
    """Newest first, narrowed by all that is given."""
    size = min(page_size(limit), invoicing.MAX_PAGE - 1)  # one more is asked for, to know whether there is more
    wanted = InvoiceFilter(
        state=invoice_state,
        customer_id=customer_id,
        number=number,
        reference=reference,
        currency=currency,
        total=amount,
        due_from=due_from,
        due_to=due_to,
        is_disputed=disputed,
        origin_id=origin_id,
        problem=problem,
        text=q,
    )
    found = await invoicing.list_invoices(merchant_of(request), limit=size + 1, before_id=starting_after, wanted=wanted)
    return page([invoice_body(invoice) for invoice in found], size)


@get(
    "/invoices/{invoice_id:str}", guards=[needs(READ)], responses=PROBLEMS, tags=["invoices"], summary="Get an invoice"
)
async def get_invoice(request: ApiRequest, invoice_id: FromPath[str]) -> InvoiceBody:
    """The invoice as it is now. Only here `transmissions` are shown, of an invoice that went by another channel than
    e-mail."""
    merchant_id = merchant_of(request)
    body = await _found(merchant_id, invoice_id)
    rows = await transmission_store.of_merchant(merchant_id, document_id=invoice_id, limit=len(Channel))
    body.transmissions = [transmission_summary(row) for row in rows] or None
    return body


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
            series=asked.series,
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
    await found_invoice(merchant_id, invoice_id)
    return await pdf_answer(merchant_id, invoice_id)


@get(
    "/invoices/{invoice_id:str}/xml",
    guards=[needs(READ)],
    responses=PROBLEMS,
    media_type="application/xml",
    tags=["invoices"],
    summary="Get an invoice as an e-invoice",
)
async def get_xml(request: ApiRequest, invoice_id: FromPath[str], form: EInvoiceFormat = Format.FACTUR_X) -> XmlAnswer:
    """The issued invoice in a format of EN 16931, held against its rules; 422 names what they refuse."""
    merchant_id = merchant_of(request)
    await found_invoice(merchant_id, invoice_id)
    return await xml_answer(merchant_id, invoice_id, form)


@put(
    "/invoices/{invoice_id:str}",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    tags=["invoices"],
    summary="Replace a draft invoice",
)
async def replace_invoice(request: ApiRequest, invoice_id: FromPath[str], data: JSONBody[CreateInvoice]) -> InvoiceBody:
    """Put another content into a draft. What was issued stays as it is: credit it and issue another."""
    merchant_id = merchant_of(request)
    require_currency(data.currency, "currency")
    await found_invoice(merchant_id, invoice_id)
    customer_id, draft = await drafted(merchant_id, data, DocumentType.INVOICE)
    changed = await billing.change_draft(merchant_id, invoice_id, customer_id, draft, reference=data.reference)
    return invoice_body(changed)


@delete(
    "/invoices/{invoice_id:str}",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    tags=["invoices"],
    summary="Delete a draft invoice",
)
async def delete_invoice(request: ApiRequest, invoice_id: FromPath[str]) -> None:
    """Only a draft is deleted: it has no number, so that no gap remains. What was issued is credited."""
    merchant_id = merchant_of(request)
    await found_invoice(merchant_id, invoice_id)
    await billing.delete_draft(merchant_id, invoice_id)


@post(
    "/invoices/{invoice_id:str}/duplicate",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["invoices"],
    summary="Duplicate an invoice",
)
async def duplicate_invoice(request: ApiRequest, invoice_id: FromPath[str]) -> Response[InvoiceBody]:
    """A draft with the same content."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> InvoiceBody:
        return invoice_body(await credit_notes.duplicate(merchant_id, invoice_id, idempotency_id))

    return await answer_once(request, work, lambda found_id: _found(merchant_id, found_id))


@post(
    "/invoices/{invoice_id:str}/reissue",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["invoices"],
    summary="Reissue an invoice",
)
async def reissue_invoice(request: ApiRequest, invoice_id: FromPath[str]) -> Response[InvoiceBody]:
    """Credit all that is left of an issued invoice, and give a draft of the same content to be corrected."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> InvoiceBody:
        return invoice_body(await credit_notes.reissue(merchant_id, invoice_id, idempotency_id=idempotency_id))

    return await answer_once(request, work, lambda found_id: _found(merchant_id, found_id))


async def drafted(merchant_id: str, data: CreateInvoice, kind: DocumentType) -> tuple[str, DraftInvoice]:
    """The customer's id, or nothing, and the document that is asked for. Raises NotFound and what `draft_from` does."""
    merchant = await access.get_merchant(merchant_id)
    customer = await customers.get(merchant_id, data.customer_id) if data.customer_id else None
    return customer.id if customer else "", draft_from(data, merchant, customer, kind)


async def pdf_answer(merchant_id: str, document_id: str) -> Response[bytes]:
    """The PDF of an issued document. Raises Conflict for a draft."""
    content = await documents.pdf_of(merchant_id, document_id)
    number = (await invoicing.get(merchant_id, document_id)).number
    return pdf_answers.pdf_answer(number or "draft", content)


async def xml_answer(merchant_id: str, document_id: str, form: Format) -> XmlAnswer:
    """The e-invoice of an issued document. Raises as `einvoices.einvoice_of`."""
    prepared = await einvoices.einvoice_of(merchant_id, document_id, form)
    return Response(prepared.xml, media_type="application/xml")


async def found_invoice(merchant_id: str, invoice_id: str) -> InvoiceRecord:
    """Raises InvoiceNotFound, also for a document of another kind."""
    found = await invoicing.get(merchant_id, invoice_id)
    if found.kind is not DocumentType.INVOICE:
        raise InvoiceNotFound(invoice_id)
    return found


async def _found(merchant_id: str, invoice_id: str) -> InvoiceBody:
    return invoice_body(await found_invoice(merchant_id, invoice_id))


ROUTES = [
    create_invoice,
    list_invoices,
    get_invoice,
    replace_invoice,
    delete_invoice,
    finalize_invoice,
    get_pdf,
    get_xml,
    duplicate_invoice,
    reissue_invoice,
]
