"""What the vault sends on: reveals expressions on their way to a listed destination, and says truly how far it came."""

from __future__ import annotations

from re import Pattern

import httpx2

from simulators.asgi import Response, json_response
from simulators.vault.approvals import says_authorised
from simulators.vault.destinations import as_served, may_reach
from simulators.vault.expressions import ExpressionRefused, Revealed, reveal
from simulators.vault.tokens import tokens_of
from simulators.world import World

_HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
        *("proxy-authenticate", "proxy-authorization", "proxy-connection"),
    }
)  # RFC 9110 section 7.6.1
_CONNECT_TIMEOUT_S = 5.0
_ANSWER_TIMEOUT_S = 60.0


class Forwarder:
    """A fresh connection per request: on a kept one, a reset would leave open whether the request had been taken."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._client = httpx2.AsyncClient(
            trust_env=False,
            timeout=httpx2.Timeout(_ANSWER_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
            follow_redirects=False,
        )

    async def forward(
        self, method: str, target: str, headers: dict[str, str], body: bytes, syntax: Pattern[bytes]
    ) -> Response:
        """The destination's answer as it is, or an error of the vault's own, named in X-Vault-Error.

        400 destination-not-allowed (docs.verygoodsecurity.com/vault/http-proxy/outbound-connection: a host without a
        route is a 400), unknown-token, unknown-field; 502 destination-not-contacted; 504 destination-no-answer.
        """
        if not may_reach(self._world, target):
            return vault_error(400, "destination-not-allowed")
        try:
            revealed = reveal(self._world, body, syntax, headers.get("content-type", ""))
        except ExpressionRefused as refused:
            return vault_error(400, refused.reason)
        kept = {n: v for n, v in headers.items() if n not in _HOP_BY_HOP and n != "content-length"}
        outgoing = httpx2.Request(method, as_served(self._world, target), headers=kept, content=revealed.body)
        return await self._send(outgoing, revealed)

    async def _send(self, outgoing: httpx2.Request, revealed: Revealed) -> Response:
        try:
            answer = await self._client.send(outgoing, stream=True)
            try:
                raw = b"".join([chunk async for chunk in answer.aiter_raw()])
            finally:
                await answer.aclose()
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            return vault_error(502, "destination-not-contacted")
        except httpx2.TransportError:
            return vault_error(504, "destination-no-answer")
        if says_authorised(answer.status_code, raw):
            for token in revealed.cvc_of:
                tokens_of(self._world).forget_cvc(token)
        passed = {n: v for n, v in answer.headers.items() if n not in _HOP_BY_HOP and n != "content-length"}
        return Response(answer.status_code, raw, passed)


def vault_error(status: int, reason: str) -> Response:
    return json_response({"error": reason}, status, X_Vault_Error=reason)
