"""The web application: API, pages, webhooks, health. Built by a factory, so that tests and servers build the same."""

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from litestar import Litestar, Router
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from orchestrator import db, event_loop
from orchestrator.billing import pdf
from orchestrator.billing.einvoices import service as einvoices
from orchestrator.disputes import service as dispute_service
from orchestrator.gateways import connections
from orchestrator.http import (
    account_standing,
    api_keys,
    approvals,
    audit,
    authentication_policy,
    automatic_charge,
    base_rates,
    branding,
    checkouts,
    credit_notes,
    credit_payouts,
    customers,
    deliveries,
    disputes,
    document_templates,
    gateway_accounts,
    health,
    invoice_batches,
    invoice_reports,
    invoice_settling,
    invoices,
    ledger,
    merchant_profile,
    number_series,
    payment_methods,
    payment_terms,
    payments,
    quotes,
    rates,
    receipts,
    received_webhooks,
    recipients,
    reconciliation,
    records,
    reminders,
    reviews,
    routing,
    routing_reports,
    rule_sets,
    tax_ids,
    transmissions,
    users,
    webhook_endpoints,
)
from orchestrator.http.auth import authenticate
from orchestrator.http.inbound_webhooks import InboundWebhooks
from orchestrator.http.intake import check_request
from orchestrator.http.openapi import JsonDocument, YamlDocument, operation_id
from orchestrator.http.problems import EXCEPTION_HANDLERS
from orchestrator.http.request_record import RequestRecord
from orchestrator.payments import answering
from orchestrator.settings import Limits, get_settings

API_KEY = "apiKey"
SHUTDOWN_PATIENCE_S = 5.0
_RESOURCES = (
    *(payments, payment_methods, checkouts, customers, gateway_accounts),
    *(rule_sets, routing, routing_reports, account_standing, authentication_policy),
    *(tax_ids, invoices, invoice_settling, credit_notes, quotes, receipts, credit_payouts, deliveries),
    *(automatic_charge, number_series, invoice_batches, invoice_reports, reminders),
    *(records, webhook_endpoints),
    *(api_keys, users, audit, approvals, received_webhooks),
    *(ledger, recipients, reviews, rates, base_rates, payment_terms),
    merchant_profile,
    *(branding, document_templates, transmissions),
)


def create_app() -> Litestar:
    """The application. Nothing is contacted before its lifespan starts."""
    settings = get_settings()
    handlers: list[Any] = [*_api(settings.limits), *health.HEALTH_ROUTES, *_pages()]
    if settings.metrics:
        handlers += health.METRICS_ROUTES
    app = Litestar(
        route_handlers=handlers,
        lifespan=[_resources],
        exception_handlers=EXCEPTION_HANDLERS,
        request_max_body_size=settings.limits.request_body_max_bytes,
        openapi_config=_openapi(),
        logging_config=None,  # orchestrator.log has set up one format for the whole process
    )
    app.asgi_handler = RequestRecord(InboundWebhooks(app.asgi_handler))
    return app


def served() -> Litestar:
    """The application of a process that does nothing else."""
    app = create_app()
    event_loop.stop_sifting_what_stays()
    return app


def _api(limits: Limits) -> list[Router]:
    routes = [route for module in _RESOURCES for route in module.ROUTES]
    shared: dict[str, Any] = {
        "guards": [authenticate],
        "before_request": check_request,
        "security": [{API_KEY: []}],
        "response_headers": {"Cache-Control": "no-store"},
    }
    return [
        Router("/v1", route_handlers=routes, **shared),
        Router(
            "/v1",
            route_handlers=reconciliation.ROUTES,
            request_max_body_size=limits.import_file_max_bytes,
            **shared,
        ),
        Router("/v1", route_handlers=disputes.ROUTES, request_max_body_size=disputes.BODY_BYTES_MAX, **shared),
    ]


def _pages() -> list[Any]:
    """The pages' routes; an installation may be built without them."""
    if find_spec("orchestrator.web.routes") is None:
        return []
    return list(importlib.import_module("orchestrator.web.routes").ROUTE_HANDLERS)


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Clearway",
        version=version("clearway"),
        description="Payments routed over several gateways, invoices, reconciliation. Amounts are in minor units.",
        path="/schema",
        render_plugins=[JsonDocument(), YamlDocument()],  # the others load scripts from elsewhere
        components=Components(
            security_schemes={
                API_KEY: SecurityScheme(type="http", scheme="bearer", description="An API key: `sk_clearway_…`.")
            }
        ),
        use_handler_docstrings=True,
        operation_id_creator=operation_id,
    )


@asynccontextmanager
async def _resources(_: Litestar) -> AsyncIterator[None]:
    """The pool and the gateways' clients live as long as the application serves."""
    await db.start_pool(get_settings().limits.database_pool_max)
    try:
        yield
    finally:
        await answering.finish_driving(SHUTDOWN_PATIENCE_S)
        await dispute_service.finish_sending(SHUTDOWN_PATIENCE_S)
        pdf.close()
        einvoices.close()
        connections.close_all()
        await db.close_pool()
