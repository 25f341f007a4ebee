"""The simulated card vault: tokens for its own fields page and for servers, a forward proxy and an envelope."""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from collections.abc import Awaitable, Callable

from simulators.asgi import (
    TUNNEL_KEY,
    App,
    Receive,
    Request,
    Response,
    Scope,
    Send,
    html_response,
    json_response,
    play,
    respond,
)
from simulators.network_tokens import eci_of, network_token_for
from simulators.tunnel import TunnelRefused, TunnelRequest
from simulators.vault.authority import authority_of_vault
from simulators.vault.expressions import BRACED, PLAIN
from simulators.vault.fields_page import render_fields
from simulators.vault.proxy import Forwarder, vault_error
from simulators.vault.tokens import CardRefused, parse_card, show_token, store_card, tokens_of
from simulators.world import World

VAULT_ACCOUNT = {"username": "clearway", "password": "vault-password", "api_key": "vault-key"}
"""What the vault accepts unless POST /accounts registers more: proxy user and password, and X-Vault-Key."""

URL_HEADER, METHOD_HEADER, KEY_HEADER = "x-proxy-url", "x-proxy-method", "x-vault-key"
_OWN_HEADERS = frozenset({URL_HEADER, METHOD_HEADER, KEY_HEADER, "host"})
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")


class VaultApp:
    """An ASGI app that serves its own paths and forwards requests whose target is an absolute URL (RFC 9112 §3.2.2)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tokens = tokens_of(world)
        self._forwarder = Forwarder(world)
        self._own = App()
        self._own.route("POST", "/v1/tokens", self._tokenise)
        self._own.route("GET", "/v1/tokens/{token}", self._show)
        self._own.route("DELETE", "/v1/tokens/{token}", self._delete)
        self._own.route("POST", "/v1/tokens/{token}/network-token", self._network_token)
        self._own.route("POST", "/v1/proxy", self._envelope)
        self._own.route("GET", "/fields", self._fields)
        self._own.route("GET", "/simulator/ca", self._authority)
        self._contexts: dict[str, ssl.SSLContext] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        target: bytes = scope.get("raw_path", b"") if scope["type"] == "http" else b""
        if TUNNEL_KEY in scope:
            await respond(scope, receive, send, self._tunnelled)
        elif b"://" in target[:8]:
            await respond(scope, receive, send, self._proxy)
        else:
            await self._own(scope, receive, send)

    def open_tunnel(self, request: TunnelRequest) -> ssl.SSLContext:
        """For CONNECT: TLS is opened in the destination's name, so that expressions can be seen and replaced."""
        if not self._may_pass(request.headers):
            raise TunnelRefused(
                b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                b'proxy-authenticate: Basic realm="vault"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'
            )
        host = request.authority.rsplit(":", 1)[0].strip("[]")
        if host not in self._contexts:
            self._contexts[host] = authority_of_vault(self._world).context_for(host)
        return self._contexts[host]

    # requests for elsewhere

    async def _proxy(self, request: Request) -> Response:
        if not self._may_pass(request.headers):
            refused = json_response({"error": "proxy-authentication-required"}, 407)
            return Response(407, refused.body, {**refused.headers, "proxy-authenticate": 'Basic realm="vault"'})
        return await self._pass_on(request, _target(request))

    async def _tunnelled(self, request: Request) -> Response:
        return await self._pass_on(request, f"https://{request.scope[TUNNEL_KEY]}{_target(request)}")

    async def _pass_on(self, request: Request, target: str) -> Response:
        async def work(declined_for: str | None) -> Response:
            return await self._forwarder.forward(request.method, target, request.headers, request.body, PLAIN)

        return await self._played("forward", work)

    async def _envelope(self, request: Request) -> Response:
        """POST /v1/proxy: where the request is to go is in its headers; every other header goes along."""
        if not self._knows_key(request):
            return vault_error(401, "unauthorized")
        target, method = request.headers.get(URL_HEADER, ""), request.headers.get(METHOD_HEADER, "POST").upper()
        if not target:
            return vault_error(400, "destination-missing")
        if method not in _METHODS:
            return vault_error(400, "method-not-allowed")
        headers = {name: value for name, value in request.headers.items() if name not in _OWN_HEADERS}

        async def work(declined_for: str | None) -> Response:
            return await self._forwarder.forward(method, target, headers, request.body, BRACED)

        return await self._played("forward", work)

    async def _played(self, operation: str, work: Callable[[str | None], Awaitable[Response]]) -> Response:
        trouble = self._world.take_scenario("vault", operation)
        return await play(trouble, work, lambda status: vault_error(status, "vault-failed"))

    def _may_pass(self, headers: dict[str, str]) -> bool:
        scheme, _, sent = headers.get("proxy-authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            username, _, password = base64.b64decode(sent, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return self._world.account_where("vault", username=username, password=password) is not None

    # tokens

    async def _tokenise(self, request: Request) -> Response:
        if not self._may_tokenise(request):
            return _unauthorized()
        try:
            sent = request.json()
            card = parse_card(sent if isinstance(sent, dict) else {})
        except CardRefused as refused:
            error = {"code": "invalid_card", "field": refused.field, "message": str(refused)}
            return json_response({"error": error}, 422)
        except ValueError:
            return json_response({"error": {"code": "invalid_json", "message": "The body is not JSON."}}, 400)

        async def work(declined_for: str | None) -> Response:
            return json_response(show_token(store_card(self._world, card), card), 201)

        return await self._played("token", work)

    async def _show(self, request: Request, token: str) -> Response:
        if not self._knows_key(request):
            return _unauthorized()
        card = self._tokens.cards.get(token)
        return json_response(show_token(token, card)) if card else _unknown_token()

    async def _delete(self, request: Request, token: str) -> Response:
        if not self._knows_key(request):
            return _unauthorized()
        return Response(204) if self._tokens.cards.pop(token, None) else _unknown_token()

    async def _network_token(self, request: Request, token: str) -> Response:
        """What may be known of the network token: its number and cryptogram come by expressions only."""
        if not self._knows_key(request):
            return _unauthorized()
        card = self._tokens.cards.get(token)
        if card is None:
            return _unknown_token()
        issued = network_token_for(self._world, card)
        expiry = {"expiry_month": issued.expiry_month, "expiry_year": issued.expiry_year}
        return json_response({"token": token, "last4": issued.number[-4:], **expiry, "eci": eci_of(issued)})

    def _knows_key(self, request: Request) -> bool:
        key = request.headers.get(KEY_HEADER, "")
        return bool(key) and self._world.account_where("vault", api_key=key) is not None

    def _may_tokenise(self, request: Request) -> bool:
        """A server's key, or a browser on our own page (no CORS header is sent, so no other page gets an answer)."""
        if request.headers.get(KEY_HEADER):
            return self._knows_key(request)
        return request.headers.get("origin") == f"http://{request.headers.get('host', '')}"

    # the fields page

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

    async def _authority(self, request: Request) -> Response:
        """The root to trust for requests to https destinations through the proxy."""
        pem = authority_of_vault(self._world).certificate_pem
        return Response(200, pem, {"content-type": "application/x-pem-file"})


def create_app(world: World) -> VaultApp:
    return VaultApp(world)


def _unauthorized() -> Response:
    return json_response({"error": {"code": "unauthorized", "message": "Use X-Vault-Key."}}, 401)


def _unknown_token() -> Response:
    return json_response({"error": {"code": "unknown_token", "message": "The vault has no such token."}}, 404)


def _target(request: Request) -> str:
    query = b"?" + request.scope["query_string"] if request.scope["query_string"] else b""
    return bytes(request.scope["raw_path"] + query).decode()
