"""The PayPal simulator's routes: tokens, replay by PayPal-Request-Id and trouble in one place, the work elsewhere.

A replay gives the first answer with status 200, whatever the body; only successes are kept, so that a refused request
can be sent again under its id.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from simulators.asgi import App, ASGIApp, Request, Response, html_response, json_response, play, see_other
from simulators.challenge_page import render_challenge
from simulators.currencies import to_decimal
from simulators.issuer import CHALLENGE_PASSWORD
from simulators.paypal import orders, payments, resources
from simulators.paypal.signing import CERT_PATH
from simulators.paypal.state import Authorization, Capture, Order, OrderStatus, State, state_of
from simulators.paypal.wire import Refused, error, not_found
from simulators.replays import Known
from simulators.world import World

Json = dict[str, Any]
ORDER_KEYS_KEPT = timedelta(hours=6)  # orders_controller of the SDK: "The server stores keys for 6 hours"
PAYMENT_KEYS_KEPT = timedelta(days=45)  # payments_controller: "for 45 days"
TOKEN_LIFETIME_S = 32400

Work = Callable[[str, Json, str | None], Response]
"""Takes the account, the request's body, and the reason to decline (None: as the issuer says). May raise Refused."""


def create_app(world: World) -> ASGIApp:
    """OAuth, Orders v2, Payments v2, the challenge page, and the certificate of the webhook signatures."""
    return PayPalApp(world, state_of(world)).app


def paypal_ca_pem(world: World) -> bytes:
    """The PEM of the authority that the webhook certificates chain to."""
    return state_of(world).signer.ca_pem


class PayPalApp:
    """Routes bound to one world."""

    def __init__(self, world: World, state: State) -> None:
        self._world, self._state = world, state
        self.app = App(not_found=lambda request: not_found().response())
        get, post = partial(self.app.route, "GET"), partial(self.app.route, "POST")
        post("/v1/oauth2/token", self._token)
        post("/v2/checkout/orders", self._create)
        get("/v2/checkout/orders/{id}", self._show_order)
        post("/v2/checkout/orders/{id}/authorize", partial(self._pay, "authorize"))
        post("/v2/checkout/orders/{id}/capture", partial(self._pay, "capture"))
        get("/v2/payments/authorizations/{id}", self._show_authorization)
        post("/v2/payments/authorizations/{id}/capture", self._capture)
        post("/v2/payments/authorizations/{id}/void", self._void)
        get("/v2/payments/captures/{id}", self._show_capture)
        post("/v2/payments/captures/{id}/refund", self._refund)
        get("/v2/payments/refunds/{id}", self._show_refund)
        get("/challenge/{id}", self._challenge)
        post("/challenge/{id}", self._answer_challenge)
        get(CERT_PATH + "{id}", self._certificate)
        get("/simulator/ca", self._authority)

    # orders

    async def _create(self, request: Request) -> Response:
        def work(account: str, body: Json, declined_for: str | None) -> Response:
            return self._order(request, orders.create(self._world, self._state, account, body), 201)

        return await self._serve(request, "create", work, ORDER_KEYS_KEPT)

    async def _show_order(self, request: Request, id: str) -> Response:
        def work(account: str, body: Json, declined_for: str | None) -> Response:
            return json_response(resources.order(self._order_of(account, id), self._state.base_url))

        return await self._serve(request, "lookup", work)

    async def _pay(self, verb: str, request: Request, id: str) -> Response:
        def work(account: str, body: Json, declined_for: str | None) -> Response:
            it = self._order_of(account, id)
            orders.pay(self._world, self._state, it, verb, body, declined_for)
            return self._order(request, it, 201 if it.status is OrderStatus.COMPLETED else 200)

        operation = "confirm" if b"payment_source" in request.body else "complete"
        return await self._serve(request, operation, work, ORDER_KEYS_KEPT)

    # payments

    async def _show_authorization(self, request: Request, id: str) -> Response:
        def work(account: str, body: Json, declined_for: str | None) -> Response:
            return json_response(resources.authorization(self._authorization_of(account, id), self._state.base_url))

        return await self._serve(request, "lookup", work)

    async def _capture(self, request: Request, id: str) -> Response:
        def work(account: str, body: Json, declined_for: str | None) -> Response:
            it = self._authorization_of(account, id)
            made = payments.capture(self._world, self._state, it, body, declined_for)
            return _shown(request, resources.capture(made, self._state.base_url), 201)

        return await self._serve(request, "capture", work, PAYMENT_KEYS_KEPT)

    async def _void(self, request: Request, id: str) -> Response:
        def work(account: str, body: Json, declined_for: str | None) -> Response:
            it = self._authorization_of(account, id)
            payments.void(self._world, self._state, it, declined_for)
            if _wants_all(request):
                return json_response(resources.authorization(it, self._state.base_url))
            return Response(204)

        return await self._serve(request, "void", work, PAYMENT_KEYS_KEPT)

    async def _show_capture(self, request: Request, id: str) -> Response:
        def work(account: str, body: Json, declined_for: str | None) -> Response:
            return json_response(resources.capture(self._capture_of(account, id), self._state.base_url))

        return await self._serve(request, "lookup", work)

    async def _refund(self, request: Request, id: str) -> Response:
        def work(account: str, body: Json, declined_for: str | None) -> Response:
            made = payments.refund(self._world, self._state, self._capture_of(account, id), body, declined_for)
            return _shown(request, resources.refund(made, self._state.base_url), 201)

        return await self._serve(request, "refund", work, PAYMENT_KEYS_KEPT)

    async def _show_refund(self, request: Request, id: str) -> Response:
        def work(account: str, body: Json, declined_for: str | None) -> Response:
            it = self._state.refunds.get(id)
            if it is None or it.capture.order.account != account:
                raise not_found()
            return json_response(resources.refund(it, self._state.base_url))

        return await self._serve(request, "lookup", work)

    # what all calls share

    async def _serve(self, request: Request, operation: str, work: Work, kept: timedelta | None = None) -> Response:
        self._state.base_url = "http://" + request.headers.get("host", "127.0.0.1")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        account = self._state.tokens.get(token) if scheme == "Bearer" else None
        if account is None:
            return error(401, "AUTHENTICATION_FAILURE")
        try:
            body = request.json() if request.body else {}
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return Refused(400, "INVALID_REQUEST", "MALFORMED_REQUEST_JSON", "The JSON is not well formed.").response()

        async def once(declined_for: str | None) -> Response:
            return self._once(request, account, kept, lambda: work(account, body, declined_for))

        scenario = self._world.take_scenario("paypal", operation, account=account, path=request.path)
        return await play(scenario, once, _failure)

    def _once(self, request: Request, account: str, kept: timedelta | None, work: Callable[[], Response]) -> Response:
        key = (account, request.path, request.headers.get("paypal-request-id", ""))
        if kept is None or not key[2]:
            return _answered(work)
        # The body does not matter to PayPal: the id alone names the request.
        known, first = self._state.replays.begin(key, b"", self._world.clock.now(), kept)
        if known is Known.ANSWERED and first is not None:
            return Response(200 if first.status == 201 else first.status, first.body, first.headers)
        if known is not Known.NO:
            return Refused(
                409, "RESOURCE_CONFLICT", "PREVIOUS_REQUEST_IN_PROGRESS", "A previous request is in progress."
            ).response()
        response = _answered(work)
        if response.status < 300:
            self._state.replays.keep(key, response)
        else:
            self._state.replays.forget(key)
        return response

    def _order(self, request: Request, it: Order, status: int) -> Response:
        return _shown(request, resources.order(it, self._state.base_url), status)

    def _order_of(self, account: str, id: str) -> Order:
        it = self._state.orders.get(id)
        if it is None or it.account != account:
            raise not_found()
        return it

    def _authorization_of(self, account: str, id: str) -> Authorization:
        it = self._state.authorizations.get(id)
        if it is None or it.order.account != account:
            raise not_found()
        return it

    def _capture_of(self, account: str, id: str) -> Capture:
        it = self._state.captures.get(id)
        if it is None or it.order.account != account:
            raise not_found()
        return it

    # without a token

    async def _token(self, request: Request) -> Response:
        self._state.base_url = "http://" + request.headers.get("host", "127.0.0.1")
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        client_id, _, client_secret = _decoded(encoded).partition(":")
        account = self._world.account_where("paypal", client_id=client_id, client_secret=client_secret)
        if scheme != "Basic" or account is None:
            return json_response({"error": "invalid_client", "error_description": "Client Authentication failed"}, 401)
        if dict(parse_qsl(request.body.decode())).get("grant_type") != "client_credentials":
            return json_response({"error": "unsupported_grant_type", "error_description": "not supported"}, 400)
        return json_response(
            {
                "scope": "https://uri.paypal.com/services/payments/payment",
                "access_token": self._state.new_token(account),
                "token_type": "Bearer",
                "app_id": "APP-80W284485P519543T",
                "expires_in": TOKEN_LIFETIME_S,
                "nonce": resources.stamp(self._world.clock.now()),
            }
        )

    async def _challenge(self, request: Request, id: str) -> Response:
        it = self._state.orders.get(id)
        if it is None or it.status is OrderStatus.CREATED:
            return not_found().response()
        amount = f"{to_decimal(it.minor, it.currency)} {it.currency}"
        return html_response(render_challenge(f"/challenge/{id}", amount))

    async def _answer_challenge(self, request: Request, id: str) -> Response:
        it = self._state.orders.get(id)
        if it is None or it.status is OrderStatus.CREATED:
            return not_found().response()
        if it.status is OrderStatus.PAYER_ACTION_REQUIRED:  # the first answer counts
            it.challenge_passed = dict(parse_qsl(request.body.decode())).get("password") == CHALLENGE_PASSWORD
            it.status = OrderStatus.APPROVED
        if not it.return_url:
            return html_response("<!doctype html><title>Done</title><p>You can close this page.</p>")
        joint = "&" if "?" in it.return_url else "?"
        return see_other(f"{it.return_url}{joint}token={it.id}")

    async def _certificate(self, request: Request, id: str) -> Response:
        signer = self._state.signer
        if id != signer.cert_id:
            return not_found().response()
        return Response(200, signer.chain_pem, {"content-type": "application/x-pem-file"})

    async def _authority(self, request: Request) -> Response:
        """Not PayPal's: the root to trust in this world, as a public one would be trusted in the other."""
        return Response(200, paypal_ca_pem(self._world), {"content-type": "application/x-pem-file"})


def _answered(work: Callable[[], Response]) -> Response:
    try:
        return work()
    except Refused as refused:
        return refused.response()


def _wants_all(request: Request) -> bool:
    return "return=representation" in request.headers.get("prefer", "")


def _shown(request: Request, resource: Json, status: int) -> Response:
    """All of it, or id, status and links where the caller did not ask for all."""
    minimal = {name: resource[name] for name in ("id", "status", "links")}
    return json_response(resource if _wants_all(request) else minimal, status)


def _failure(status: int) -> Response:
    return error(429, "RATE_LIMIT_REACHED") if status == 429 else error(500, "INTERNAL_SERVER_ERROR")


def _decoded(encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode()
    except ValueError:
        return ""
