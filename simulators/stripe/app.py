"""The simulated Stripe API v1: routes, keys, idempotency and what goes wrong on purpose."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

from simulators.asgi import App, Handler, Request, Response, html_response, json_response, play, see_other
from simulators.challenge_page import render_challenge
from simulators.currencies import to_decimal
from simulators.scenarios import Behaviour
from simulators.stripe.amounts import from_world, parse_amount, to_world
from simulators.stripe.errors import StripeError, missing_resource, server_error
from simulators.stripe.form import Form, parse_form, text
from simulators.stripe.intents import Intents
from simulators.stripe.objects import Intent, IntentStatus, new_id, show_charge, show_intent, show_refund
from simulators.stripe.state import state_of
from simulators.world import World

Endpoint = Callable[[str, Form, str, str | None], dict[str, Any]]
"""(account, parameters, id in the path or "", decline that a scenario orders) -> the object to show."""

_SEARCH_TERM = re.compile(r"metadata\[(['\"])(.+?)\1\]\s*:\s*(['\"])(.*?)\3")


def create_app(world: World) -> App:
    return _Stripe(world).app


class _Stripe:
    def __init__(self, world: World) -> None:
        self.world = world
        self.intents = Intents(world)
        self.keys = state_of(world).keys
        self.app = App(not_found=_unknown_url)
        self._mount()

    def _mount(self) -> None:
        post, get = self._post, self._get
        self.app.route("POST", "/v1/payment_intents", post(self._create, "create"))
        self.app.route("POST", "/v1/payment_intents/{id}/confirm", post(self._confirm, "confirm"))
        self.app.route("POST", "/v1/payment_intents/{id}/capture", post(self._capture, "capture"))
        self.app.route("POST", "/v1/payment_intents/{id}/cancel", post(self._cancel, "void"))
        self.app.route("POST", "/v1/refunds", post(self._refund, "refund"))
        self.app.route("GET", "/v1/payment_intents", get(self._list, "lookup"))
        self.app.route("GET", "/v1/payment_intents/search", get(self._search, "lookup"))
        self.app.route("GET", "/v1/payment_intents/{id}", get(self._retrieve, "lookup"))
        self.app.route("GET", "/v1/charges/{id}", get(self._charge, "lookup"))
        self.app.route("GET", "/v1/refunds", get(self._refunds, "lookup"))
        self.app.route("GET", "/v1/refunds/{id}", get(self._one_refund, "lookup"))
        self.app.route("GET", "/v1/balance", get(self._balance, "lookup"))
        self.app.route("GET", "/v1/payouts", get(self._payouts, "lookup"))
        self.app.route("GET", "/challenge/{id}", self._challenge_page)
        self.app.route("POST", "/challenge/{id}", self._challenge_answer)

    # how a call is answered

    def _post(self, endpoint: Endpoint, operation: str) -> Handler:
        async def handle(request: Request, id: str = "") -> Response:
            try:
                account = self._account(request)
                form = parse_form(request.body.decode())
                key = request.headers.get("idempotency-key") or new_id("key")
                if replay := self.keys.begin(account, key, request, self.world.clock.now()):
                    return _named(replay)
            except StripeError as error:
                return _named(error.response())
            try:
                return _named(await self._execute(endpoint, operation, account, form, id, key))
            finally:
                self.keys.forget_unfinished(account, key)

        return handle

    async def _execute(
        self, endpoint: Endpoint, operation: str, account: str, form: Form, id: str, key: str
    ) -> Response:
        scenario = self.world.take_scenario("stripe", operation, account=account, id=id)

        async def work(decline: str | None) -> Response:
            try:
                response = json_response(endpoint(account, form, id, decline))
            except StripeError as error:
                response = error.response()
                if not error.began:
                    return response
            self.keys.keep(account, key, response)
            return response

        def failure(status: int) -> Response:
            response = server_error(status)
            if scenario is not None and scenario.behaviour is Behaviour.HTTP_500_AFTER:
                self.keys.keep(account, key, response)  # a stored 500 is replayed as a 500
            return response

        return await play(scenario, work, failure)

    def _get(self, endpoint: Endpoint, operation: str) -> Handler:
        async def handle(request: Request, id: str = "") -> Response:
            async def work(decline: str | None) -> Response:
                form = parse_form(request.scope["query_string"].decode())
                return json_response(endpoint(account, form, id, None))

            try:
                account = self._account(request)
                intent = self.intents.find_any(id)
                # a read after the shopper's return is how a payment with authentication is completed
                kind = "complete" if intent is not None and intent.was_challenged else operation
                scenario = self.world.take_scenario("stripe", kind, account=account, id=id)
                return _named(await play(scenario, work, server_error))
            except StripeError as error:
                return _named(error.response())

        return handle

    def _account(self, request: Request) -> str:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        account = self.world.account_where("stripe", secret_key=key) if key else None
        if account is None:
            masked = f"{key[:8]}{'*' * 12}{key[-4:]}" if len(key) > 16 else "*" * 12
            raise StripeError(401, f"Invalid API Key provided: {masked}", began=False)
        return account

    # endpoints

    def _create(self, account: str, form: Form, id: str, decline: str | None) -> dict[str, Any]:
        intent = self.intents.create(account, form)
        if text(form, "confirm") == "true":
            self.intents.confirm(intent, form, decline)
        return show_intent(intent, _expands_charge(form))

    def _confirm(self, account: str, form: Form, id: str, decline: str | None) -> dict[str, Any]:
        return show_intent(self.intents.confirm(self.intents.find(account, id), form, decline), _expands_charge(form))

    def _capture(self, account: str, form: Form, id: str, decline: str | None) -> dict[str, Any]:
        return show_intent(self.intents.capture(self.intents.find(account, id), form), _expands_charge(form))

    def _cancel(self, account: str, form: Form, id: str, decline: str | None) -> dict[str, Any]:
        return show_intent(self.intents.cancel(self.intents.find(account, id), form), _expands_charge(form))

    def _refund(self, account: str, form: Form, id: str, decline: str | None) -> dict[str, Any]:
        return show_refund(self.intents.refund(account, form))

    def _retrieve(self, account: str, form: Form, id: str, decline: str | None) -> dict[str, Any]:
        return show_intent(self.intents.find(account, id), _expands_charge(form))

    def _charge(self, account: str, form: Form, id: str, decline: str | None) -> dict[str, Any]:
        return show_charge(self.intents.find_charge(account, id))

    def _one_refund(self, account: str, form: Form, id: str, decline: str | None) -> dict[str, Any]:
        return show_refund(self.intents.find_refund(account, id))

    def _refunds(self, account: str, form: Form, id: str, decline: str | None) -> dict[str, Any]:
        found = self.intents.refunds_of(account, text(form, "payment_intent"), text(form, "charge"))
        return _page("/v1/refunds", [show_refund(refund) for refund in found], form)

    def _list(self, account: str, form: Form, id: str, decline: str | None) -> dict[str, Any]:
        return _page("/v1/payment_intents", [show_intent(i) for i in self.intents.newest_first(account)], form)

    def _search(self, account: str, form: Form, id: str, decline: str | None) -> dict[str, Any]:
        """Terms on metadata joined by AND. The real search lags by up to a minute; this one does not."""
        terms = [(match[1], match[3]) for match in _SEARCH_TERM.findall(text(form, "query"))]
        if not terms:
            raise StripeError(400, "We were unable to parse your search query.", param="query")
        found = [i for i in self.intents.newest_first(account) if all(i.metadata.get(k) == v for k, v in terms)]
        page = _page("/v1/payment_intents/search", [show_intent(intent) for intent in found], form)
        return {**page, "object": "search_result", "next_page": None}

    def _balance(self, account: str, form: Form, id: str, decline: str | None) -> dict[str, Any]:
        rows = [
            {
                "amount": from_world(book.balance_minor, currency),
                "currency": currency.lower(),
                "source_types": {"card": from_world(book.balance_minor, currency)},
            }
            for (gateway, owner, currency), book in self.world.books.items()
            if (gateway, owner) == ("stripe", account)
        ]
        return {"object": "balance", "available": rows, "livemode": False, "pending": []}

    def _payouts(self, account: str, form: Form, id: str, decline: str | None) -> dict[str, Any]:
        return _page("/v1/payouts", [], form)

    # the shopper's bank

    async def _challenge_page(self, request: Request, id: str) -> Response:
        intent = self.intents.find_any(id)
        if intent is None or intent.status is not IntentStatus.REQUIRES_ACTION:
            return html_response("<!doctype html><title>Nothing to confirm</title><p>Nothing to confirm here.", 404)
        return html_response(render_challenge(f"/challenge/{id}", _readable(intent)))

    async def _challenge_answer(self, request: Request, id: str) -> Response:
        intent = self.intents.find_any(id)
        if intent is None:
            return missing_resource("payment_intent", id, "intent").response()
        typed = dict(parse_qsl(request.body.decode())).get("password", "")
        passed = self.intents.finish_challenge(intent, typed)
        result = {
            "payment_intent": intent.id,
            "payment_intent_client_secret": intent.client_secret,
            "redirect_status": "succeeded" if passed else "failed",
        }
        joint = "&" if "?" in intent.return_url else "?"
        return see_other(f"{intent.return_url}{joint}{urlencode(result)}")


def _named(response: Response) -> Response:
    """Every answer has a request id of its own, a replayed one too."""
    return Response(response.status, response.body, {**response.headers, "request-id": new_id("req")})


def _page(url: str, shown: list[dict[str, Any]], form: Form) -> dict[str, Any]:
    limit = min(parse_amount(text(form, "limit", "10"), "limit"), 100)
    after = text(form, "starting_after")
    ids = [row["id"] for row in shown]
    rest = shown[ids.index(after) + 1 :] if after in ids else shown
    return {"object": "list", "data": rest[:limit], "has_more": len(rest) > limit, "url": url}


def _expands_charge(form: Form) -> bool:
    asked = form.get("expand", {})
    return isinstance(asked, dict) and any(str(name).startswith("latest_charge") for name in asked.values())


def _readable(intent: Intent) -> str:
    currency = intent.currency.upper()
    return f"{to_decimal(to_world(intent.amount, currency), currency)} {currency}"


def _unknown_url(request: Request) -> Response:
    message = f"Unrecognized request URL ({request.method}: {request.path})."
    return StripeError(404, message).response()
