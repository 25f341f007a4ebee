"""Routes of automatic charges: whose kept method is charged when invoices fall due, and which invoices are left out."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from orchestrator.billing.automatic_charge import service as automatic_charge
from orchestrator.billing.automatic_charge.states import PENDING, ChargeState
from orchestrator.billing.automatic_charge.store import ChargeRow, SettingRow
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.invoices import READ, WRITE
from orchestrator.http.openapi import Keyed
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import Input

CHARGES_READ, CHARGES_WRITE = "payments:read", "payments:write"  # whose card is charged is no matter of invoices alone
MethodId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=40,
        description="A kept method with the agreement `unscheduled` or `subscription`, or `default`: the customer's "
        "default on the day of the charge.",
    ),
]


class SwitchOnAutomaticCharge(Input):
    """What the customer's invoices are charged to when they fall due."""

    payment_method_id: MethodId


class SetAutomaticCharge(Input):
    """Whether this invoice is charged by itself."""

    enabled: bool


class CustomerAutomaticChargeBody(msgspec.Struct, kw_only=True):
    """What is switched on for a customer; `payment_method_id` may be `default`."""

    customer_id: str
    object: str = "customer_automatic_charge"
    enabled: bool
    payment_method_id: str | None
    created_at: datetime | None
    updated_at: datetime | None


class InvoiceAutomaticChargeBody(msgspec.Struct, kw_only=True):
    """Where an invoice's automatic charge stands. `part` is the instalment that is charged next, from 0, `tries` its
    charges so far, `reason` why the last one failed or why there is none."""

    invoice_id: str
    object: str = "invoice_automatic_charge"
    enabled: bool
    state: ChargeState
    part: int
    tries: int
    next_charge_at: datetime | None
    payment_id: str | None
    reason: str | None
    updated_at: datetime | None


@put(
    "/customers/{customer_id:str}/automatic-charge",
    guards=[needs(CHARGES_WRITE)],
    responses=PROBLEMS,
    tags=["customers"],
    summary="Switch on a customer's automatic charge",
)
async def switch_on_automatic_charge(
    request: ApiRequest, customer_id: FromPath[str], data: JSONBody[SwitchOnAutomaticCharge]
) -> CustomerAutomaticChargeBody:
    """Charge the invoices that are issued to the customer from now on, each on its due date. 422 names what the method
    is missing."""
    row = await automatic_charge.switch_on(merchant_of(request), customer_id, data.payment_method_id)
    return _customer_body(customer_id, row)


@get(
    "/customers/{customer_id:str}/automatic-charge",
    guards=[needs(CHARGES_READ)],
    responses=PROBLEMS,
    tags=["customers"],
    summary="Get a customer's automatic charge",
)
async def get_customer_automatic_charge(request: ApiRequest, customer_id: FromPath[str]) -> CustomerAutomaticChargeBody:
    """Whether the customer's invoices are charged by themselves, and to what."""
    row = await automatic_charge.setting_of(merchant_of(request), customer_id)
    return _customer_body(customer_id, row)


@delete(
    "/customers/{customer_id:str}/automatic-charge",
    guards=[needs(CHARGES_WRITE)],
    responses=PROBLEMS,
    tags=["customers"],
    summary="Switch off a customer's automatic charge",
)
async def switch_off_automatic_charge(request: ApiRequest, customer_id: FromPath[str]) -> None:
    """No invoice of the customer is charged by itself any more, open ones included. A payment that is under way is not
    broken off."""
    await automatic_charge.switch_off(merchant_of(request), customer_id)


@post(
    "/invoices/{invoice_id:str}/automatic-charge",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["invoices"],
    summary="Set an invoice's automatic charge",
)
async def set_automatic_charge(
    request: ApiRequest, invoice_id: FromPath[str], data: JSONBody[SetAutomaticCharge]
) -> Response[InvoiceAutomaticChargeBody]:
    """Leave the invoice out, or take it in: at its due date, or at once where that has passed. What had failed, or had
    ended before money went back, begins anew."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> InvoiceAutomaticChargeBody:
        row = await automatic_charge.set_for_invoice(merchant_id, invoice_id, data.enabled, idempotency_id)
        return _invoice_body(invoice_id, row)

    async def rebuild(found_id: str) -> InvoiceAutomaticChargeBody:
        return _invoice_body(found_id, await automatic_charge.of_invoice(merchant_id, found_id))

    return await answer_once(request, work, rebuild, status=200)


@get(
    "/invoices/{invoice_id:str}/automatic-charge",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["invoices"],
    summary="Get an invoice's automatic charge",
)
async def get_automatic_charge(request: ApiRequest, invoice_id: FromPath[str]) -> InvoiceAutomaticChargeBody:
    """When the invoice is charged by itself, or what became of that; `off` where it is not."""
    return _invoice_body(invoice_id, await automatic_charge.of_invoice(merchant_of(request), invoice_id))


def _customer_body(customer_id: str, row: SettingRow | None) -> CustomerAutomaticChargeBody:
    return CustomerAutomaticChargeBody(
        customer_id=customer_id,
        enabled=row is not None,
        payment_method_id=(row.payment_method_id or automatic_charge.DEFAULT) if row else None,
        created_at=row.created_at if row else None,
        updated_at=row.updated_at if row else None,
    )


def _invoice_body(invoice_id: str, row: ChargeRow | None) -> InvoiceAutomaticChargeBody:
    state = row.state if row else ChargeState.OFF
    return InvoiceAutomaticChargeBody(
        invoice_id=invoice_id,
        enabled=state in PENDING,
        state=state,
        part=row.part if row else 0,
        tries=row.tries if row else 0,
        next_charge_at=row.due_at if row else None,
        payment_id=row.payment_id if row else None,
        reason=(row.reason or None) if row else None,
        updated_at=row.updated_at if row else None,
    )


ROUTES = [
    switch_on_automatic_charge,
    get_customer_automatic_charge,
    switch_off_automatic_charge,
    set_automatic_charge,
    get_automatic_charge,
]
