"""The Adyen simulator's routes: Checkout v72, DisputeService v30, Management v3, the shoppers' pages, the reports.

Credentials of POST /accounts of the control API: `api_key`, and where wanted `company` (its name; idempotency keys are
the company's), `country`, `multiple_partial_captures` ("true"), `report_username` and `report_password`,
`balance_platform_api_key`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from functools import partial
from typing import Any

from simulators.adyen import checkouts, defence, forwarding, management, modifications, payments, platforms, tokens
from simulators.adyen.gate import Gate, Work
from simulators.adyen.redirects import RedirectPages
from simulators.adyen.state import state_of
from simulators.adyen.wire import error
from simulators.asgi import App, ASGIApp, Handler, Request, Response, play
from simulators.world import World

Verb = Callable[..., Any]
_DISPUTES = "/ca/services/DisputeService/v30"
_WEBHOOKS = "/v3/merchants/{merchant}/webhooks"

# operation for scenarios, method, path, what does it
_CHECKOUT: tuple[tuple[str, str, str, Verb], ...] = (
    ("confirm", "POST", "/v72/payments", payments.pay),
    ("complete", "POST", "/v72/payments/details", payments.complete),
    ("capture", "POST", "/v72/payments/{id}/captures", modifications.capture),
    ("void", "POST", "/v72/payments/{id}/cancels", modifications.cancel),
    ("refund", "POST", "/v72/payments/{id}/refunds", modifications.refund),
    ("void", "POST", "/v72/payments/{id}/reversals", modifications.reverse),
    ("confirm", "POST", "/v72/payments/{id}/amountUpdates", modifications.adjust),
    ("void", "POST", "/v72/cancels", modifications.cancel_by_reference),
    ("lookup", "POST", "/v72/paymentMethods", payments.payment_methods),
    ("lookup", "GET", "/v72/storedPaymentMethods", tokens.listed),
    ("save", "POST", "/v72/storedPaymentMethods", tokens.store),
    ("detach", "DELETE", "/v72/storedPaymentMethods/{id}", tokens.delete),
    ("checkout", "POST", "/v72/paymentLinks", checkouts.create_link),
    ("lookup", "GET", "/v72/paymentLinks/{id}", checkouts.get_link),
    ("checkout", "PATCH", "/v72/paymentLinks/{id}", checkouts.update_link),
    ("checkout", "POST", "/v72/sessions", checkouts.create_session),
    ("lookup", "GET", "/v72/sessions/{id}", checkouts.get_session),
    ("forward", "POST", "/v72/forward", forwarding.forward),
    ("dispute", "POST", f"{_DISPUTES}/retrieveApplicableDefenseReasons", defence.retrieve_reasons),
    ("dispute", "POST", f"{_DISPUTES}/supplyDefenseDocument", defence.supply_document),
    ("dispute", "POST", f"{_DISPUTES}/deleteDisputeDefenseDocument", defence.delete_document),
    ("dispute", "POST", f"{_DISPUTES}/defendDispute", defence.defend),
    ("dispute", "POST", f"{_DISPUTES}/acceptDispute", defence.accept),
)
_MANAGEMENT: tuple[tuple[str, str, str, Verb], ...] = (
    ("probe", "GET", "/v3/me", management.me),
    ("endpoint", "POST", _WEBHOOKS, management.create),
    ("endpoint", "GET", _WEBHOOKS, management.listed),
    ("endpoint", "GET", _WEBHOOKS + "/{id}", management.get),
    ("endpoint", "PATCH", _WEBHOOKS + "/{id}", management.update),
    ("endpoint", "DELETE", _WEBHOOKS + "/{id}", management.delete),
    ("endpoint", "POST", _WEBHOOKS + "/{id}/generateHmac", management.generate_hmac),
    ("endpoint", "POST", _WEBHOOKS + "/{id}/test", management.test),
)
_PLATFORM: tuple[tuple[str, str, str, Verb], ...] = (
    ("lookup", "GET", "/bcl/v2/balanceAccounts/{id}", platforms.balance_account),
    ("lookup", "GET", "/bcl/v2/accountHolders/{id}", platforms.account_holder),
    ("payout", "POST", "/btl/v4/transfers", platforms.transfer),
    ("lookup", "GET", "/btl/v4/transfers", platforms.transfers),
    ("lookup", "GET", "/btl/v4/transfers/{id}", platforms.get_transfer),
)


def create_app(world: World) -> ASGIApp:
    """All of it on one port; the real ones are on several hosts."""
    state = state_of(world)
    app = App(not_found=lambda request: error(404, "000", "Not Found", "internal"))
    for gate, table in (
        (Gate(world, state), _CHECKOUT),
        (Gate(world, state, management.problem), _MANAGEMENT),
        (Gate(world, state, management.problem, "balance_platform_api_key"), _PLATFORM),
    ):
        for operation, method, path, verb in table:
            app.route(method, path, _handler(world, gate, operation, verb))
    pages, hosted = RedirectPages(world), checkouts.CheckoutPages(world)
    for path, show, answer in (
        ("/challenge/{id}", pages.challenge, pages.answer_challenge),
        ("/redirect/{id}", pages.wallet, pages.answer_wallet),
        ("/pay/{id}", hosted.show, hosted.submit),
    ):
        app.route("GET", path, show)
        app.route("POST", path, answer)
    app.route("GET", "/pay/{id}/return", hosted.come_back)
    app.route("GET", "/reports/download/MerchantAccount/{account}/{name}", partial(_report, world))
    return app


def _handler(world: World, gate: Gate, operation: str, verb: Verb) -> Handler:
    async def handle(request: Request, merchant: str = "", id: str = "") -> Response:
        def work(account: str, body: dict[str, Any], declined_for: str | None) -> Any:
            named = (id,) if id else ()
            return verb(world, account, *named, body, declined_for)

        served: Work = work
        return await gate.serve(request, operation, served, merchant)

    return handle


async def _report(world: World, request: Request, account: str, name: str) -> Response:
    """The file of a REPORT_AVAILABLE, for the account's report user by HTTP Basic and for nobody else.

    docs.adyen.com/reporting/automatically-get-reports.
    """
    held = world.accounts.get(("adyen", account), {})
    user, password = held.get("report_username", ""), held.get("report_password", "")
    if not user or not password or _basic(request) != (user, password):
        return Response(401, b"Unauthorized", {"www-authenticate": 'Basic realm="Adyen reports"'})

    async def send(declined_for: str | None) -> Response:
        report = state_of(world).reports.get((account, name))
        return Response(200, report, {"content-type": "text/csv"}) if report else Response(404)

    trouble = world.take_scenario("adyen", "report", account=account, reference=name)
    return await play(trouble, send, lambda status: Response(status))


def _basic(request: Request) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (user, password) if scheme.lower() == "basic" else ("", "")
