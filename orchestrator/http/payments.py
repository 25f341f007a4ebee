"""Routes of payments and refunds."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from orchestrator import clock_port
from orchestrator.approvals import service as approvals
from orchestrator.customers import service as customers
from orchestrator.disputes import store as dispute_store
from orchestrator.fx import quotes
from orchestrator.http import card_tries, queries
from orchestrator.http.approvals import ACCEPTED, ApprovalBody, approval_body
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.expanding import (
    Expand,
    PaymentExpansion,
    RefundExpansion,
    expand_payments,
    expansions,
    refund_details,
)
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import (
    PAGE_DEFAULT,
    CreatedFrom,
    CreatedTo,
    Limit,
    Page,
    StartingAfter,
    moment,
    page,
    page_size,
)
from orchestrator.http.payment_schemas import (
    CapturePayment,
    CreatePayment,
    CreateRefund,
    PaymentBody,
    RefundBody,
    RefundDetailBody,
    payment_body,
    refund_body,
)
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.queries import PaymentFilter
from orchestrator.http.schemas import AMOUNT_MAX_MINOR, require_address, require_country
from orchestrator.http.timeline_schemas import TimelineBody, event_body, operation_body, transfer_body, webhook_body
from orchestrator.ledger import store as ledger_store
from orchestrator.notifications import store as event_store
from orchestrator.payments import late_declines, service
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.refunds import four_eyes
from orchestrator.refunds import service as refunds
from orchestrator.refunds.service import RefundStatus
from orchestrator.webhooks import store as webhook_store

READ, WRITE = "payments:read", "payments:write"
TIMELINE_EVENTS_MAX = 500
AmountFilter = Annotated[
    int | None, QueryParameter(ge=0, le=AMOUNT_MAX_MINOR, description="Minor units; say `currency` too.")
]


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
        paid_with = data.paid_with()
        tried = card_tries.try_of(merchant_id, amount, paid_with["instrument"])
        new = NewPayment(
            merchant_id=merchant_id,
            amount=amount,
            capture_method=data.capture_method,
            **paid_with,
            country=data.country,
            customer_id=data.customer_id,
            reference=data.reference,
            description=data.description,
            locale=data.locale,
            return_url=data.return_url,
            metadata=data.metadata,
            on_unknown=data.on_unknown,
            reauthorise=data.reauthorise,
            splits=tuple(split.as_wish() for split in data.splits),
            risk_score=data.risk_score,
            authentication=data.authentication.as_asked() if data.authentication else None,
        )
        use_quote = await _quoted(new, data.quote_id) if data.quote_id is not None else None
        verdict = await card_tries.admitted(tried)
        new = replace(new, suspected=card_tries.is_suspected(verdict))
        payment = await service.create(new, idempotency_id, also=use_quote)
        story = await service.story(payment)
        await card_tries.tell(tried, verdict, late_declines.answer_of_payment(story, payment.round), payment.id)
        return payment_body(payment, story, [])

    return await answer_once(request, work, lambda payment_id: _found(merchant_id, payment_id))


@get("/payments", guards=[needs(READ)], responses=PROBLEMS, tags=["payments"], summary="List payments")
async def list_payments(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    status: Annotated[PaymentStatus | None, QueryParameter(name="status")] = None,
    reference: Annotated[str | None, QueryParameter(name="reference", max_length=120)] = None,
    customer_id: Annotated[str | None, QueryParameter(name="customer_id", max_length=40)] = None,
    currency: Annotated[str | None, QueryParameter(name="currency", pattern="^[A-Z]{3}$")] = None,
    amount: AmountFilter = None,
    amount_min: AmountFilter = None,
    amount_max: AmountFilter = None,
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    gateway: Annotated[
        str | None, QueryParameter(name="gateway", max_length=20, description="Tried at this gateway.")
    ] = None,
    gateway_account_id: Annotated[str | None, QueryParameter(name="gateway_account_id", max_length=40)] = None,
    expand: Expand = None,
) -> Page[PaymentBody]:
    """Newest first. Expands `customer`, `refunds`, `attempts`, `disputes`, `quote`."""
    size, words = page_size(limit), expansions(expand, PaymentExpansion)
    wanted = PaymentFilter(
        status=status,
        reference=reference,
        customer_id=customer_id,
        currency=currency,
        amount=amount,
        amount_min=amount_min,
        amount_max=amount_max,
        created_from=moment(created_from, "created_from"),
        created_to=moment(created_to, "created_to"),
        gateway=gateway,
        gateway_account_id=gateway_account_id,
    )
    found = await queries.payments_of(merchant_of(request), wanted, limit=size + 1, before_id=starting_after)
    answer = page([payment_body(payment) for payment in found], size)
    await expand_payments(answer.data, words)
    return answer


@get("/payments/{payment_id:str}", guards=[needs(READ)], responses=PROBLEMS, tags=["payments"], summary="Get a payment")
async def get_payment(request: ApiRequest, payment_id: FromPath[str], expand: Expand = None) -> PaymentBody:
    """The payment with its attempts and the reasons of its route. Expands `customer`, `refunds`, `quote`."""
    words = expansions(expand, PaymentExpansion)
    body = await _found(merchant_of(request), payment_id)
    await expand_payments([body], words - {PaymentExpansion.ATTEMPTS, PaymentExpansion.DISPUTES})  # always there
    return body


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
        asked = data or CapturePayment()
        captured = await service.capture(merchant_id, payment_id, asked.amount, idempotency_id, final=asked.final)
        return await _whole(captured)

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
    responses=ACCEPTED,
    operation_class=Keyed,
    tags=["refunds"],
    summary="Refund a payment",
)
async def create_refund(
    request: ApiRequest, payment_id: FromPath[str], data: JSONBody[CreateRefund | None] = None
) -> Response[RefundBody | ApprovalBody]:
    """Give money back, never more than was captured. Some gateways confirm later: then the status is `pending`.

    Above the merchant's limit it is an approval that is made (202), and the refund once another has approved it.
    """
    merchant_id = merchant_of(request)
    asked = data or CreateRefund()
    if await four_eyes.is_needed(merchant_id, payment_id, asked.amount):
        return await _ask_for_refund(request, payment_id, asked)

    async def work(idempotency_id: str) -> RefundBody:
        return refund_body(await refunds.create(merchant_id, payment_id, asked.amount, asked.reason, idempotency_id))

    async def rebuild(refund_id: str) -> RefundBody:
        return refund_body(await refunds.get(merchant_id, refund_id))

    return await answer_once(request, work, rebuild)


async def _ask_for_refund(request: ApiRequest, payment_id: str, asked: CreateRefund) -> Response[Any]:
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> ApprovalBody:
        row = await four_eyes.ask(merchant_id, payment_id, asked.amount, asked.reason, idempotency_id)
        return approval_body(row)

    async def rebuild(approval_id: str) -> ApprovalBody:
        return approval_body(await approvals.get(merchant_id, approval_id))

    return await answer_once(request, work, rebuild, status=202)


@get("/refunds", guards=[needs(READ)], responses=PROBLEMS, tags=["refunds"], summary="List refunds")
async def list_refunds(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    payment_id: Annotated[str | None, QueryParameter(name="payment_id", max_length=40)] = None,
    status: Annotated[RefundStatus | None, QueryParameter(name="status")] = None,
    expand: Expand = None,
) -> Page[RefundDetailBody]:
    """Newest first. Expands `payment`."""
    size, words = page_size(limit), expansions(expand, RefundExpansion)
    found = await queries.refunds_of(
        merchant_of(request), limit=size + 1, before_id=starting_after, payment_id=payment_id, status=status
    )
    shown = page([refund_body(view) for view in found], size)
    details = await refund_details(found[: len(shown.data)], words)
    return Page(data=details, has_more=shown.has_more, next_cursor=shown.next_cursor)


@get("/refunds/{refund_id:str}", guards=[needs(READ)], responses=PROBLEMS, tags=["refunds"], summary="Get a refund")
async def get_refund(request: ApiRequest, refund_id: FromPath[str], expand: Expand = None) -> RefundDetailBody:
    """The refund with the status it has by now. Expands `payment`."""
    words = expansions(expand, RefundExpansion)
    [detail] = await refund_details([await refunds.get(merchant_of(request), refund_id)], words)
    return detail


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
    payment, story = await service.looked_at(merchant_id, payment_id)
    return payment_body(payment, story, await dispute_store.disputes_of_payment(payment_id))


async def _quoted(new: NewPayment, quote_id: str) -> Callable[[PaymentRow], Awaitable[None]]:
    """What takes the quote, in the transaction that makes the payment. Raises as `quotes.require` does."""
    await quotes.require(new.merchant_id, quote_id, new.amount, clock_port.now())

    async def use(payment: PaymentRow) -> None:
        await quotes.use(payment.merchant_id, quote_id, payment.id, payment.amount, payment.created_at)

    return use


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
    list_refunds,
    get_refund,
    get_timeline,
]
