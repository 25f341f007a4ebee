"""The simulated Stripe API v1: which call goes where."""

from __future__ import annotations

from simulators.asgi import App, Request, Response
from simulators.stripe.balance import Balances
from simulators.stripe.calls import Verb
from simulators.stripe.catalogue import Catalogue
from simulators.stripe.charges import Charges
from simulators.stripe.checkout import Checkout
from simulators.stripe.connect import Connect
from simulators.stripe.customers import Customers, PaymentMethods
from simulators.stripe.disputes import Disputes
from simulators.stripe.endpoints import WebhookEndpoints
from simulators.stripe.errors import StripeError
from simulators.stripe.files import Files
from simulators.stripe.forwarding import Forwarding
from simulators.stripe.gate import Gate
from simulators.stripe.intents import PaymentIntents
from simulators.stripe.levers import Levers
from simulators.stripe.pages import Pages
from simulators.stripe.refunds import Refunds
from simulators.stripe.reports import Reports
from simulators.stripe.setups import SetupIntents
from simulators.world import World

Route = tuple[str, str, Verb, str]
"""Verb and path below /v1, who answers, and the operation by which scenarios know it."""


def create_app(world: World) -> App:
    app, gate = App(not_found=_unknown_url), Gate(world)
    for method, path, verb, operation in _routes(world):
        handler = gate.get(verb, operation) if method == "GET" else gate.post(verb, operation)
        app.route(method, "/v1" + path, handler)
    _mount_pages(app, world)
    return app


def _routes(world: World) -> list[Route]:
    return [
        *_payment_routes(world),
        *_customer_routes(world),
        *_shop_routes(world),
        *_connect_routes(world),
        *_dispute_routes(world),
        *_money_routes(world),
        *_platform_routes(world),
    ]


def _payment_routes(world: World) -> list[Route]:
    intents, charges, refunds = PaymentIntents(world), Charges(world), Refunds(world)
    return [
        ("POST", "/payment_intents", intents.create, "create"),
        ("GET", "/payment_intents", intents.list_all, "lookup"),
        ("GET", "/payment_intents/search", intents.search, "lookup"),
        ("GET", "/payment_intents/{id}", intents.retrieve, "lookup"),
        ("POST", "/payment_intents/{id}", intents.update, "create"),
        ("POST", "/payment_intents/{id}/confirm", intents.confirm, "confirm"),
        ("POST", "/payment_intents/{id}/capture", intents.capture, "capture"),
        ("POST", "/payment_intents/{id}/cancel", intents.cancel, "void"),
        ("GET", "/charges", charges.list_all, "lookup"),
        ("GET", "/charges/search", charges.search, "lookup"),
        ("GET", "/charges/{id}", charges.retrieve, "lookup"),
        ("POST", "/charges/{id}", charges.update, "create"),
        ("POST", "/refunds", refunds.create, "refund"),
        ("GET", "/refunds", refunds.list_all, "lookup"),
        ("GET", "/refunds/{id}", refunds.retrieve, "lookup"),
        ("POST", "/refunds/{id}", refunds.update, "refund"),
        ("POST", "/refunds/{id}/cancel", refunds.cancel, "refund"),
    ]


def _customer_routes(world: World) -> list[Route]:
    customers, methods, setups = Customers(world), PaymentMethods(world), SetupIntents(world)
    return [
        ("POST", "/customers", customers.create, "customer"),
        ("GET", "/customers", customers.list_all, "customer"),
        ("GET", "/customers/search", customers.search, "customer"),
        ("GET", "/customers/{id}", customers.retrieve, "customer"),
        ("POST", "/customers/{id}", customers.update, "customer"),
        ("DELETE", "/customers/{id}", customers.delete, "customer"),
        ("GET", "/customers/{id}/payment_methods", customers.methods, "lookup"),
        ("GET", "/customers/{id}/payment_methods/{sub}", customers.method, "lookup"),
        ("POST", "/payment_methods", methods.create, "token"),
        ("GET", "/payment_methods", methods.list_all, "lookup"),
        ("GET", "/payment_methods/{id}", methods.retrieve, "lookup"),
        ("POST", "/payment_methods/{id}", methods.update, "save"),
        ("POST", "/payment_methods/{id}/attach", methods.attach, "save"),
        ("POST", "/payment_methods/{id}/detach", methods.detach, "detach"),
        ("GET", "/mandates/{id}", methods.mandate, "lookup"),
        ("POST", "/setup_intents", setups.create, "save"),
        ("GET", "/setup_intents", setups.list_all, "lookup"),
        ("GET", "/setup_intents/{id}", setups.retrieve, "lookup"),
        ("POST", "/setup_intents/{id}", setups.update, "save"),
        ("POST", "/setup_intents/{id}/confirm", setups.confirm, "save"),
        ("POST", "/setup_intents/{id}/cancel", setups.cancel, "save"),
        ("GET", "/setup_attempts", setups.attempts, "lookup"),
    ]


def _shop_routes(world: World) -> list[Route]:
    catalogue, checkout = Catalogue(world), Checkout(world)
    return [
        ("POST", "/products", catalogue.create_product, "product"),
        ("GET", "/products", catalogue.products, "product"),
        ("GET", "/products/{id}", catalogue.product, "product"),
        ("POST", "/products/{id}", catalogue.update_product, "product"),
        ("DELETE", "/products/{id}", catalogue.delete_product, "product"),
        ("POST", "/prices", catalogue.create_price, "product"),
        ("GET", "/prices", catalogue.prices, "product"),
        ("GET", "/prices/{id}", catalogue.price, "product"),
        ("POST", "/prices/{id}", catalogue.update_price, "product"),
        ("POST", "/checkout/sessions", checkout.create, "checkout"),
        ("GET", "/checkout/sessions", checkout.list_all, "checkout"),
        ("GET", "/checkout/sessions/{id}", checkout.retrieve, "checkout"),
        ("GET", "/checkout/sessions/{id}/line_items", checkout.line_items, "checkout"),
        ("POST", "/checkout/sessions/{id}/expire", checkout.expire, "checkout"),
    ]


def _connect_routes(world: World) -> list[Route]:
    connect = Connect(world)
    return [
        ("GET", "/account", connect.own_account, "probe"),
        ("POST", "/accounts", connect.create_account, "create"),
        ("GET", "/accounts", connect.accounts, "lookup"),
        ("GET", "/accounts/{id}", connect.account, "lookup"),
        ("POST", "/transfers", connect.create_transfer, "payout"),
        ("GET", "/transfers", connect.transfers, "lookup"),
        ("GET", "/transfers/{id}", connect.transfer, "lookup"),
        ("POST", "/transfers/{id}/reversals", connect.reverse, "payout"),
        ("GET", "/transfers/{id}/reversals", connect.reversals, "lookup"),
        ("GET", "/transfers/{id}/reversals/{sub}", connect.reversal, "lookup"),
        ("GET", "/application_fees", connect.fees, "lookup"),
        ("GET", "/application_fees/{id}", connect.fee, "lookup"),
        ("POST", "/application_fees/{id}/refunds", connect.refund_fee, "refund"),
    ]


def _dispute_routes(world: World) -> list[Route]:
    disputes, files = Disputes(world), Files(world)
    return [
        ("GET", "/disputes", disputes.list_all, "dispute"),
        ("GET", "/disputes/{id}", disputes.retrieve, "dispute"),
        ("POST", "/disputes/{id}", disputes.update, "dispute"),
        ("POST", "/disputes/{id}/close", disputes.close, "dispute"),
        ("POST", "/files", files.create, "dispute"),
        ("GET", "/files", files.list_all, "lookup"),
        ("GET", "/files/{id}", files.retrieve, "lookup"),
        ("GET", "/files/{id}/contents", files.contents, "report"),
        ("POST", "/file_links", files.create_link, "report"),
    ]


def _money_routes(world: World) -> list[Route]:
    balances, reports = Balances(world), Reports(world)
    return [
        ("GET", "/balance", balances.balance, "probe"),
        ("GET", "/balance_transactions", balances.transactions, "payout"),
        ("GET", "/balance_transactions/{id}", balances.transaction, "payout"),
        ("GET", "/payouts", balances.payouts, "payout"),
        ("GET", "/payouts/{id}", balances.payout, "payout"),
        ("POST", "/reporting/report_runs", reports.create, "report"),
        ("GET", "/reporting/report_runs", reports.list_all, "report"),
        ("GET", "/reporting/report_runs/{id}", reports.retrieve, "report"),
        ("GET", "/reporting/report_types", reports.report_types, "report"),
        ("GET", "/reporting/report_types/{id}", reports.report_type, "report"),
    ]


def _platform_routes(world: World) -> list[Route]:
    endpoints, forwarding = WebhookEndpoints(world), Forwarding(world)
    return [
        ("POST", "/webhook_endpoints", endpoints.create, "endpoint"),
        ("GET", "/webhook_endpoints", endpoints.list_all, "endpoint"),
        ("GET", "/webhook_endpoints/{id}", endpoints.retrieve, "endpoint"),
        ("POST", "/webhook_endpoints/{id}", endpoints.update, "endpoint"),
        ("DELETE", "/webhook_endpoints/{id}", endpoints.delete, "endpoint"),
        ("GET", "/events", endpoints.events, "lookup"),
        ("GET", "/events/{id}", endpoints.event, "lookup"),
        ("POST", "/forwarding/requests", forwarding.create, "forward"),
        ("GET", "/forwarding/requests", forwarding.list_all, "forward"),
        ("GET", "/forwarding/requests/{id}", forwarding.retrieve, "forward"),
    ]


def _mount_pages(app: App, world: World) -> None:
    pages, files, levers = Pages(world), Files(world), Levers(world)
    app.route("GET", "/challenge/{id}", pages.challenge)
    app.route("POST", "/challenge/{id}", pages.answer_challenge)
    app.route("GET", "/redirect/{id}", pages.consent)
    app.route("POST", "/redirect/{id}", pages.answer_consent)
    app.route("GET", "/c/pay/{id}", pages.hosted)
    app.route("POST", "/c/pay/{id}", pages.pay)
    app.route("GET", "/c/pay/{id}/return", pages.returned)
    app.route("GET", "/links/{id}", files.open_link)
    app.route("POST", "/simulator/payment_methods/{id}/automatically_updated", levers.renew_card)
    app.route("POST", "/simulator/payouts/{id}/fail", levers.fail_payout)


def _unknown_url(request: Request) -> Response:
    message = (
        f"Unrecognized request URL ({request.method}: {request.path}). Please see https://stripe.com/docs or we can "
        "help at https://support.stripe.com/."
    )
    return StripeError(404, message).response()
