"""Where gateways tell us what happened. No API key: the signature over the raw body says who is speaking.

Plain ASGI before the application's own routing, which costs more than everything else that is done for a webhook.
"""

import re
from typing import Any

import msgspec
from litestar import Request
from litestar.enums import ScopeType
from litestar.exceptions import MethodNotAllowedException
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from orchestrator.errors import ClearwayError, NotFound
from orchestrator.gateways import connections
from orchestrator.http.problems import MEDIA_TYPE, problem_response
from orchestrator.settings import get_settings
from orchestrator.webhooks import service

PREFIX = "/webhooks/"
TEMPLATE = "/webhooks/{account_id}"
_ACCOUNT_ID = re.compile(r"ga_[0-9A-Za-z_]{1,57}")
# Adyen takes an answer for received when it is 202 or says `[accepted]`
# (https://docs.adyen.com/development-resources/webhooks/configure-and-manage/accept-webhooks/).
_ANSWERS: dict[str, tuple[int, bytes]] = {"adyen": (202, b"[accepted]")}
_ANSWER: tuple[int, bytes] = (200, b"")


class BodyTooLarge(ClearwayError):
    """More than any gateway sends."""

    status = 413
    code = "body_too_large"

    def __init__(self) -> None:
        super().__init__("The body is larger than this route takes.")


class _Gone(Exception):
    """The sender hung up before it had sent everything: nobody waits for an answer."""


class InboundWebhooks:
    """Answers requests to `/webhooks/…`; all others are the application's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        scope["path_template"] = TEMPLATE
        try:
            status, body = await _received(scope, receive)
        except _Gone:
            return
        except Exception as error:
            refusal = problem_response(Request(scope), error)
            more = {"content-type": MEDIA_TYPE, **refusal.headers}
            await _send(send, refusal.status_code or 500, msgspec.json.encode(refusal.content), more)
            return
        await _send(send, status, body, {"content-type": "text/plain"})


async def _received(scope: HTTPScope, receive: Receive) -> tuple[int, bytes]:
    """Verify, store, acknowledge. Raises NotFound, Rejected, Busy, BodyTooLarge."""
    if scope["method"] != "POST":
        raise MethodNotAllowedException(headers={"Allow": "POST"})
    account_id = scope["path"].removeprefix(PREFIX).rstrip("/")
    if not _ACCOUNT_ID.fullmatch(account_id):
        raise NotFound("webhook endpoint", "of this address")  # whatever it is, it is not said again
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    await service.receive(account_id, headers, await _body(headers, receive))
    connection = await connections.connect(account_id)
    return _ANSWERS.get(connection.account.gateway, _ANSWER)


async def _body(headers: dict[str, str], receive: Receive) -> bytes:
    """The whole body. Raises BodyTooLarge as soon as that is known, and _Gone."""
    bytes_max = get_settings().limits.webhook_body_max_bytes
    told = headers.get("content-length", "")
    if told.isdigit() and int(told) > bytes_max:
        raise BodyTooLarge
    parts: list[bytes] = []
    size = 0
    while True:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > bytes_max:
            raise BodyTooLarge
        if not message.get("more_body"):
            return b"".join(parts)


async def _send(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    encoded.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body, "more_body": False})
