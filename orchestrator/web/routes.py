"""Every web route: checkout, invoices, console, static files. Refusals inside are pages, not problem documents."""

from typing import Any

from litestar import Request, Router
from litestar.exceptions import HTTPException, NotFoundException

from orchestrator.web import checkout, console, door, invoices
from orchestrator.web.assets import static_file
from orchestrator.web.replies import error_page


async def _refuse_nul(request: Request[Any, Any, Any]) -> None:
    """An address with it is none of ours, and PostgreSQL could not look it up."""
    if "\x00" in request.url.path or "%00" in request.url.path:
        raise NotFoundException


_PAGES = Router(
    path="/",
    route_handlers=[
        checkout.checkout_page,
        checkout.attempt,
        checkout.status,
        checkout.return_by_address,
        checkout.return_by_form,
        invoices.invoice_page,
        invoices.invoice_pdf,
        invoices.pay_invoice,
        door.root,
        door.login_page,
        door.log_in,
        door.log_out,
        console.console_home,
        console.payments_page,
        console.payment_page,
        console.invoices_page,
        console.reconciliation_page,
        console.webhooks_page,
        static_file,
    ],
    exception_handlers={HTTPException: error_page, Exception: error_page},
    before_request=_refuse_nul,
    include_in_schema=False,
)

ROUTE_HANDLERS: list[Router] = [_PAGES]
