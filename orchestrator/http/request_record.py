"""Gives every request an id, and writes one line about it: never headers, bodies, or the address with its ids."""

import re
import time

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.card_numbers import contains_card_number
from orchestrator.http import versions
from orchestrator.http.rate_limits import STATE as RATE_LIMIT_HEADERS
from orchestrator.ids import new_id
from orchestrator.log import logger

HEADER = b"x-request-id"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = logger(__name__)


class RequestRecord:
    """Wraps the whole application, so that requests which no route takes are recorded too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        request_id = _request_id(dict(scope["headers"]).get(HEADER, b"").decode("latin-1"))
        scope["state"]["request_id"] = request_id
        began, status = time.monotonic(), 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (HEADER, request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    *scope["state"].get(RATE_LIMIT_HEADERS, ()),
                    *versions.answer_headers(scope["state"]),
                ]
            await send(message)

        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            template = scope.get("path_template") or "(no route)"
            took_ms = round((time.monotonic() - began) * 1000)
            _log.info("http.request", method=str(scope.get("method")), path=template, status=status, ms=took_ms)


def _request_id(sent: str) -> str:
    """The caller's own id where it is usable, else a new one."""
    usable = _ACCEPTED.fullmatch(sent) is not None and not contains_card_number(sent)
    return sent if usable else new_id("req")
