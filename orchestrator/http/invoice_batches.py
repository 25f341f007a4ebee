"""Routes of batches: many drafts issued and sent in the background."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from invoicing.batch_store import BatchItem, ItemState
from orchestrator.billing import batches
from orchestrator.billing.batches import Progress
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.invoices import READ, WRITE
from orchestrator.http.openapi import Keyed
from orchestrator.http.problems import INVOICING_CODES, PROBLEMS
from orchestrator.http.schemas import Input


class CreateInvoiceBatch(Input):
    """Drafts of invoices to issue, in this order; `issue_date` is the day of each one's turn when left out."""

    invoice_ids: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=40)]], Meta(min_length=1, max_length=batches.INVOICES_MAX)
    ]
    issue_date: date | None = None
    send: bool = True


class RefusedItem(msgspec.Struct, kw_only=True):
    """A draft that was not issued, and why: `code` is that of the problem that issuing it alone would give. What failed
    with `internal_error` is tried again by issuing it alone, or in another batch."""

    invoice_id: str
    code: str
    message: str


class InvoiceBatchBody(msgspec.Struct, kw_only=True):
    """How far a batch is. `refused_items` are the first hundred that could not be issued: those that were refused, and
    those that `failed` by an error of ours, each time of several."""

    id: str
    object: str = "invoice_batch"
    waiting: int
    issued: int
    refused: int
    failed: int
    refused_items: list[RefusedItem]
    created_at: datetime
    finished_at: datetime | None


@post(
    "/invoice-batches",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=202,
    tags=["invoices"],
    summary="Issue many invoices",
)
async def create_invoice_batch(request: ApiRequest, data: JSONBody[CreateInvoiceBatch]) -> Response[InvoiceBatchBody]:
    """Issue and mail drafts in the background, each once. Ask for the batch to see how far it is."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> InvoiceBatchBody:
        begun = await batches.begin(
            merchant_id,
            data.invoice_ids,
            issue_date=data.issue_date,
            send_mail=data.send,
            idempotency_id=idempotency_id,
        )
        return _body(begun)

    return await answer_once(request, work, lambda batch_id: _found(merchant_id, batch_id), status=202)


@get(
    "/invoice-batches/{batch_id:str}",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["invoices"],
    summary="Get an invoice batch",
)
async def get_invoice_batch(request: ApiRequest, batch_id: FromPath[str]) -> InvoiceBatchBody:
    """How far it is, and what was refused."""
    return await _found(merchant_of(request), batch_id)


def _body(progress: Progress) -> InvoiceBatchBody:
    return InvoiceBatchBody(
        id=progress.batch.id,
        waiting=progress.counts.get(ItemState.WAITING, 0),
        issued=progress.counts.get(ItemState.ISSUED, 0),
        refused=progress.counts.get(ItemState.REFUSED, 0),
        failed=progress.counts.get(ItemState.FAILED, 0),
        refused_items=[_refused(item) for item in progress.refused],
        created_at=progress.batch.created_at,
        finished_at=progress.batch.finished_at,
    )


def _refused(item: BatchItem) -> RefusedItem:
    """Of what is an error of ours nothing is told; the item keeps it, and the log has it."""
    if item.state is ItemState.FAILED:
        message = f"Something broke here {item.tries} times, and it was logged. Issue this draft alone to try again."
        return RefusedItem(invoice_id=item.invoice_id, code="internal_error", message=message)
    code = INVOICING_CODES.get(item.code, "conflict")
    return RefusedItem(invoice_id=item.invoice_id, code=code, message=item.message)


async def _found(merchant_id: str, batch_id: str) -> InvoiceBatchBody:
    return _body(await batches.get(merchant_id, batch_id))


ROUTES = [create_invoice_batch, get_invoice_batch]
