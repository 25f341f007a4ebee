"""The simulated card vault: tokens for its own fields page and for servers, and the forward proxy on the same port."""

from __future__ import annotations

import re

from simulators.asgi import (
    App,
    Receive,
    Request,
    Response,
    Scope,
    Send,
    html_response,
    json_response,
    read_request,
    send_response,
)
from simulators.vault.fields_page import render_fields
from simulators.vault.proxy import ForwardProxy
from simulators.vault.tokens import CardRefused, Tokens, parse_card, show_token
from simulators.world import World

_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")


class VaultApp:
    """An ASGI app that serves its own paths and forwards requests whose target is an absolute URL (RFC 9112 §3.2.2)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tokens = Tokens()
        self._proxy = ForwardProxy(world, self._tokens)
        self._own = App()
        self._own.route("POST", "/v1/tokens", self._tokenise)
        self._own.route("GET", "/fields", self._fields)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        target: bytes = scope.get("raw_path", b"") if scope["type"] == "http" else b""
        if not target.startswith(b"http://"):
            await self._own(scope, receive, send)
            return
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        request = await read_request(scope, receive)
        await send_response(await self._proxy.forward(request, (target + query).decode()), send)

    async def _tokenise(self, request: Request) -> Response:
        if not self._may_tokenise(request):
            return json_response({"error": {"code": "unauthorized", "message": "Use X-Vault-Key."}}, 401)
        try:
            sent = request.json()
            card = parse_card(sent if isinstance(sent, dict) else {})
        except CardRefused as refused:
            error = {"code": "invalid_card", "field": refused.field, "message": str(refused)}
            return json_response({"error": error}, 422)
        except ValueError:
            return json_response({"error": {"code": "invalid_json", "message": "The body is not JSON."}}, 400)
        return json_response(show_token(self._tokens.store(card), card), 201)

    def _may_tokenise(self, request: Request) -> bool:
        """A server's key, or a browser on our own page (no CORS header is sent, so no other page gets an answer)."""
        if key := request.headers.get("x-vault-key"):
            return self._world.account_where("vault", api_key=key) is not None
        return request.headers.get("origin") == f"http://{request.headers.get('host', '')}"

    async def _fields(self, request: Request) -> Response:
        origin = request.query.get("origin", "")
        if not _ORIGIN.fullmatch(origin):
            return json_response({"error": {"code": "invalid_origin", "message": "Give the page's origin."}}, 400)
        html, nonce = render_fields(origin, request.query.get("locale", "en"))
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
            f"form-action 'none'; base-uri 'none'; frame-ancestors {origin}"
        )
        return html_response(html, headers={"content-security-policy": policy, "cache-control": "no-store"})


def create_app(world: World) -> VaultApp:
    return VaultApp(world)
