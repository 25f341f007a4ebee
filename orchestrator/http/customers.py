"""Routes of customers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from orchestrator.customers import erasure, service, store
from orchestrator.customers.store import CustomerRow
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.e_invoice_schemas import EInvoiceBody, EInvoiceInput, kept_preference, preference_body
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import CountryCode, Email, Input, Locale, Name, require_country
from orchestrator.http.tax_id_schemas import VatIdCheckBody, vat_id_check_body
from orchestrator.payments import of_customers
from orchestrator.tax_ids import store as vat_ids
from orchestrator.tax_ids.store import VatIdRow

_PROFILE = ("address_lines", "postal_code", "city", "vat_id", "e_invoice")
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
    e_invoice: EInvoiceInput | None = None


class ChangeCustomer(Input):
    """What is given is changed, the rest stays."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    email: Email | msgspec.UnsetType = msgspec.UNSET
    country: CountryCode | msgspec.UnsetType | None = msgspec.UNSET
    locale: Locale | msgspec.UnsetType = msgspec.UNSET
    address_lines: Annotated[list[Line], Meta(max_length=5)] | msgspec.UnsetType = msgspec.UNSET
    postal_code: Annotated[str, Meta(max_length=20)] | msgspec.UnsetType = msgspec.UNSET
    city: Annotated[str, Meta(max_length=100)] | msgspec.UnsetType = msgspec.UNSET
    vat_id: Annotated[str, Meta(max_length=20)] | msgspec.UnsetType = msgspec.UNSET
    e_invoice: EInvoiceInput | msgspec.UnsetType | None = msgspec.UNSET

    def as_changes(self) -> dict[str, Any]:
        """What `service.change` takes."""
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not msgspec.UNSET}
        profile = {name: given.pop(name) for name in _PROFILE if name in given}
        if "e_invoice" in profile:
            profile["e_invoice"] = kept_preference(profile["e_invoice"])
        return given | ({"profile": profile} if profile else {})


class CustomerBody(msgspec.Struct, kw_only=True):
    """A customer. `vat_id_check` says what a register answered about its VAT id; null where it has none, or one of a
    scheme without a register, and where the customer stands within another object."""

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
    vat_id_check: VatIdCheckBody | None
    e_invoice: EInvoiceBody | None
    default_payment_method_id: str | None
    deleted: bool
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
    e_invoice = kept_preference(data.e_invoice)

    async def work(idempotency_id: str) -> CustomerBody:
        profile = {
            "address_lines": data.address_lines,
            "postal_code": data.postal_code,
            "city": data.city,
            "vat_id": data.vat_id,
            "e_invoice": e_invoice,
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
        return await _checked(row)

    async def rebuild(customer_id: str) -> CustomerBody:
        return await _checked(await service.get(merchant_id, customer_id))

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
    return await _checked(await service.get(merchant_of(request), customer_id))


@get("/customers", guards=[needs("payments:read")], responses=PROBLEMS, tags=["customers"], summary="List customers")
async def list_customers(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    email: Annotated[str | None, QueryParameter(name="email", max_length=320)] = None,
) -> Page[CustomerBody]:
    """Newest first, without those that were deleted; `email` finds them in any case of letters."""
    size = page_size(limit)
    rows = await store.customers_of(merchant_of(request), limit=size + 1, before_id=starting_after, email=email)
    checks = await vat_ids.of_customers([row.id for row in rows])
    return page([customer_body(row, checks) for row in rows], size)


@patch(
    "/customers/{customer_id:str}",
    guards=[needs("payments:write")],
    responses=PROBLEMS,
    tags=["customers"],
    summary="Change a customer",
)
async def change_customer(
    request: ApiRequest, customer_id: FromPath[str], data: JSONBody[ChangeCustomer]
) -> CustomerBody:
    """Change what is given. Invoices that are issued stay as they are."""
    if data.country is not msgspec.UNSET:
        require_country(data.country, "country")
    return await _checked(await service.change(merchant_of(request), customer_id, data.as_changes()))


@delete(
    "/customers/{customer_id:str}",
    guards=[needs("payments:write")],
    responses=PROBLEMS,
    tags=["customers"],
    summary="Delete a customer",
)
async def delete_customer(request: ApiRequest, customer_id: FromPath[str]) -> None:
    """Detach all payment methods and blank what names the person. The id stays, and what was issued to them.

    409 `conflict` names the payments that are open (`processing`, `requires_action`, `authorised`, `needs_review`).
    """
    await erasure.erase(merchant_of(request), customer_id, of_customers.open_payments)


async def _checked(row: CustomerRow) -> CustomerBody:
    return customer_body(row, await vat_ids.of_customers([row.id]))


def customer_body(row: CustomerRow, checks: Mapping[str, VatIdRow] | None = None) -> CustomerBody:
    """`checks` by customer id; without them the answer has none."""
    vat_id = str(row.profile.get("vat_id", ""))
    return CustomerBody(
        id=row.id,
        name=row.name,
        email=row.email,
        country=row.country,
        locale=row.locale,
        address_lines=list(row.profile.get("address_lines", [])),
        postal_code=str(row.profile.get("postal_code", "")),
        city=str(row.profile.get("city", "")),
        vat_id=vat_id,
        vat_id_check=None if checks is None else vat_id_check_body(vat_id, checks.get(row.id)),
        e_invoice=preference_body(row.profile.get("e_invoice")),
        default_payment_method_id=row.default_payment_method_id,
        deleted=row.deleted_at is not None,
        created_at=row.created_at,
    )


ROUTES = [create_customer, get_customer, list_customers, change_customer, delete_customer]
