"""The vault's forward proxy: reveals tokens on their way to an allowed host, and says truly how far it came."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import urlsplit

import httpx2

from simulators.asgi import Request, Response, json_response
from simulators.vault.tokens import Tokens, UnknownToken
from simulators.world import World

_ALLOWED_HOSTS = frozenset({"127.0.0.1"})
_HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
        *("proxy-authenticate", "proxy-authorization", "proxy-connection"),
    }
)  # RFC 9110 section 7.6.1
_CONNECT_TIMEOUT_S = 5.0
_ANSWER_TIMEOUT_S = 60.0


class ForwardProxy:
    """A fresh connection per request: on a kept one, a reset would leave open whether the request had been taken."""

    def __init__(self, world: World, tokens: Tokens) -> None:
        self._world = world
        self._tokens = tokens
        self._client = httpx2.AsyncClient(
            trust_env=False,
            timeout=httpx2.Timeout(_ANSWER_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
            follow_redirects=False,
        )

    async def forward(self, request: Request, target: str) -> Response:
        """`target` is the absolute URL of the request line."""
        if not self._may_pass(request):
            challenge = {"proxy-authenticate": 'Basic realm="vault"'}
            refused = json_response({"error": "proxy-authentication-required"}, 407)
            return Response(407, refused.body, {**refused.headers, **challenge})
        if urlsplit(target).hostname not in _ALLOWED_HOSTS:
            return _error(403, "destination-not-allowed")
        try:
            body = self._tokens.reveal(request.body)
        except UnknownToken:
            return _error(400, "unknown-token")
        return await self._send(request, target, body)

    async def _send(self, request: Request, target: str, body: bytes) -> Response:
        kept = {n: v for n, v in request.headers.items() if n not in _HOP_BY_HOP and n != "content-length"}
        outgoing = httpx2.Request(request.method, target, headers=kept, content=body)
        try:
            answer = await self._client.send(outgoing, stream=True)
            try:
                raw = b"".join([chunk async for chunk in answer.aiter_raw()])
            finally:
                await answer.aclose()
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            return _error(502, "destination-not-contacted")
        except httpx2.TransportError:
            return _error(504, "destination-no-answer")
        passed = {n: v for n, v in answer.headers.items() if n not in _HOP_BY_HOP and n != "content-length"}
        return Response(answer.status_code, raw, passed)

    def _may_pass(self, request: Request) -> bool:
        scheme, _, sent = request.headers.get("proxy-authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            username, _, password = base64.b64decode(sent, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return self._world.account_where("vault", username=username, password=password) is not None


def _error(status: int, reason: str) -> Response:
    return json_response({"error": reason}, status, X_Vault_Error=reason)
