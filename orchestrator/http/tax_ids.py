"""Routes of VAT ids: have one checked now, the evidence kept with an invoice, and the merchant's policy."""

from litestar import Response, get, post, put
from litestar.params import FromPath, JSONBody

from orchestrator.access.scopes import Scope
from orchestrator.customers import service as customers
from orchestrator.errors import NotFound
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.tax_id_schemas import (
    InvoiceVatIdBody,
    VatIdCheckBody,
    VatIdPolicyBody,
    VatIdPolicyInput,
    on_invoice_body,
    vat_id_check_body,
)
from orchestrator.tax_ids import at_issue, service, store

POLICY = "/merchant/vat-id-policy"


@post(
    "/customers/{customer_id:str}/check-vat-id",
    guards=[needs("payments:write")],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=202,
    tags=["customers"],
    summary="Check a customer's VAT id",
)
async def check_vat_id(request: ApiRequest, customer_id: FromPath[str]) -> Response[VatIdCheckBody]:
    """Have the register asked about the customer's VAT id now, or a minute after the last time. A worker asks; the
    event `customer.vat_id_checked` tells of another state. 409 `vat_id_not_checkable` where nobody can be asked."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> VatIdCheckBody:
        row = await customers.check_vat_id(merchant_id, customer_id, idempotency_id)
        return _body(row.vat_id, row)

    async def rebuild(found_id: str) -> VatIdCheckBody:
        customer = await customers.get(merchant_id, found_id)
        row = (await store.of_customers([found_id])).get(found_id)
        return _body(str(customer.profile.get("vat_id", "")), row)

    return await answer_once(request, work, rebuild, status=202)


@get(
    "/invoices/{invoice_id:str}/vat-id-check",
    guards=[needs("invoices:read")],
    responses=PROBLEMS,
    tags=["invoices"],
    summary="Get an invoice's VAT id check",
)
async def get_invoice_vat_id(request: ApiRequest, invoice_id: FromPath[str]) -> InvoiceVatIdBody:
    """The evidence kept when the invoice was issued. 404 for a draft, and where the buyer has no VAT id."""
    found = await at_issue.kept(merchant_of(request), invoice_id)
    if found is None:
        raise NotFound("VAT id kept with an issued invoice", invoice_id)
    return on_invoice_body(found)


@get(POLICY, guards=[needs(Scope.OPERATE_READ)], responses=PROBLEMS, tags=["invoices"], summary="Get the VAT id policy")
async def get_vat_id_policy(request: ApiRequest) -> VatIdPolicyBody:
    """What an untaxed sale needs; `allow` unless you said."""
    return VatIdPolicyBody(policy=await at_issue.policy_of(merchant_of(request)))


@put(POLICY, guards=[needs(Scope.OPERATE)], responses=PROBLEMS, tags=["invoices"], summary="Set the VAT id policy")
async def put_vat_id_policy(request: ApiRequest, data: JSONBody[VatIdPolicyInput]) -> VatIdPolicyBody:
    """For invoices issued from now on. The audit log keeps what was before."""
    await at_issue.set_policy(merchant_of(request), data.policy)
    return VatIdPolicyBody(policy=data.policy)


def _body(vat_id: str, row: store.VatIdRow | None) -> VatIdCheckBody:
    body = vat_id_check_body(vat_id, row)
    if body is None:
        raise service.VatIdNotCheckable("The customer has no VAT id any more.")
    return body


ROUTES = [check_vat_id, get_invoice_vat_id, get_vat_id_policy, put_vat_id_policy]
