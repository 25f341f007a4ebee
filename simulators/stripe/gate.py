"""How a call to the API is let in and answered: key, account, idempotency, trouble on order, expansion, headers."""

from __future__ import annotations

import base64
import binascii
import inspect
from dataclasses import replace
from typing import Any

from simulators.asgi import Handler, Request, Response, json_response, play
from simulators.scenarios import Behaviour
from simulators.stripe.calls import Call, Verb
from simulators.stripe.errors import StripeError, invalid, server_error
from simulators.stripe.expansion import expand
from simulators.stripe.form import Form, mapping, parse_form
from simulators.stripe.multipart import parse_multipart
from simulators.stripe.objects import new_id
from simulators.stripe.state import state_of, table
from simulators.stripe.webhooks import API_VERSION, CAUSE
from simulators.world import World


class Gate:
    def __init__(self, world: World) -> None:
        self._world = world
        self._keys = state_of(world).keys

    def post(self, verb: Verb, operation: str) -> Handler:
        """A call that changes something: its first answer is kept under the idempotency key."""

        async def handle(request: Request, id: str = "", sub: str = "") -> Response:
            request_id, sent_key = new_id("req"), request.headers.get("idempotency-key", "")
            key = sent_key or new_id("key")
            try:
                account = self._account(request)
                form = _form_of(request)
                _refuse_what_the_version_lacks(request, form)
                endpoint = f"{request.method} {request.path}"
                if replay := self._keys.begin(account, key, endpoint, form, self._world.clock.now()):
                    return _finished(replay, request, request_id)
            except StripeError as error:
                return _finished(error.response(), request, request_id)
            token = CAUSE.set((request_id, sent_key or None))
            try:
                answer = await self._execute(verb, operation, Call(account, form, id, sub), key, request_id)
                return _finished(answer, request, request_id)
            finally:
                CAUSE.reset(token)
                self._keys.forget_unfinished(account, key)

        return handle

    def get(self, verb: Verb, operation: str) -> Handler:
        async def handle(request: Request, id: str = "", sub: str = "") -> Response:
            request_id = new_id("req")
            try:
                account = self._account(request)
                call = Call(account, parse_form(request.scope["query_string"].decode()), id, sub)

                async def work(decline: str | None) -> Response:
                    return await self._run(verb, call)

                trouble = self._trouble(self._kind_of_read(operation, id), call)
                return _finished(await play(trouble, work, server_error), request, request_id)
            except StripeError as error:
                return _finished(error.response(), request, request_id)

        return handle

    async def _execute(self, verb: Verb, operation: str, call: Call, key: str, request_id: str) -> Response:
        trouble = self._trouble(operation, call)

        async def work(decline: str | None) -> Response:
            try:
                response = await self._run(verb, Call(call.account, call.form, call.id, call.sub, decline))
            except StripeError as error:
                response = error.response()
                if not error.began:
                    return response
            self._keep(call.account, key, response, request_id)
            return response

        def failure(status: int) -> Response:
            response = server_error(status)
            if trouble is not None and trouble.behaviour is Behaviour.HTTP_500_AFTER:
                self._keep(call.account, key, response, request_id)  # a stored 500 is replayed as a 500
            return response

        return await play(trouble, work, failure)

    async def _run(self, verb: Verb, call: Call) -> Response:
        answer = verb(call)
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, Response):
            return answer
        return json_response(expand(self._world, call.account, answer, call.form))

    def _keep(self, account: str, key: str, response: Response, request_id: str) -> None:
        named = Response(response.status, response.body, {**response.headers, "request-id": request_id})
        self._keys.keep(account, key, named)

    def _trouble(self, operation: str, call: Call) -> Any:
        intent = state_of(self._world).intents.get(call.id)
        known = intent.metadata if intent is not None else mapping(call.form, "metadata")
        facts = {
            "reference": known.get("clearway_attempt", ""),
            "payment_reference": known.get("clearway_payment", ""),
        }
        return self._world.take_scenario("stripe", operation, account=call.account, id=call.id, **facts)

    def _kind_of_read(self, operation: str, id: str) -> str:
        """A read after the shopper's return is how a payment with authentication is completed."""
        intent = state_of(self._world).intents.get(id)
        return "complete" if operation == "lookup" and intent is not None and intent.was_challenged else operation

    def _account(self, request: Request) -> str:
        """Of the key, or the connected account that the platform names (docs.stripe.com/connect/authentication)."""
        key = _sent_key(request)
        if not key:
            message = (
                "You did not provide an API key. You need to provide your API key in the Authorization header, "
                "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            )
            raise StripeError(401, message, began=False)
        own = self._world.account_where("stripe", secret_key=key)
        if own is None:
            masked = f"{key[:8]}{'*' * 12}{key[-4:]}" if len(key) > 16 else "*" * 12
            raise StripeError(401, f"Invalid API Key provided: {masked}", began=False)
        named = request.headers.get("stripe-account", own)
        if named != own and table(self._world, "account").get(own, named) is None:
            message = (
                f"The provided key '{key[:8]}{'*' * 12}' does not have access to account '{named}' "
                "(or that account does not exist). Application access may have been revoked."
            )
            raise StripeError(403, message, code="account_invalid", began=False)
        return named


def _sent_key(request: Request) -> str:
    scheme, _, sent = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return sent.strip()
    try:
        return base64.b64decode(sent, validate=True).decode().partition(":")[0] if scheme.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _form_of(request: Request) -> Form:
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        return parse_multipart(request.body, kind)
    return parse_form(request.body.decode())


def _refuse_what_the_version_lacks(request: Request, form: Form) -> None:
    """docs.stripe.com/changelog/endive/2026-09-30: `payment_method_types` cannot be written to intents any more, nor to
    Checkout Sessions."""
    intents = ("/v1/payment_intents", "/v1/setup_intents", "/v1/checkout/sessions")
    version = request.headers.get("stripe-version", API_VERSION)
    if version >= "2026-09-30" and request.path.startswith(intents) and "payment_method_types" in form:
        message = "The parameter `payment_method_types` is no longer supported. Use `allowed_payment_method_types`."
        raise invalid(message, "payment_method_types", "payment_method_types_no_longer_supported")


def _finished(response: Response, request: Request, request_id: str) -> Response:
    """Every answer has a request id of its own, a replayed one too."""
    headers = {**response.headers, "request-id": request_id}
    headers["stripe-version"] = request.headers.get("stripe-version", API_VERSION)
    if key := request.headers.get("idempotency-key"):
        headers["idempotency-key"] = key
    if account := request.headers.get("stripe-account"):
        headers["stripe-account"] = account
    if should_retry := _should_retry(response):
        headers["stripe-should-retry"] = should_retry
    return replace(response, headers=headers)


def _should_retry(response: Response) -> str:
    """docs.stripe.com/error-low-level: true, false, or nothing where Stripe cannot say."""
    if response.status < 400:
        return ""
    if response.headers.get("idempotent-replayed"):
        return "false"
    return "true" if response.status in (409, 500) else "false"
