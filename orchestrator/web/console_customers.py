"""The console's customers: who they are, what is kept of theirs, what they paid; and detaching what is kept."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from orchestrator.access.scopes import Scope
from orchestrator.customers import kept_methods, method_store, service, store
from orchestrator.customers.kept_methods import MethodStatus
from orchestrator.customers.method_store import MethodRow, TokenRow
from orchestrator.errors import ClearwayError
from orchestrator.http import queries
from orchestrator.http.queries import PaymentFilter
from orchestrator.web import replies
from orchestrator.web.console_desk import (
    NOTHING_SAID,
    Desk,
    Said,
    ask_back,
    asked,
    cursor,
    done,
    is_confirmed,
    older_url,
    open_desk,
    posted,
)
from orchestrator.web.console_payments import payment_rows
from orchestrator.web.console_views import PaymentRowsView
from orchestrator.web.console_work_views import CustomersView, CustomerView, MethodLine
from orchestrator.web.forms import BODY_MAX_BYTES
from orchestrator.web.wording import words_of

PLACE, METHODS = "/console/customers", "/console/payment-methods"
ROWS, METHODS_MAX, PAYMENTS = 50, 100, 25
DONE = {"detached": "The payment method is charged no more. Every gateway that keeps it is told to forget it."}


@get(PLACE)
async def customers_page(request: Request[Any, Any, Any]) -> Response[str]:
    """The newest customers, or those with the address that is looked for."""
    desk, email = await open_desk(request, Scope.PAYMENTS_READ), asked(request, "email", r".{1,320}")
    rows = await store.customers_of(
        desk.merchant_id, limit=ROWS + 1, before_id=cursor(request, "cus"), email=email or None
    )
    older = older_url(PLACE, rows[ROWS - 1].id, {"email": email}) if len(rows) > ROWS else ""
    return desk.page(CustomersView(desk.shell, tuple(rows[:ROWS]), email, older))


@get(PLACE + "/{customer_id:str}")
async def customer_page(request: Request[Any, Any, Any], customer_id: FromPath[str]) -> Response[str]:
    """One customer; htmx asks for older payments as rows only. Raises NotFound."""
    desk = await open_desk(request, Scope.PAYMENTS_READ)
    return await _page(request, desk, customer_id, done(request, DONE))


@post(METHODS + "/{payment_method_id:str}/detach", request_max_body_size=BODY_MAX_BYTES)
async def detach(request: Request[Any, Any, Any], payment_method_id: FromPath[str]) -> Response[Any]:
    """Charge a payment method no more. Raises NotFound."""
    desk, form = await posted(request, Scope.PAYMENTS_WRITE)
    method = await kept_methods.get(desk.merchant_id, payment_method_id)
    address = f"{PLACE}/{method.customer_id}"
    if not is_confirmed(form):
        name = f"{words_of(method.brand or method.method)} •••• {method.last4}" if method.last4 else method.method
        lines = ("It is charged no more, and every gateway that keeps it is told to forget it.", "It cannot be undone.")
        action = f"{METHODS}/{payment_method_id}/detach"
        return ask_back(desk, form, f"Detach {name}?", lines, action, "Detach", address)
    try:
        await kept_methods.detach(desk.merchant_id, payment_method_id)
    except ClearwayError as refused:
        return await _page(request, desk, method.customer_id, Said.no(refused))
    return replies.redirect(f"{address}?done=detached")


async def _page(
    request: Request[Any, Any, Any], desk: Desk, customer_id: str, said: Said = NOTHING_SAID
) -> Response[str]:
    row = await service.get(desk.merchant_id, customer_id)
    found = await queries.payments_of(
        desk.merchant_id,
        PaymentFilter(customer_id=row.id),
        limit=PAYMENTS + 1,
        before_id=cursor(request, "pay"),
    )
    older = older_url(f"{PLACE}/{row.id}", found[PAYMENTS - 1].id, {}) if len(found) > PAYMENTS else ""
    rows = PaymentRowsView(await payment_rows(found[:PAYMENTS]), older)
    if request.headers.get("hx-request"):
        return desk.page(rows)
    place = " ".join(filter(None, (row.profile.get("postal_code"), row.profile.get("city"))))
    view = CustomerView(
        shell=desk.shell,
        row=row,
        address=tuple(filter(None, (*row.profile.get("address_lines", ()), place, row.country or ""))),
        vat_id=str(row.profile.get("vat_id", "")),
        methods=await _methods(desk, row),
        payments=rows,
        notice=said.notice,
        error=said.error,
    )
    return desk.page(view, said.status)


async def _methods(desk: Desk, customer: store.CustomerRow) -> tuple[MethodLine, ...]:
    methods = await method_store.methods_of(customer.id, limit=METHODS_MAX)
    tokens = await method_store.tokens_of_all([method.id for method in methods])
    return tuple(_method(desk, method, tokens.get(method.id, []), customer) for method in methods)


def _method(desk: Desk, row: MethodRow, tokens: list[TokenRow], customer: store.CustomerRow) -> MethodLine:
    is_over = row.status in (MethodStatus.DETACHING, MethodStatus.DETACHED, MethodStatus.FAILED)
    return MethodLine(
        row,
        is_default=row.id == customer.default_payment_method_id,
        may_detach=desk.may(Scope.PAYMENTS_WRITE) and not is_over,
        tokens=tuple((token, desk.label_of(token.gateway_account_id)) for token in tokens),
    )


ROUTES = [customers_page, customer_page, detach]
