"""Routes of customers."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from orchestrator.customers import service
from orchestrator.customers.store import CustomerRow
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import CountryCode, Email, Input, Locale, Name, require_country

Line = Annotated[str, Meta(max_length=200)]


class CreateCustomer(Input):
    """Who pays, with what documents print of them."""

    name: Name
    email: Email
    country: CountryCode | None = None
    locale: Locale = "en"
    address_lines: Annotated[list[Line], Meta(max_length=5)] = msgspec.field(default_factory=list)
    postal_code: Annotated[str, Meta(max_length=20)] = ""
    city: Annotated[str, Meta(max_length=100)] = ""
    vat_id: Annotated[str, Meta(max_length=20, description="With its country prefix.")] = ""


class CustomerBody(msgspec.Struct, kw_only=True):
    """A customer."""

    id: str
    object: str = "customer"
    name: str
    email: str
    country: str | None
    locale: str
    address_lines: list[str]
    postal_code: str
    city: str
    vat_id: str
    created_at: datetime


@post(
    "/customers",
    guards=[needs("payments:write")],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["customers"],
    summary="Create a customer",
)
async def create_customer(request: ApiRequest, data: JSONBody[CreateCustomer]) -> Response[CustomerBody]:
    """Create a customer, for payments and invoices."""
    merchant_id = merchant_of(request)
    require_country(data.country, "country")

    async def work(idempotency_id: str) -> CustomerBody:
        profile = {
            "address_lines": data.address_lines,
            "postal_code": data.postal_code,
            "city": data.city,
            "vat_id": data.vat_id,
        }
        row = await service.create(
            merchant_id,
            data.name,
            data.email,
            country=data.country,
            locale=data.locale,
            profile=profile,
            idempotency_id=idempotency_id,
        )
        return _body(row)

    async def rebuild(customer_id: str) -> CustomerBody:
        return _body(await service.get(merchant_id, customer_id))

    return await answer_once(request, work, rebuild)


@get(
    "/customers/{customer_id:str}",
    guards=[needs("payments:read")],
    responses=PROBLEMS,
    tags=["customers"],
    summary="Get a customer",
)
async def get_customer(request: ApiRequest, customer_id: FromPath[str]) -> CustomerBody:
    """The customer."""
    return _body(await service.get(merchant_of(request), customer_id))


def _body(row: CustomerRow) -> CustomerBody:
    return CustomerBody(
        id=row.id,
        name=row.name,
        email=row.email,
        country=row.country,
        locale=row.locale,
        address_lines=list(row.profile.get("address_lines", [])),
        postal_code=str(row.profile.get("postal_code", "")),
        city=str(row.profile.get("city", "")),
        vat_id=str(row.profile.get("vat_id", "")),
        created_at=row.created_at,
    )


ROUTES = [create_customer, get_customer]
