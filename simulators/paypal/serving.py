"""What all of PayPal's calls share: the access token, the body, trouble, mock responses, and PayPal-Request-Id.

A repeated id is answered with status 200 and what the first request made, as it is now; the body does not matter. Only
successes are kept, so that a refused request can be sent again under its id.
developer.paypal.com/api/rest/reference/idempotency: "PayPal returns the latest status of the previous request".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from simulators.asgi import Request, Response, json_response, play
from simulators.paypal.issues import ISSUES
from simulators.paypal.sandbox import mocked_issue
from simulators.paypal.state import Made, State
from simulators.paypal.wire import Json, Refused, RefusedByName, error
from simulators.world import World

Show = Callable[[str, bool], Response]
"""Answers with the resource of this id, all of it or (False) the minimum, with status 200."""


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request. `body` is the JSON as it is; `declined_for` what a scenario orders."""

    request: Request
    account: str
    body: Any
    declined_for: str | None

    @property
    def wants_all(self) -> bool:
        return "return=representation" in self.request.headers.get("prefer", "")

    @property
    def request_id(self) -> str:
        return self.request.headers.get("paypal-request-id", "")

    def object(self) -> Json:
        """The body as an object; nothing is an empty one. Raises Refused."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise Refused("MALFORMED_REQUEST_JSON")
        return self.body


Work = Callable[[Call], Response]
"""Does it. Raises Refused or RefusedByName."""

Make = Callable[[Call], tuple[str, int]]
"""Does it and says the id of what was made, and the status to answer the first time. Raises Refused."""


class Serving:
    """Bound to one world."""

    def __init__(self, world: World, state: State) -> None:
        self._world, self._state = world, state

    def open(self, request: Request) -> None:
        """Notes how we are addressed, for the links in answers."""
        self._state.base_url = "http://" + request.headers.get("host", "127.0.0.1")

    async def serve(self, request: Request, operation: str, work: Work, *, mocks: bool = False) -> Response:
        """Runs `work`; `mocks` where PayPal-Mock-Response is understood."""
        self.open(request)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        account = self._state.account_of_token(token, self._world.clock.now()) if scheme == "Bearer" else None
        if account is None:
            return error(401, "AUTHENTICATION_FAILURE")
        try:
            body = _body(request)
        except ValueError:
            return Refused("MALFORMED_REQUEST_JSON").response()
        if mocks and (mocked := mocked_issue(request.headers.get("paypal-mock-response", ""))):
            if mocked == "INTERNAL_SERVER_ERROR":
                return failure(500)
            if mocked in ISSUES:
                return Refused(mocked).response()

        async def once(declined_for: str | None) -> Response:
            return _answered(lambda: work(Call(request, account, body, declined_for)))

        facts = {"account": account, "path": request.path, "reference": _reference(body)}
        return await play(self._world.take_scenario("paypal", operation, **facts), once, failure)

    async def make(
        self, request: Request, operation: str, make: Make, show: Show, kept: timedelta, *, mocks: bool = False
    ) -> Response:
        """Like `serve`, for a POST that goes by its PayPal-Request-Id for the time `kept`."""

        def work(call: Call) -> Response:
            key = (call.account, request.path, call.request_id)
            if call.request_id and (made := self._remembered(key, kept)):
                return show(made.id, call.wants_all)
            id, status = make(call)
            if call.request_id:
                self._state.made[key] = Made(id, self._world.clock.now())
            first = show(id, call.wants_all)
            return Response(status if first.status == 200 else first.status, first.body, first.headers)

        return await self.serve(request, operation, work, mocks=mocks)

    def _remembered(self, key: tuple[str, ...], kept: timedelta) -> Made | None:
        made = self._state.made.get(key)
        return made if made is not None and self._world.clock.now() - made.at <= kept else None


def failure(status: int) -> Response:
    return error(429, "RATE_LIMIT_REACHED") if status == 429 else error(500, "INTERNAL_SERVER_ERROR")


def shown(resource: Json, minimal: Json | None, wants_all: bool) -> Response:
    """All of it, or id, status and links where the caller did not ask for all."""
    return json_response(resource if wants_all or minimal is None else minimal)


def minimum(resource: Json) -> Json:
    return {name: resource[name] for name in ("id", "status", "links")}


def _answered(work: Callable[[], Response]) -> Response:
    try:
        return work()
    except (Refused, RefusedByName) as refused:
        return refused.response()


def _body(request: Request) -> Any:
    """JSON, or the part `input` of a form with files. Raises ValueError."""
    if not request.body:
        return None
    if request.headers.get("content-type", "").startswith("multipart/"):
        return _multipart(request)[0]
    return request.json()


def files_of(request: Request) -> list[str]:
    """Names of the files that came with the request."""
    is_form = request.headers.get("content-type", "").startswith("multipart/")
    return _multipart(request)[1] if is_form else []


def _multipart(request: Request) -> tuple[Any, list[str]]:
    """developer.paypal.com/docs/disputes/integration-guide: the JSON is in the part `input`, files in others."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + request.body)
    body, files = None, []
    for part in message.iter_parts():
        content = part.get_content()
        if part.get_filename():
            files.append(str(part.get_filename()))
        if part.get_param("name", header="content-disposition") == "input":
            body = json.loads(content)
    return body, files


def _reference(body: Any) -> str:
    """The merchant's reference of the first unit, for scenarios that wait for it."""
    units = body.get("purchase_units") if isinstance(body, dict) else None
    first = units[0] if isinstance(units, list) and units and isinstance(units[0], dict) else {}
    return str(first.get("custom_id") or first.get("invoice_id") or "")
