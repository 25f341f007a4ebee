"""The Adyen simulator's routes: authentication, idempotency and trouble in one place, the work elsewhere.

Same key and another body is answered 422 / 704, as is a key whose first request still runs. The first is our reading:
Adyen's page on idempotency only promises that a repeated request is not carried out twice.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote

from simulators.adyen import modifications, payments
from simulators.adyen.state import State, state_of
from simulators.adyen.wire import error
from simulators.asgi import App, ASGIApp, Request, Response, html_response, json_response, play, see_other
from simulators.challenge_page import render_challenge
from simulators.currencies import to_decimal
from simulators.issuer import CHALLENGE_PASSWORD
from simulators.replays import Known
from simulators.world import World

KEY_LIFETIME = timedelta(days=31)  # docs.adyen.com/development-resources/api-idempotency: at least
KEY_MAX_LENGTH = 64

Work = Callable[[str, dict[str, Any], str | None], Response]
"""Takes the merchant account, the request's body, and the reason to decline (None: as the issuer says)."""


def create_app(world: World) -> ASGIApp:
    """The Checkout API under /v72, the challenge page, and the reports to download."""
    return AdyenApp(world, state_of(world)).app


class AdyenApp:
    """Routes bound to one world."""

    def __init__(self, world: World, state: State) -> None:
        self._world, self._state = world, state
        self.app = App(not_found=lambda request: error(404, "000", "Not Found", "internal"))
        post = partial(self.app.route, "POST")
        post("/v72/payments", self._pay)
        post("/v72/payments/details", self._complete)
        post("/v72/payments/{psp}/captures", partial(self._modify, "capture", modifications.capture))
        post("/v72/payments/{psp}/cancels", partial(self._modify, "void", modifications.cancel))
        post("/v72/payments/{psp}/refunds", partial(self._modify, "refund", modifications.refund))
        post("/v72/cancels", self._cancel_by_reference)
        post("/v72/paymentMethods", self._payment_methods)
        self.app.route("GET", "/challenge/{id}", self._challenge)
        post("/challenge/{id}", self._answer_challenge)
        self.app.route("GET", "/reports/download/MerchantAccount/{account}/{name}", self._report)

    async def _pay(self, request: Request) -> Response:
        work = partial(payments.pay, self._world, self._state)
        return await self._serve(request, "confirm", work)

    async def _complete(self, request: Request) -> Response:
        work = partial(payments.complete, self._world, self._state)
        return await self._serve(request, "complete", work)

    async def _modify(self, operation: str, verb: Callable[..., Response], request: Request, psp: str) -> Response:
        def work(account: str, body: dict[str, Any], declined_for: str | None) -> Response:
            return verb(self._world, self._state, account, psp, body, declined_for)

        return await self._serve(request, operation, work)

    async def _cancel_by_reference(self, request: Request) -> Response:
        work = partial(modifications.cancel_by_reference, self._world, self._state)
        return await self._serve(request, "void", work)

    async def _payment_methods(self, request: Request) -> Response:
        def work(account: str, body: dict[str, Any], declined_for: str | None) -> Response:
            method = {"brands": ["visa", "mc", "amex"], "name": "Cards", "type": "scheme"}
            return json_response({"paymentMethods": [method]})

        return await self._serve(request, "lookup", work)

    async def _serve(self, request: Request, operation: str, work: Work) -> Response:
        self._state.base_url = "http://" + request.headers.get("host", "127.0.0.1")
        try:
            body = request.json()
        except ValueError:
            return error(400, "702", "Invalid JSON")
        if not isinstance(body, dict):
            return error(400, "702", "Invalid JSON")
        if denied := self._denied(request, body):
            return denied
        account = str(body.get("merchantAccount") or self._account_of(request))
        key = request.headers.get("idempotency-key", "")
        if len(key) > KEY_MAX_LENGTH:
            return error(422, "705", "Idempotency key is longer than 64 characters")

        async def once(declined_for: str | None) -> Response:
            return self._once(request, account, key, lambda: work(account, body, declined_for))

        facts = {"account": account, "reference": body.get("reference", "")}
        scenario = self._world.take_scenario("adyen", operation, **facts)
        return await play(scenario, once, _failure)

    def _once(self, request: Request, account: str, key: str, work: Callable[[], Response]) -> Response:
        """The work, or the first answer to this key. Keys are the company's: one space for all merchant accounts."""
        if not key:
            return work()
        replays = self._state.replays
        # One space per path as well, as it is the same key on another resource that must not be answered.
        slot = (request.path, key)
        known, first = replays.begin(slot, request.body, self._world.clock.now(), KEY_LIFETIME)
        if known is Known.ANSWERED and first is not None:
            return first
        if known is not Known.NO:
            return error(422, "704", "Request already processed or in progress")
        response = work()
        if response.status < 300:
            replays.keep(slot, response)
        else:
            replays.forget(slot)
        return response

    def _account_of(self, request: Request) -> str:
        return self._world.account_where("adyen", api_key=request.headers.get("x-api-key", "")) or ""

    def _denied(self, request: Request, body: dict[str, Any]) -> Response | None:
        """401 for a key that nobody registered, 403 / 901 for a merchant account that is not this key's."""
        key = request.headers.get("x-api-key", "")
        if not key or not self._account_of(request):
            return error(401, "000", "HTTP Status Response - Unauthorized", "security")
        account = body.get("merchantAccount")
        if account is None and request.path.endswith("/payments/details"):
            return None  # the one request that need not name it
        if self._world.accounts.get(("adyen", str(account)), {}).get("api_key") != key:
            return error(403, "901", "Invalid Merchant Account", "security")
        return None

    async def _challenge(self, request: Request, id: str) -> Response:
        challenge = self._state.challenges.get(id)
        if challenge is None:
            return error(404, "000", "Not Found", "internal")
        charge = challenge.charge
        amount = f"{to_decimal(charge.amount_minor, charge.currency)} {charge.currency}"
        return html_response(render_challenge(f"/challenge/{id}", amount))

    async def _answer_challenge(self, request: Request, id: str) -> Response:
        challenge = self._state.challenges.get(id)
        if challenge is None:
            return error(404, "000", "Not Found", "internal")
        if challenge.passed is None:  # the first answer counts
            challenge.passed = dict(parse_qsl(request.body.decode())).get("password") == CHALLENGE_PASSWORD
        joint = "&" if "?" in challenge.return_url else "?"
        return see_other(f"{challenge.return_url}{joint}redirectResult={quote(challenge.redirect_result)}")

    async def _report(self, request: Request, account: str, name: str) -> Response:
        """The file of a REPORT_AVAILABLE, for the account's API key in X-API-Key or as a Basic password."""
        given = request.headers.get("x-api-key", "")
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            given = base64.b64decode(encoded).decode().partition(":")[2]
        if not given or self._world.accounts.get(("adyen", account), {}).get("api_key") != given:
            return Response(401, b"Unauthorized", {"www-authenticate": 'Basic realm="Adyen reports"'})
        report = self._state.reports.get((account, name))
        return Response(200, report, {"content-type": "text/csv"}) if report else Response(404)


def _failure(status: int) -> Response:
    """Adyen's own trouble: 500 / 903 says nothing of what was done; 429 was not processed."""
    if status == 429:
        return error(429, "907", "Too many requests", "internal")
    return error(500, "903", "Internal error", "internal")
