"""Just enough of a web framework for simulators: request, response, a router, and a way to drop the connection."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from simulators.scenarios import Behaviour, Scenario

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

DROP_KEY = "clearway.drop"
"""Scope key under which `server.py` leaves the function that aborts the connection."""


class ConnectionDropped(Exception):
    """Raised by a handler: the connection is aborted (TCP reset) and no answer is sent."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # names in lower case
    body: bytes
    scope: Scope

    def json(self) -> Any:
        """Raises ValueError for a body that is not JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def json_response(payload: object, status: int = 200, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, json.dumps(payload).encode(), {"content-type": "application/json", **named})


def html_response(html: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(status, html.encode(), {"content-type": "text/html; charset=utf-8", **(headers or {})})


def see_other(url: str) -> Response:
    return Response(303, b"", {"location": url})


Handler = Callable[..., Awaitable[Response]]


class App:
    """An ASGI app of routes like `POST /v1/charges/{id}`; handlers take (request, **path parameters)."""

    def __init__(self, not_found: Callable[[Request], Response] | None = None) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._not_found = not_found or (lambda request: json_response({"error": "not found"}, 404))

    def route(self, method: str, pattern: str, handler: Handler) -> None:
        regex = re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern) + "$")
        self._routes.append((method, regex, handler))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = await read_request(scope, receive)
        try:
            response = await self.answer(request)
        except ConnectionDropped:
            await drop(scope)
            return
        await send_response(response, send)

    async def answer(self, request: Request) -> Response:
        for method, regex, handler in self._routes:
            if method == request.method and (match := regex.match(request.path)):
                return await handler(request, **match.groupdict())
        return self._not_found(request)


async def read_request(scope: Scope, receive: Receive) -> Request:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
    return Request(scope["method"], scope["path"], query, headers, b"".join(chunks), scope)


async def send_response(response: Response, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


async def drop(scope: Scope) -> None:
    """Aborts the connection that the request came by. Usable from any framework; what it answers then goes nowhere."""
    scope[DROP_KEY]()
    await asyncio.sleep(0.01)  # lets uvicorn see the loss, or it would complain of a missing answer


async def play(
    scenario: Scenario | None,
    work: Callable[[str | None], Awaitable[Response]],
    failure: Callable[[int], Response],
) -> Response:
    """Runs `work(decline reason or None)` under a scenario; `failure(500 or 429)` makes the gateway's own error.

    Raises ConnectionDropped where the scenario says that the connection is lost.
    """
    if scenario is None:
        return await work(None)
    match scenario.behaviour:
        case Behaviour.DELAY:
            await asyncio.sleep(scenario.seconds)
            return await work(None)
        case Behaviour.DECLINE:
            return await work(scenario.reason)
        case Behaviour.HTTP_500:
            return failure(500)
        case Behaviour.HTTP_429:
            return failure(429)
        case Behaviour.HTTP_500_AFTER:
            await work(None)
            return failure(500)
        case Behaviour.LOSE_REQUEST:
            raise ConnectionDropped
        case Behaviour.LOSE_REPLY:
            await work(None)
            raise ConnectionDropped
