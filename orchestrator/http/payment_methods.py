"""Routes of kept payment methods."""

from typing import Annotated

from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import structs

from orchestrator.access.store import bind_idempotency
from orchestrator.customers import kept_methods, method_store, mirroring
from orchestrator.customers import service as customers
from orchestrator.customers import store as customer_store
from orchestrator.customers.kept_methods import MethodStatus
from orchestrator.customers.method_store import MethodRow
from orchestrator.db import transaction
from orchestrator.http import card_tries
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.payment_method_schemas import (
    CompletePaymentMethod,
    CreatePaymentMethod,
    MirrorPaymentMethod,
    PaymentMethodBody,
    payment_method_body,
)
from orchestrator.http.problems import PROBLEMS
from orchestrator.payments import late_declines, method_setups

READ, WRITE = "payments:read", "payments:write"


@post(
    "/payment-methods",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["payment methods"],
    summary="Keep a payment method",
)
async def create_payment_method(
    request: ApiRequest, data: JSONBody[CreatePaymentMethod]
) -> Response[PaymentMethodBody]:
    """Keep a card, wallet or bank account for a customer without charging it.

    Answers `active`, `failed`, `requires_action` with where to send the customer, or `processing`.
    """
    merchant_id = merchant_of(request)
    new = data.as_new(merchant_id)

    async def work(idempotency_id: str) -> PaymentMethodBody:
        tried = card_tries.try_of(merchant_id, None, new.instrument)
        verdict = await card_tries.admitted(tried)
        wanted = structs.replace(new, suspected=card_tries.is_suspected(verdict))
        method = await method_setups.begin(wanted, idempotency_id)
        await card_tries.tell(tried, verdict, late_declines.answer_of_setup(method), method.id)
        return await _whole(method)

    return await answer_once(request, work, lambda method_id: _found(merchant_id, method_id))


@get(
    "/payment-methods/{payment_method_id:str}",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["payment methods"],
    summary="Get a payment method",
)
async def get_payment_method(request: ApiRequest, payment_method_id: FromPath[str]) -> PaymentMethodBody:
    """The method, and at which accounts it is kept."""
    return await _found(merchant_of(request), payment_method_id)


@get(
    "/customers/{customer_id:str}/payment-methods",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["payment methods"],
    summary="List a customer's payment methods",
)
async def list_payment_methods(
    request: ApiRequest,
    customer_id: FromPath[str],
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    status: Annotated[MethodStatus | None, QueryParameter(name="status")] = None,
) -> Page[PaymentMethodBody]:
    """Newest first."""
    person, size = await customers.get(merchant_of(request), customer_id), page_size(limit)
    rows = await method_store.methods_of(
        person.id, limit=size + 1, before_id=starting_after, status=status.value if status else None
    )
    tokens = await method_store.tokens_of_all([row.id for row in rows])
    default = person.default_payment_method_id
    return page([payment_method_body(row, tokens.get(row.id, []), default) for row in rows], size)


@post(
    "/payment-methods/{payment_method_id:str}/complete",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["payment methods"],
    summary="Complete a payment method",
)
async def complete_payment_method(
    request: ApiRequest, payment_method_id: FromPath[str], data: JSONBody[CompletePaymentMethod | None] = None
) -> Response[PaymentMethodBody]:
    """The customer is back at your `return_url`: hand on what came with them."""
    merchant_id, brought = merchant_of(request), data.action_result if data else {}

    async def work(idempotency_id: str) -> PaymentMethodBody:
        return await _whole(await method_setups.complete(merchant_id, payment_method_id, brought, idempotency_id))

    return await answer_once(request, work, lambda method_id: _found(merchant_id, method_id), status=200)


@post(
    "/payment-methods/{payment_method_id:str}/mirror",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["payment methods"],
    summary="Mirror a payment method",
)
async def mirror_payment_method(
    request: ApiRequest, payment_method_id: FromPath[str], data: JSONBody[MirrorPaymentMethod | None] = None
) -> Response[PaymentMethodBody]:
    """Have a card kept at another gateway account too, so that charging it can fail over. `tokens` tell how it goes."""
    merchant_id, account_id = merchant_of(request), data.gateway_account_id if data else None

    async def work(idempotency_id: str) -> PaymentMethodBody:
        if account_id is None:
            await kept_methods.get(merchant_id, payment_method_id)
            await mirroring.spread(payment_method_id)
        else:
            await mirroring.mirror(merchant_id, payment_method_id, account_id)
        async with transaction():
            await bind_idempotency(idempotency_id, payment_method_id)
        return await _found(merchant_id, payment_method_id)

    return await answer_once(request, work, lambda method_id: _found(merchant_id, method_id), status=200)


@post(
    "/payment-methods/{payment_method_id:str}/default",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["payment methods"],
    summary="Make a payment method the default",
)
async def make_default(request: ApiRequest, payment_method_id: FromPath[str]) -> Response[PaymentMethodBody]:
    """The one that its customer's charges use where none is named."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> PaymentMethodBody:
        return await _whole(await kept_methods.make_default(merchant_id, payment_method_id, idempotency_id))

    return await answer_once(request, work, lambda method_id: _found(merchant_id, method_id), status=200)


@delete(
    "/payment-methods/{payment_method_id:str}",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    status_code=200,
    tags=["payment methods"],
    summary="Detach a payment method",
)
async def detach_payment_method(request: ApiRequest, payment_method_id: FromPath[str]) -> PaymentMethodBody:
    """Charge it no more, and have every gateway forget it: `detaching` until each has said so, then `detached`."""
    return await _whole(await kept_methods.detach(merchant_of(request), payment_method_id))


async def _found(merchant_id: str, method_id: str) -> PaymentMethodBody:
    return await _whole(await kept_methods.get(merchant_id, method_id))


async def _whole(row: MethodRow) -> PaymentMethodBody:
    person = await customer_store.customer(row.customer_id)
    default = person.default_payment_method_id if person else None
    return payment_method_body(row, await method_store.tokens_of(row.id), default)


ROUTES = [
    create_payment_method,
    get_payment_method,
    list_payment_methods,
    complete_payment_method,
    mirror_payment_method,
    make_default,
    detach_payment_method,
]
