"""Routes of credit notes: what was issued is corrected by them, never changed."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from invoicing import service as invoicing
from invoicing.credit import CreditPart
from invoicing.documents import DocumentType, Party
from invoicing.einvoice.formats import Format
from invoicing.problems import OpenProblem
from invoicing.store import InvoiceFilter, InvoiceRecord
from orchestrator.billing import credit_notes
from orchestrator.errors import NotFound
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.invoice_inputs import DecimalText
from orchestrator.http.invoice_schemas import LineBody, line_bodies
from orchestrator.http.invoices import READ, WRITE, EInvoiceFormat, XmlAnswer, pdf_answer, xml_answer
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import Input, MoneyBody, money_body


class CreditPartInput(Input):
    """What of one item is credited: `item` counts the invoice's lines from 0, and after them its charges. Give a
    `quantity`, an `amount` in major units as the invoice's prices are, or neither for all that is left of it."""

    item: Annotated[int, Meta(ge=0, le=2000)]
    quantity: DecimalText | None = None
    amount: DecimalText | None = None


class CreateCreditNote(Input):
    """Credits parts of an issued invoice, or without `parts` all that is left of it. It is issued at once."""

    invoice_id: Annotated[str, Meta(min_length=1, max_length=40)]
    parts: Annotated[list[CreditPartInput], Meta(min_length=1, max_length=1000)] | None = None
    note: Annotated[str, Meta(max_length=2000)] = ""
    issue_date: date | None = None
    send: bool = True


class CreditNoteBody(msgspec.Struct, kw_only=True):
    """A credit note. What of it the invoice did not owe any more is the customer's credit."""

    id: str
    object: str = "credit_note"
    number: str
    invoice_id: str
    customer_id: str | None
    buyer: Party
    currency: str
    lines: list[LineBody]
    net: MoneyBody
    tax: MoneyBody
    total: MoneyBody
    issue_date: date
    note: str
    created_at: datetime
    problems: list[OpenProblem]


@post(
    "/credit-notes",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["credit notes"],
    summary="Create a credit note",
)
async def create_credit_note(request: ApiRequest, data: JSONBody[CreateCreditNote]) -> Response[CreditNoteBody]:
    """Issue a credit note: it settles what is still owed of the invoice, and the rest is the customer's credit."""
    merchant_id = merchant_of(request)
    parts = None if data.parts is None else [_part(part) for part in data.parts]

    async def work(idempotency_id: str) -> CreditNoteBody:
        made = await credit_notes.issue(
            merchant_id,
            data.invoice_id,
            parts,
            note=data.note,
            issue_date=data.issue_date,
            send_mail=data.send,
            idempotency_id=idempotency_id,
        )
        return credit_note_body(made)

    return await answer_once(request, work, lambda found_id: _found(merchant_id, found_id))


@get(
    "/credit-notes",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["credit notes"],
    summary="List credit notes",
)
async def list_credit_notes(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    invoice_id: Annotated[str | None, QueryParameter(max_length=40)] = None,
    customer_id: Annotated[str | None, QueryParameter(name="customer_id", max_length=40)] = None,
    number: Annotated[str | None, QueryParameter(max_length=40)] = None,
) -> Page[CreditNoteBody]:
    """Newest first."""
    size = min(page_size(limit), invoicing.MAX_PAGE - 1)
    wanted = InvoiceFilter(kind=DocumentType.CREDIT_NOTE, origin_id=invoice_id, customer_id=customer_id, number=number)
    found = await invoicing.list_invoices(merchant_of(request), limit=size + 1, before_id=starting_after, wanted=wanted)
    return page([credit_note_body(one) for one in found], size)


@get(
    "/credit-notes/{credit_note_id:str}",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["credit notes"],
    summary="Get a credit note",
)
async def get_credit_note(request: ApiRequest, credit_note_id: FromPath[str]) -> CreditNoteBody:
    """The credit note as it was issued."""
    return await _found(merchant_of(request), credit_note_id)


@get(
    "/credit-notes/{credit_note_id:str}/pdf",
    guards=[needs(READ)],
    responses=PROBLEMS,
    media_type="application/pdf",
    tags=["credit notes"],
    summary="Get a credit note's PDF",
)
async def get_credit_note_pdf(request: ApiRequest, credit_note_id: FromPath[str]) -> Response[bytes]:
    """The PDF of a credit note: the same bytes each time."""
    merchant_id = merchant_of(request)
    await _found(merchant_id, credit_note_id)
    return await pdf_answer(merchant_id, credit_note_id)


@get(
    "/credit-notes/{credit_note_id:str}/xml",
    guards=[needs(READ)],
    responses=PROBLEMS,
    media_type="application/xml",
    tags=["credit notes"],
    summary="Get a credit note as an e-invoice",
)
async def get_credit_note_xml(
    request: ApiRequest, credit_note_id: FromPath[str], form: EInvoiceFormat = Format.FACTUR_X
) -> XmlAnswer:
    """The credit note in a format of EN 16931, held against its rules; 422 names what they refuse."""
    merchant_id = merchant_of(request)
    await _found(merchant_id, credit_note_id)
    return await xml_answer(merchant_id, credit_note_id, form)


def credit_note_body(row: InvoiceRecord) -> CreditNoteBody:
    assert row.document is not None  # it is issued when it is made
    return CreditNoteBody(
        id=row.id,
        number=row.document.number,
        invoice_id=row.origin_id or "",
        customer_id=row.customer_id or None,
        buyer=row.document.content.buyer,
        currency=row.total.currency,
        lines=line_bodies(row.document.content, row.document.totals),
        net=money_body(row.net),
        tax=money_body(row.tax),
        total=money_body(row.total),
        issue_date=row.document.issue_date,
        note=row.document.content.note,
        created_at=row.created_at,
        problems=list(row.problems),
    )


def _part(given: CreditPartInput) -> CreditPart:
    return CreditPart(
        item=given.item,
        quantity=None if given.quantity is None else Decimal(given.quantity),
        amount=None if given.amount is None else Decimal(given.amount),
    )


async def _found(merchant_id: str, credit_note_id: str) -> CreditNoteBody:
    row = await invoicing.get(merchant_id, credit_note_id)
    if row.kind is not DocumentType.CREDIT_NOTE:
        raise NotFound("credit note", credit_note_id)
    return credit_note_body(row)


ROUTES = [create_credit_note, list_credit_notes, get_credit_note, get_credit_note_pdf, get_credit_note_xml]
