"""Routes of deliveries: what was sent to whom and what became of it, sending again, and mails that came back."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter, RawBody

from invoicing import service as invoicing
from invoicing.documents import DocumentType
from invoicing.store import InvoiceRecord
from orchestrator.access.store import bind_idempotency
from orchestrator.billing import quotes, sending
from orchestrator.billing.delivery import bounces, store
from orchestrator.billing.delivery import service as deliveries
from orchestrator.billing.delivery.bounces import BounceResult
from orchestrator.billing.delivery.states import DeliveryKind, DeliveryState
from orchestrator.billing.delivery.store import DeliveryRow
from orchestrator.db import transaction
from orchestrator.errors import Conflict, InvalidField, NotFound
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.invoices import READ, WRITE, found_invoice
from orchestrator.http.openapi import Keyed, KeyedFile
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import Email, Input

BOUNCE_MAX_BYTES = 5_000_000  # some mail servers return the whole mail, with its PDF


class SendDocument(Input):
    """Where to, where that is not the buyer's address."""

    to: Email | None = None


class DeliveryBody(msgspec.Struct, kw_only=True):
    """Something that was to be sent. `sent`: the next mail server took it. `error` says why it did not arrive, or what
    the last try came to."""

    id: str
    object: str = "delivery"
    document_id: str
    thread_id: str
    kind: DeliveryKind
    channel: str
    to: str
    state: DeliveryState
    error: str
    tries: int
    message_id: str | None
    requested_by: str
    created_at: datetime
    sent_at: datetime | None
    finished_at: datetime | None


class MailBounceBody(msgspec.Struct, kw_only=True):
    """What a report came to. `known`: it was known before. `not_a_bounce`: the mail is late or arrived; nothing was
    changed. `report` has the mail server's words."""

    object: str = "mail_bounce"
    result: BounceResult
    report: str
    delivery: DeliveryBody


@get("/deliveries", guards=[needs(READ)], responses=PROBLEMS, tags=["deliveries"], summary="List document deliveries")
async def list_deliveries(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    document_id: Annotated[
        str | None, QueryParameter(max_length=40, description="Of an invoice with all that went in its mail thread.")
    ] = None,
    delivery_state: Annotated[DeliveryState | None, QueryParameter(name="state")] = None,
) -> Page[DeliveryBody]:
    """Newest first."""
    size = page_size(limit)
    rows = await store.deliveries_of(
        merchant_of(request),
        limit=size + 1,
        before_id=starting_after,
        object_id=document_id,
        state=delivery_state,
    )
    return page([delivery_body(row) for row in rows], size)


@get(
    "/deliveries/{document_delivery_id:str}",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["deliveries"],
    summary="Get a document delivery",
)
async def get_delivery(request: ApiRequest, document_delivery_id: FromPath[str]) -> DeliveryBody:
    """The delivery as it is now."""
    return await _found(merchant_of(request), document_delivery_id)


@post(
    "/invoices/{invoice_id:str}/send",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["deliveries"],
    summary="Send an invoice",
)
async def send_invoice(
    request: ApiRequest, invoice_id: FromPath[str], data: JSONBody[SendDocument | None] = None
) -> Response[DeliveryBody]:
    """Mail the issued invoice, again or for the first time, to its buyer or `to` another address."""
    return await _send(request, await found_invoice(merchant_of(request), invoice_id), data)


@post(
    "/credit-notes/{credit_note_id:str}/send",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["deliveries"],
    summary="Send a credit note",
)
async def send_credit_note(
    request: ApiRequest, credit_note_id: FromPath[str], data: JSONBody[SendDocument | None] = None
) -> Response[DeliveryBody]:
    """Mail the credit note, in the thread of its invoice, to its buyer or `to` another address."""
    found = await invoicing.get(merchant_of(request), credit_note_id)
    if found.kind is not DocumentType.CREDIT_NOTE:
        raise NotFound("credit note", credit_note_id)
    return await _send(request, found, data)


@post(
    "/quotes/{quote_id:str}/send",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["deliveries"],
    summary="Send a quote",
)
async def send_quote(
    request: ApiRequest, quote_id: FromPath[str], data: JSONBody[SendDocument | None] = None
) -> Response[DeliveryBody]:
    """Mail the issued quote or pro forma to its buyer or `to` another address."""
    return await _send(request, await quotes.get(merchant_of(request), quote_id), data)


@post(
    "/mail-bounces",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=KeyedFile,
    status_code=200,
    request_max_body_size=BOUNCE_MAX_BYTES,
    tags=["deliveries"],
    summary="Record a mail bounce",
    description="The body is the mail that came back, as it came. Told again, it changes nothing.",
)
async def record_bounce(
    request: ApiRequest,
    body: RawBody,
    recipient: Annotated[
        str, QueryParameter(max_length=320, description="The address that it came to, where the server tells it.")
    ] = "",
) -> Response[MailBounceBody]:
    merchant_id = merchant_of(request)
    if not body:
        raise InvalidField("body", "is empty; send the mail that came back, as it came")

    async def work(_: str) -> MailBounceBody:
        taken = await bounces.take(merchant_id, body, recipient)
        return MailBounceBody(result=taken.result, report=taken.report.words, delivery=delivery_body(taken.delivery))

    return await answer_once(request, work, status=200)


async def _send(request: ApiRequest, document: InvoiceRecord, data: SendDocument | None) -> Response[DeliveryBody]:
    """Raises Conflict for a draft, InvalidField where there is no address."""
    merchant_id, wanted = merchant_of(request), data or SendDocument()

    async def work(idempotency_id: str) -> DeliveryBody:
        if document.document is None:
            raise Conflict("A draft is not sent. Finalize it first; it is mailed then unless `send` is false.")
        to = sending.address_for(document, wanted.to)
        async with transaction():
            row = await sending.request_document(document, to)
            await bind_idempotency(idempotency_id, row.id)
        return delivery_body(row)

    return await answer_once(request, work, lambda delivery_id: _found(merchant_id, delivery_id))


def delivery_body(row: DeliveryRow) -> DeliveryBody:
    return DeliveryBody(
        id=row.id,
        document_id=row.object_id,
        thread_id=row.thread_id,
        kind=row.kind,
        channel=row.channel,
        to=row.recipient,
        state=row.state,
        error=row.error,
        tries=row.tries,
        message_id=row.message_id or None,
        requested_by=row.requested_by,
        created_at=row.created_at,
        sent_at=row.sent_at,
        finished_at=row.finished_at,
    )


async def _found(merchant_id: str, delivery_id: str) -> DeliveryBody:
    return delivery_body(await deliveries.get(merchant_id, delivery_id))


ROUTES = [
    list_deliveries,
    get_delivery,
    send_invoice,
    send_credit_note,
    send_quote,
    record_bounce,
]
