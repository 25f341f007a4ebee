"""The PayPal simulator's routes; the work is done elsewhere, one module per group of resources."""

from __future__ import annotations

import base64
from datetime import timedelta
from functools import partial
from urllib.parse import parse_qsl

from simulators.asgi import App, ASGIApp, Request, Response, json_response, play
from simulators.paypal import orders, payments, resources, vault
from simulators.paypal.approval import Approval
from simulators.paypal.back_office import BackOffice
from simulators.paypal.serving import Call, Serving, failure, minimum, shown
from simulators.paypal.signing import CERT_PATH
from simulators.paypal.state import (
    TOKEN_LIFETIME_S,
    Authorization,
    Capture,
    Order,
    OrderStatus,
    Refund,
    State,
    state_of,
)
from simulators.paypal.wire import not_found, stamp
from simulators.scenarios import Trouble
from simulators.world import World

ORDER_KEYS_KEPT = timedelta(hours=6)  # orders_controller of the SDK: "The server stores keys for 6 hours"
PAYMENT_KEYS_KEPT = timedelta(days=45)  # payments_controller: "for 45 days"
VAULT_KEYS_KEPT = timedelta(hours=3)  # vault_controller: "The server stores keys for 3 hours"
_ORDERS = "/v2/checkout/orders"
_AUTHORIZATIONS = "/v2/payments/authorizations"
_TOKENS = "/v3/vault/payment-tokens"


def create_app(world: World) -> ASGIApp:
    """OAuth, Orders, Payments, Vault, disputes, webhooks, reporting, the payer's pages, and the certificates."""
    return PayPalApp(world, state_of(world)).app


def paypal_ca_pem(world: World) -> bytes:
    """The PEM of the authority that the webhook certificates chain to."""
    return state_of(world).signer.ca_pem


class PayPalApp:
    """Routes bound to one world."""

    def __init__(self, world: World, state: State) -> None:
        self._world, self._state = world, state
        self._serving = Serving(world, state)
        self.app = App(not_found=lambda request: not_found().response())
        get, post = partial(self.app.route, "GET"), partial(self.app.route, "POST")
        post("/v1/oauth2/token", self._token)
        post(_ORDERS, self._create)
        get(f"{_ORDERS}/{{id}}", self._show_order)
        self.app.route("PATCH", f"{_ORDERS}/{{id}}", self._patch)
        post(f"{_ORDERS}/{{id}}/confirm-payment-source", self._confirm)
        post(f"{_ORDERS}/{{id}}/authorize", partial(self._pay, "authorize"))
        post(f"{_ORDERS}/{{id}}/capture", partial(self._pay, "capture"))
        get(f"{_AUTHORIZATIONS}/{{id}}", self._show_authorization)
        post(f"{_AUTHORIZATIONS}/{{id}}/capture", self._capture)
        post(f"{_AUTHORIZATIONS}/{{id}}/reauthorize", self._reauthorize)
        post(f"{_AUTHORIZATIONS}/{{id}}/void", self._void)
        get("/v2/payments/captures/{id}", self._show_capture)
        post("/v2/payments/captures/{id}/refund", self._refund)
        get("/v2/payments/refunds/{id}", self._show_refund)
        post("/v3/vault/setup-tokens", self._set_up)
        get("/v3/vault/setup-tokens/{id}", self._show_setup)
        post(_TOKENS, self._vault)
        get(_TOKENS, self._list_tokens)
        get(f"{_TOKENS}/{{id}}", self._show_token)
        self.app.route("DELETE", f"{_TOKENS}/{{id}}", self._delete_token)
        get(CERT_PATH + "{id}", self._certificate)
        get("/simulator/ca", self._authority)
        BackOffice(world, state, self._serving, self.app)
        Approval(world, state, self.app)

    # orders

    async def _create(self, request: Request) -> Response:
        def make(call: Call) -> tuple[str, int]:
            body = call.object()
            order = orders.create(self._world, self._state, call.account, body, call.request_id, call.declined_for)
            is_open = order.status in (OrderStatus.CREATED, OrderStatus.COMPLETED)
            return order.id, 201 if is_open else 200

        return await self._serving.make(request, "create", make, self._order_shown, ORDER_KEYS_KEPT, mocks=True)

    async def _show_order(self, request: Request, id: str) -> Response:
        def work(call: Call) -> Response:
            return json_response(resources.order(self._order_of(call.account, id), self._state))

        return await self._serving.serve(request, "lookup", work, mocks=True)

    async def _patch(self, request: Request, id: str) -> Response:
        def work(call: Call) -> Response:
            orders.patch(self._world, self._order_of(call.account, id), call.body)
            return Response(204)

        return await self._serving.serve(request, "create", work, mocks=True)

    async def _confirm(self, request: Request, id: str) -> Response:
        def work(call: Call) -> Response:
            order = self._order_of(call.account, id)
            orders.confirm(self._world, self._state, order, call.object(), call.declined_for)
            return self._order_shown(id, call.wants_all)

        return await self._serving.serve(request, "confirm", work)

    async def _pay(self, verb: str, request: Request, id: str) -> Response:
        def make(call: Call) -> tuple[str, int]:
            order = self._order_of(call.account, id)
            orders.pay(self._world, self._state, order, verb, call.object(), call.declined_for)
            return id, 201 if order.status is OrderStatus.COMPLETED else 200

        operation = "confirm" if b"payment_source" in request.body else "complete"
        return await self._serving.make(request, operation, make, self._order_shown, ORDER_KEYS_KEPT, mocks=True)

    def _order_shown(self, id: str, wants_all: bool) -> Response:
        order = self._state.orders[id]
        return shown(resources.order(order, self._state), resources.minimal_order(order, self._state), wants_all)

    def _order_of(self, account: str, id: str) -> Order:
        it = self._state.orders.get(id)
        if it is None or it.account != account:
            raise not_found()
        return it

    # payments

    async def _show_authorization(self, request: Request, id: str) -> Response:
        def work(call: Call) -> Response:
            return json_response(resources.authorization(self._authorization_of(call.account, id), self._state))

        return await self._serving.serve(request, "lookup", work, mocks=True)

    async def _capture(self, request: Request, id: str) -> Response:
        def make(call: Call) -> tuple[str, int]:
            it = self._authorization_of(call.account, id)
            return payments.capture(self._world, self._state, it, call.object(), call.declined_for).id, 201

        return await self._serving.make(request, "capture", make, self._capture_shown, PAYMENT_KEYS_KEPT, mocks=True)

    async def _reauthorize(self, request: Request, id: str) -> Response:
        def make(call: Call) -> tuple[str, int]:
            it = self._authorization_of(call.account, id)
            return payments.reauthorize(self._world, self._state, it, call.object(), call.declined_for).id, 201

        return await self._serving.make(request, "confirm", make, self._authorization_shown, PAYMENT_KEYS_KEPT)

    async def _void(self, request: Request, id: str) -> Response:
        def make(call: Call) -> tuple[str, int]:
            payments.void(self._world, self._state, self._authorization_of(call.account, id), call.declined_for)
            return id, 200

        def show(id: str, wants_all: bool) -> Response:
            return self._authorization_shown(id, wants_all) if wants_all else Response(204)

        return await self._serving.make(request, "void", make, show, PAYMENT_KEYS_KEPT, mocks=True)

    async def _show_capture(self, request: Request, id: str) -> Response:
        def work(call: Call) -> Response:
            return json_response(resources.capture(self._capture_of(call.account, id), self._state))

        return await self._serving.serve(request, "lookup", work, mocks=True)

    async def _refund(self, request: Request, id: str) -> Response:
        def make(call: Call) -> tuple[str, int]:
            it = self._capture_of(call.account, id)
            return payments.refund(self._world, self._state, it, call.object(), call.declined_for).id, 201

        return await self._serving.make(request, "refund", make, self._refund_shown, PAYMENT_KEYS_KEPT, mocks=True)

    async def _show_refund(self, request: Request, id: str) -> Response:
        def work(call: Call) -> Response:
            return json_response(resources.refund(self._refund_of(call.account, id), self._state))

        return await self._serving.serve(request, "lookup", work, mocks=True)

    def _authorization_shown(self, id: str, wants_all: bool) -> Response:
        resource = resources.authorization(self._state.authorizations[id], self._state)
        return shown(resource, minimum(resource), wants_all)

    def _capture_shown(self, id: str, wants_all: bool) -> Response:
        resource = resources.capture(self._state.captures[id], self._state)
        return shown(resource, minimum(resource), wants_all)

    def _refund_shown(self, id: str, wants_all: bool) -> Response:
        resource = resources.refund(self._state.refunds[id], self._state)
        return shown(resource, minimum(resource), wants_all)

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

    def _refund_of(self, account: str, id: str) -> Refund:
        it = self._state.refunds.get(id)
        if it is None or it.capture.order.account != account:
            raise not_found()
        return it

    # vault

    async def _set_up(self, request: Request) -> Response:
        def make(call: Call) -> tuple[str, int]:
            return vault.create_setup_token(self._world, self._state, call.account, call.object()).id, 201

        def show(id: str, wants_all: bool) -> Response:
            return json_response(vault.show_setup_token(self._state.setup_tokens[id], self._state))

        return await self._serving.make(request, "save", make, show, VAULT_KEYS_KEPT)

    async def _show_setup(self, request: Request, id: str) -> Response:
        def work(call: Call) -> Response:
            token = vault.setup_token_of(self._world, self._state, call.account, id)
            return json_response(vault.show_setup_token(token, self._state))

        return await self._serving.serve(request, "lookup", work)

    async def _vault(self, request: Request) -> Response:
        def make(call: Call) -> tuple[str, int]:
            return vault.create_payment_token(self._world, self._state, call.account, call.object()).token, 201

        def show(id: str, wants_all: bool) -> Response:
            return json_response(vault.show_payment_token(vault.kept_token(self._world, id), self._state))

        return await self._serving.make(request, "save", make, show, VAULT_KEYS_KEPT)

    async def _list_tokens(self, request: Request) -> Response:
        def work(call: Call) -> Response:
            return json_response(vault.list_payment_tokens(self._world, self._state, call.account, request.query))

        return await self._serving.serve(request, "lookup", work)

    async def _show_token(self, request: Request, id: str) -> Response:
        def work(call: Call) -> Response:
            kept = vault.payment_token_of(self._world, call.account, id)
            return json_response(vault.show_payment_token(kept, self._state))

        return await self._serving.serve(request, "lookup", work)

    async def _delete_token(self, request: Request, id: str) -> Response:
        def work(call: Call) -> Response:
            vault.delete(self._world, call.account, id)
            return Response(204)

        return await self._serving.serve(request, "detach", work)

    # without an access token

    async def _token(self, request: Request) -> Response:
        self._serving.open(request)
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        client_id, _, client_secret = _decoded(encoded).partition(":")
        account = self._world.account_where("paypal", client_id=client_id, client_secret=client_secret)

        async def work(declined_for: str | None) -> Response:
            if scheme != "Basic" or account is None:
                message = {"error": "invalid_client", "error_description": "Client Authentication failed"}
                return json_response(message, 401)
            if dict(parse_qsl(request.body.decode())).get("grant_type") != "client_credentials":
                return json_response({"error": "unsupported_grant_type", "error_description": "not supported"}, 400)
            return self._new_token(account)

        return await play(self._trouble_with_the_token(account or "", request.path), work, failure)

    def _trouble_with_the_token(self, account: str, path: str) -> Trouble | None:
        """A scenario for "*" is meant for the call that the token is for; `token` and `probe` are for this one."""
        facts, now = {"account": account, "path": path}, self._world.clock.now()
        for scenario in self._world.scenarios:
            if scenario.operation in ("token", "probe") and scenario.strikes("paypal", scenario.operation, facts, now):
                return scenario.trouble()
        return None

    def _new_token(self, account: str) -> Response:
        now = self._world.clock.now()
        return json_response(
            {
                "scope": "https://uri.paypal.com/services/payments/payment",
                "access_token": self._state.new_token(account, now),
                "token_type": "Bearer",
                "app_id": "APP-80W284485P519543T",
                "expires_in": TOKEN_LIFETIME_S,
                "nonce": stamp(now),
            }
        )

    async def _certificate(self, request: Request, id: str) -> Response:
        signer = self._state.signer
        if id != signer.cert_id:
            return not_found().response()
        return Response(200, signer.chain_pem, {"content-type": "application/x-pem-file"})

    async def _authority(self, request: Request) -> Response:
        """Not PayPal's: the root to trust in this world, as a public one would be trusted in the other."""
        return Response(200, paypal_ca_pem(self._world), {"content-type": "application/x-pem-file"})


def _decoded(encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode()
    except ValueError:
        return ""
