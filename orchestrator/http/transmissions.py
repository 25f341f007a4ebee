"""Routes of transmissions: e-invoices on their way to their buyers."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from invoicing.einvoice.transmission import TransmissionState
from orchestrator.billing.transmissions import acknowledging, store
from orchestrator.billing.transmissions import service as transmissions
from orchestrator.billing.transmissions.store import TransmissionRow
from orchestrator.errors import Conflict
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.invoices import READ, WRITE
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.transmission_schemas import (
    CreateTransmission,
    ReportAcknowledgement,
    TransmissionBody,
    transmission_body,
)

ACKNOWLEDGEMENTS_MAX = 100


@get("/transmissions", guards=[needs(READ)], responses=PROBLEMS, tags=["transmissions"], summary="List transmissions")
async def list_transmissions(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    document_id: Annotated[str | None, QueryParameter(name="document_id", max_length=40)] = None,
    transmission_state: Annotated[TransmissionState | None, QueryParameter(name="state")] = None,
) -> Page[TransmissionBody]:
    """E-invoices that go by another channel than e-mail, newest first."""
    size = page_size(limit)
    rows = await store.of_merchant(
        merchant_of(request),
        limit=size + 1,
        before_id=starting_after,
        document_id=document_id,
        state=transmission_state,
    )
    return page([transmission_body(row) for row in rows], size)


@get(
    "/transmissions/{transmission_id:str}",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["transmissions"],
    summary="Get a transmission",
)
async def get_transmission(request: ApiRequest, transmission_id: FromPath[str]) -> TransmissionBody:
    """The transmission, with the first hundred things that were heard of it."""
    return await _found(merchant_of(request), transmission_id)


@get(
    "/transmissions/{transmission_id:str}/xml",
    guards=[needs(READ)],
    responses=PROBLEMS,
    media_type="application/xml",
    tags=["transmissions"],
    summary="Get a transmission's XML",
)
async def get_transmission_xml(request: ApiRequest, transmission_id: FromPath[str]) -> Response[bytes]:
    """The very bytes of the e-invoice."""
    await transmissions.get(merchant_of(request), transmission_id)
    xml = await store.xml_of(transmission_id)
    if xml is None:
        raise Conflict("The e-invoice was not written yet. `error` of the transmission says why, if it was tried.")
    return Response(xml, media_type="application/xml")


@post(
    "/transmissions",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["transmissions"],
    summary="Send an e-invoice",
)
async def create_transmission(request: ApiRequest, data: JSONBody[CreateTransmission]) -> Response[TransmissionBody]:
    """Send an issued document by the channel that its customer has now. What went by that channel before is answered as
    it is: a document goes by a channel once."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> TransmissionBody:
        return await _body(await transmissions.begin(merchant_id, data.document_id, idempotency_id))

    return await answer_once(request, work, lambda found_id: _found(merchant_id, found_id))


@post(
    "/transmissions/{transmission_id:str}/retry",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["transmissions"],
    summary="Retry a transmission",
)
async def retry_transmission(request: ApiRequest, transmission_id: FromPath[str]) -> Response[TransmissionBody]:
    """Send again what failed (as the same message) or was rejected (as another, to the customer's present address)."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> TransmissionBody:
        return await _body(await transmissions.retry(merchant_id, transmission_id, idempotency_id))

    return await answer_once(request, work, lambda found_id: _found(merchant_id, found_id), status=200)


@post(
    "/transmissions/{transmission_id:str}/acknowledgements",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["transmissions"],
    summary="Report on a transmission",
)
async def report_acknowledgement(
    request: ApiRequest, transmission_id: FromPath[str], data: JSONBody[ReportAcknowledgement]
) -> Response[TransmissionBody]:
    """For your own access point: it was delivered, accepted or rejected. The first last word stays; a report that is
    late or comes twice changes nothing."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> TransmissionBody:
        row = await acknowledging.report(
            merchant_id,
            transmission_id,
            report_id=data.report_id,
            state=TransmissionState(data.state),
            reference=data.reference,
            text=data.text,
            told_at=data.told_at,
            idempotency_id=idempotency_id,
        )
        return await _body(row)

    return await answer_once(request, work, lambda found_id: _found(merchant_id, found_id), status=200)


async def _found(merchant_id: str, transmission_id: str) -> TransmissionBody:
    return await _body(await transmissions.get(merchant_id, transmission_id))


async def _body(row: TransmissionRow) -> TransmissionBody:
    return transmission_body(row, await store.acknowledgements_of(row.id, ACKNOWLEDGEMENTS_MAX))


ROUTES = [
    list_transmissions,
    get_transmission,
    get_transmission_xml,
    create_transmission,
    retry_transmission,
    report_acknowledgement,
]
