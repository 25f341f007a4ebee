"""Routes of payments and refunds."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from orchestrator.customers import service as customers
from orchestrator.disputes import store as dispute_store
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.payment_schemas import (
    CapturePayment,
    CreatePayment,
    CreateRefund,
    PaymentBody,
    RefundBody,
    payment_body,
    refund_body,
)
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import require_address, require_country
from orchestrator.http.timeline_schemas import TimelineBody, event_body, operation_body, transfer_body, webhook_body
from orchestrator.ledger import store as ledger_store
from orchestrator.notifications import store as event_store
from orchestrator.payments import service, store
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.refunds import service as refunds
from orchestrator.webhooks import store as webhook_store

READ, WRITE = "payments:read", "payments:write"
TIMELINE_EVENTS_MAX = 500


@post(
    "/payments",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["payments"],
    summary="Create a payment",
)
async def create_payment(request: ApiRequest, data: JSONBody[CreatePayment]) -> Response[PaymentBody]:
    """Create a payment and, with a payment method, pay it.

    Answers when the outcome is known or at a deadline; then the status is `processing`, and GET tells more.
    """
    merchant_id = merchant_of(request)
    amount = data.amount.as_money()
    require_country(data.country, "country")
    require_address(data.return_url, "return_url")
    if data.customer_id is not None:
        await customers.get(merchant_id, data.customer_id)

    async def work(idempotency_id: str) -> PaymentBody:
        new = NewPayment(
            merchant_id=merchant_id,
            amount=amount,
            capture_method=data.capture_method,
            card=data.payment_method.as_card() if data.payment_method else None,
            country=data.country,
            customer_id=data.customer_id,
            reference=data.reference,
            description=data.description,
            locale=data.locale,
            return_url=data.return_url,
            metadata=data.metadata,
        )
        payment = await service.create(new, idempotency_id)
        return payment_body(payment, await service.story(payment), [])

    return await answer_once(request, work, lambda payment_id: _found(merchant_id, payment_id))


@get("/payments", guards=[needs(READ)], responses=PROBLEMS, tags=["payments"], summary="List payments")
async def list_payments(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    status: Annotated[PaymentStatus | None, QueryParameter(name="status")] = None,
) -> Page[PaymentBody]:
    """Newest first."""
    size = page_size(limit)
    found = await store.payments_of(
        merchant_of(request),
        limit=size + 1,
        before_id=starting_after,
        status=status.value if status else None,
    )
    return page([payment_body(payment) for payment in found], size)


@get("/payments/{payment_id:str}", guards=[needs(READ)], responses=PROBLEMS, tags=["payments"], summary="Get a payment")
async def get_payment(request: ApiRequest, payment_id: FromPath[str]) -> PaymentBody:
    """The payment with its attempts and the reasons of its route."""
    return await _found(merchant_of(request), payment_id)


@post(
    "/payments/{payment_id:str}/capture",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["payments"],
    summary="Capture a payment",
)
async def capture_payment(
    request: ApiRequest, payment_id: FromPath[str], data: JSONBody[CapturePayment | None] = None
) -> Response[PaymentBody]:
    """Take an authorised payment's money, all of it or part; the rest of the authorisation is released."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> PaymentBody:
        amount = data.amount if data else None
        return await _whole(await service.capture(merchant_id, payment_id, amount, idempotency_id))

    return await answer_once(request, work, lambda found_id: _found(merchant_id, found_id), status=200)


@post(
    "/payments/{payment_id:str}/cancel",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["payments"],
    summary="Cancel a payment",
)
async def cancel_payment(request: ApiRequest, payment_id: FromPath[str]) -> Response[PaymentBody]:
    """Give the payment up; what is authorised is voided. A captured payment is refunded instead."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> PaymentBody:
        return await _whole(await service.cancel(merchant_id, payment_id, idempotency_id))

    return await answer_once(request, work, lambda found_id: _found(merchant_id, found_id), status=200)


@post(
    "/payments/{payment_id:str}/refunds",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["refunds"],
    summary="Refund a payment",
)
async def create_refund(
    request: ApiRequest, payment_id: FromPath[str], data: JSONBody[CreateRefund | None] = None
) -> Response[RefundBody]:
    """Give money back, never more than was captured. Some gateways confirm later: then the status is `pending`."""
    merchant_id = merchant_of(request)
    asked = data or CreateRefund()

    async def work(idempotency_id: str) -> RefundBody:
        return refund_body(await refunds.create(merchant_id, payment_id, asked.amount, asked.reason, idempotency_id))

    async def rebuild(refund_id: str) -> RefundBody:
        return refund_body(await refunds.get(merchant_id, refund_id))

    return await answer_once(request, work, rebuild)


@get("/refunds/{refund_id:str}", guards=[needs(READ)], responses=PROBLEMS, tags=["refunds"], summary="Get a refund")
async def get_refund(request: ApiRequest, refund_id: FromPath[str]) -> RefundBody:
    """The refund with the status it has by now."""
    return refund_body(await refunds.get(merchant_of(request), refund_id))


@get(
    "/payments/{payment_id:str}/timeline",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["payments"],
    summary="Get a payment's timeline",
)
async def get_timeline(request: ApiRequest, payment_id: FromPath[str]) -> TimelineBody:
    """Everything that happened to the payment: attempts, calls, messages, transfers, refunds, events."""
    merchant_id = merchant_of(request)
    payment = await service.get(merchant_id, payment_id)
    story = await service.story(payment, exchanges=True)
    events = await event_store.events_of(merchant_id, limit=TIMELINE_EVENTS_MAX, object_id=payment_id)
    return TimelineBody(
        payment=payment_body(payment, story, await dispute_store.disputes_of_payment(payment_id)),
        operations=[operation_body(row) for row in story.operations],
        webhooks=[webhook_body(row) for row in await webhook_store.messages_of(payment_id)],
        transfers=[transfer_body(row) for row in await ledger_store.transfers_of(payment_id)],
        refunds=[refund_body(view) for view in await refunds.of_payment(payment_id)],
        events=[event_body(row) for row in reversed(events)],
    )


async def _found(merchant_id: str, payment_id: str) -> PaymentBody:
    return await _whole(await service.get(merchant_id, payment_id))


async def _whole(payment: PaymentRow) -> PaymentBody:
    disputes = await dispute_store.disputes_of_payment(payment.id)
    return payment_body(payment, await service.story(payment), disputes)


ROUTES = [
    create_payment,
    list_payments,
    get_payment,
    capture_payment,
    cancel_payment,
    create_refund,
    get_refund,
    get_timeline,
]
