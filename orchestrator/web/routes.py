"""Every web route: checkout, invoices, console, static files. Refusals inside are pages, not problem documents."""

from litestar import Router
from litestar.exceptions import HTTPException

from orchestrator.http.rate_limits import of_visitor
from orchestrator.web import (
    account,
    checkout,
    console,
    console_approvals,
    console_attention,
    console_branding,
    console_customers,
    console_deliveries,
    console_disputes,
    console_endpoints,
    console_gateways,
    console_invoices,
    console_keys,
    console_ledger,
    console_payment_verbs,
    console_payments,
    console_reviews,
    console_routing,
    console_standing,
    console_webhooks,
    door,
    invoices,
    looks,
    members,
    payment_links,
)
from orchestrator.web.assets import static_file
from orchestrator.web.replies import error_page
from orchestrator.web.screening import screen
from orchestrator.web.violations import receive_reports

_PAGES = Router(
    path="/",
    route_handlers=[
        checkout.checkout_page,
        checkout.attempt,
        checkout.status,
        checkout.return_by_address,
        checkout.return_by_form,
        payment_links.link_page,
        payment_links.begin,
        *invoices.ROUTES,
        looks.logo_picture,
        *door.ROUTES,
        *account.ROUTES,
        *members.ROUTES,
        *console.ROUTES,
        *console_approvals.ROUTES,
        *console_attention.ROUTES,
        *console_branding.ROUTES,
        *console_customers.ROUTES,
        *console_deliveries.ROUTES,
        *console_disputes.ROUTES,
        *console_endpoints.ROUTES,
        *console_gateways.ROUTES,
        *console_invoices.ROUTES,
        *console_standing.ROUTES,
        *console_keys.ROUTES,
        *console_ledger.ROUTES,
        *console_payment_verbs.ROUTES,
        *console_payments.ROUTES,
        *console_reviews.ROUTES,
        *console_routing.ROUTES,
        *console_webhooks.ROUTES,
        static_file,
        receive_reports,
    ],
    exception_handlers={HTTPException: error_page, Exception: error_page},
    guards=[of_visitor],
    before_request=screen,
    include_in_schema=False,
)

ROUTE_HANDLERS: list[Router] = [_PAGES]
