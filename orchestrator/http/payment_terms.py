"""Routes of the payment terms that count for all invoices of a merchant, or of a customer."""

from litestar import get, put
from litestar.params import FromPath, JSONBody

from invoicing.terms import TermsPreference
from orchestrator.billing import terms_of_merchant as terms
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.invoices import READ, WRITE
from orchestrator.http.problems import PROBLEMS


@get(
    "/merchant/payment-terms",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["payment terms"],
    summary="Get payment terms",
)
async def get_merchant_terms(request: ApiRequest) -> TermsPreference:
    """What counts where neither the document nor the customer says anything."""
    return await terms.terms_of_merchant(merchant_of(request))


@put(
    "/merchant/payment-terms",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    tags=["payment terms"],
    summary="Set payment terms",
)
async def put_merchant_terms(request: ApiRequest, data: JSONBody[TermsPreference]) -> TermsPreference:
    """For documents that are drafted from now on. What is left out is not agreed."""
    return await terms.set_terms_of_merchant(merchant_of(request), data)


@get(
    "/customers/{customer_id:str}/payment-terms",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["payment terms"],
    summary="Get a customer's payment terms",
)
async def get_customer_terms(request: ApiRequest, customer_id: FromPath[str]) -> TermsPreference:
    """What is agreed with the customer; it counts before the merchant's."""
    return await terms.terms_of_customer(merchant_of(request), customer_id)


@put(
    "/customers/{customer_id:str}/payment-terms",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    tags=["payment terms"],
    summary="Set a customer's payment terms",
)
async def put_customer_terms(
    request: ApiRequest, customer_id: FromPath[str], data: JSONBody[TermsPreference]
) -> TermsPreference:
    """For documents that are drafted from now on. What is left out is as the merchant's payment terms say."""
    return await terms.set_terms_of_customer(merchant_of(request), customer_id, data)


ROUTES = [get_merchant_terms, put_merchant_terms, get_customer_terms, put_customer_terms]
