"""Just enough of a web framework for simulators: request, response, a router, and a way to drop the connection."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, Literal, assert_never
from urllib.parse import parse_qsl

from simulators.scenarios import Behaviour, Trouble

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

DROP_KEY = "clearway.drop"
"""Scope key under which `server.py` leaves the function that aborts the connection."""


FALL_KEY = "clearway.fall"
"""Scope key under which `server.py` leaves the function that closes the whole port for so many seconds."""


TUNNEL_KEY = "clearway.tunnel"
"""Scope key under which `server.py` leaves the host and port that a request's tunnel was asked for."""


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
    """`missing_bytes` are announced and never sent: the connection breaks off before them."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    missing_bytes: int = 0


def json_response(payload: object, status: int = 200, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, json.dumps(payload).encode(), {"content-type": "application/json", **named})


def html_response(html: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(status, html.encode(), {"content-type": "text/html; charset=utf-8", **(headers or {})})


def see_other(url: str) -> Response:
    return Response(303, b"", {"location": url})


Handler = Callable[..., Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Connection:
    """What a scenario needs of the connection that a request came by."""

    scope: Scope
    receive: Receive

    async def silence(self, seconds: float) -> None:
        """Until the client leaves, or for so many seconds where there are any."""
        try:
            async with asyncio.timeout(seconds or None):
                while (await self.receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return

    def fall(self, seconds: float) -> None:
        self.scope[FALL_KEY](seconds)


_connection: ContextVar[Connection] = ContextVar("connection")


class App:
    """An ASGI app of routes like `POST /v1/charges/{id}`; handlers take (request, **path parameters)."""

    def __init__(self, not_found: Callable[[Request], Response] | None = None) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._not_found = not_found or (lambda request: json_response({"error": "not found"}, 404))

    def route(self, method: str, pattern: str, handler: Handler) -> None:
        regex = re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern) + "$")
        self._routes.append((method, regex, handler))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await respond(scope, receive, send, self.answer)

    async def answer(self, request: Request) -> Response:
        for method, regex, handler in self._routes:
            if method == request.method and (match := regex.match(request.path)):
                return await handler(request, **match.groupdict())
        return self._not_found(request)


async def respond(scope: Scope, receive: Receive, send: Send, answer: Callable[[Request], Awaitable[Response]]) -> None:
    """Reads the request, has it answered, and sends the answer or drops the connection."""
    request = await read_request(scope, receive)
    _connection.set(Connection(scope, receive))
    try:
        response = await answer(request)
    except ConnectionDropped:
        await drop(scope)
        return
    await send_response(response, send)
    if response.missing_bytes:
        await drop(scope)


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
    announced = len(response.body) + response.missing_bytes
    headers.append((b"content-length", str(announced).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": bool(response.missing_bytes)})


async def drop(scope: Scope) -> None:
    """Aborts the connection that the request came by. Usable from any framework; what it answers then goes nowhere."""
    scope[DROP_KEY]()
    await asyncio.sleep(0.01)  # lets uvicorn see the loss, or it would complain of a missing answer


async def play(
    trouble: Trouble | None,
    work: Callable[[str | None], Awaitable[Response]],
    failure: Callable[[int], Response],
) -> Response:
    """Runs `work(decline reason or None)` in trouble or without; `failure(500 or 429)` makes the gateway's own error.

    Raises ConnectionDropped where the connection is to be lost.
    """
    if trouble is None:
        return await work(None)
    if trouble.delay_s:
        await asyncio.sleep(trouble.delay_s)
    match trouble.behaviour:
        case Behaviour.DELAY:
            return await work(None)
        case Behaviour.DECLINE:
            return await work(trouble.declined_for)
        case Behaviour.HTTP_500:
            return failure(500)
        case Behaviour.HTTP_429:
            return _slowed_down(failure(429), trouble.retry_after_s)
        case Behaviour.HTTP_500_AFTER:
            await work(None)
            return failure(500)
        case Behaviour.LOSE_REQUEST | Behaviour.LOSE_REPLY | Behaviour.HANG | Behaviour.HANG_AFTER | Behaviour.REFUSE:
            await _never_answer(trouble, work)
            raise ConnectionDropped
        case _:
            return _mangled(await work(None), trouble.behaviour, trouble.status)


def _mangled(
    response: Response,
    behaviour: Literal[
        Behaviour.MALFORMED_JSON,
        Behaviour.HTML_INSTEAD,
        Behaviour.TRUNCATED_BODY,
        Behaviour.WRONG_CONTENT_TYPE,
        Behaviour.EMPTY_BODY,
    ],
    status: int,
) -> Response:
    """The answer as it arrives. One that has no body (204) is given one to spoil."""
    body = response.body or b"{}"
    whole = replace(response, status=200 if response.status == 204 else response.status)
    match behaviour:
        case Behaviour.MALFORMED_JSON:
            return replace(whole, body=body[:-1] + b',"')  # nor YAML, which some readers fall back on
        case Behaviour.HTML_INSTEAD:
            return html_response(_PROXY_PAGE.format(status=status), status)
        case Behaviour.TRUNCATED_BODY:
            half = len(body) // 2
            return replace(whole, body=body[:half], missing_bytes=len(body) - half)
        case Behaviour.WRONG_CONTENT_TYPE:
            return replace(response, headers={**response.headers, "content-type": "text/html; charset=utf-8"})
        case Behaviour.EMPTY_BODY:
            return replace(response, body=b"")
        case _:
            assert_never(behaviour)


_PROXY_PAGE = "<html><head><title>{status}</title></head><body><h1>{status}</h1>a proxy</body></html>"


async def _never_answer(trouble: Trouble, work: Callable[[str | None], Awaitable[Response]]) -> None:
    if trouble.behaviour in (Behaviour.LOSE_REPLY, Behaviour.HANG_AFTER):
        await work(None)
    if trouble.behaviour in (Behaviour.HANG, Behaviour.HANG_AFTER):
        await _connection.get().silence(trouble.seconds)
    if trouble.behaviour is Behaviour.REFUSE:
        _connection.get().fall(trouble.seconds)


def _slowed_down(response: Response, retry_after_s: int | None) -> Response:
    if retry_after_s is None:
        return response
    return Response(response.status, response.body, {**response.headers, "retry-after": str(retry_after_s)})
