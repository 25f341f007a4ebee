"""Forged requests from other sites: a signed token in a cookie, and again in the form or header (double submit).

At the console the signature covers the session too, so that a token is good in the session that it was made for and in
no other (OWASP, Cross-Site Request Forgery Prevention, "Signed Double-Submit Cookie"). The API and webhooks carry no
cookies and need none of this.
"""

import hashlib
import hmac
import secrets
from typing import Any

from litestar import Request
from litestar.datastructures import Cookie

from orchestrator.access.secrets import sign, signed_correctly
from orchestrator.errors import ClearwayError
from orchestrator.settings import get_settings

SESSION_COOKIE = "session"

_PURPOSE = "csrf"
_BOUND, _FREE = "s", "f"


class FormRefused(ClearwayError):
    """The request does not come from a page that we gave to this browser."""

    status = 403
    code = "form_refused"

    def __init__(self) -> None:
        super().__init__("This page is out of date, or the request came from another site. Reload the page.")


def token_of(request: Request[Any, Any, Any]) -> str:
    """The browser's token: the one in its cookie, or a new one where that is missing or not ours."""
    bound = _bound_to(request)
    kept = _kept(request, bound)
    return kept if _is_ours(kept, bound) else _new_token(bound)


def cookie_of(token: str) -> Cookie:
    """The cookie that goes with a page on which the token stands."""
    return private_cookie(_name_of(token.startswith(f"{_BOUND}.")), token)


def check(request: Request[Any, Any, Any], sent: object) -> None:
    """Raises FormRefused unless `sent` is the token of the browser's own cookie, and of its session."""
    bound = _bound_to(request)
    kept = _kept(request, bound)
    if not (isinstance(sent, str) and _is_ours(kept, bound) and hmac.compare_digest(sent.encode(), kept.encode())):
        raise FormRefused


def cookie_name(name: str) -> str:
    """With https the `__Host-` prefix keeps other hosts of the domain from planting one (RFC 6265bis §4.1.3.2)."""
    return f"__Host-clearway_{name}" if _is_https() else f"clearway_{name}"


def private_cookie(name: str, value: str, max_age_s: int | None = None) -> Cookie:
    """A cookie that no script reads and that does not come along with other sites' posts."""
    return Cookie(
        key=cookie_name(name), value=value, path="/", max_age=max_age_s, secure=_is_https(), httponly=True,
        samesite="lax",
    )  # fmt: skip


def _bound_to(request: Request[Any, Any, Any]) -> str:
    """The session that a token of this page belongs to: none outside of the console and before signing in."""
    if not request.url.path.startswith("/console"):
        return ""
    secret = request.cookies.get(cookie_name(SESSION_COOKIE), "")
    return _fingerprint(secret) if secret else ""


def _fingerprint(session_secret: str) -> str:
    return hashlib.sha256(b"csrf:" + session_secret.encode()).hexdigest()


def _kept(request: Request[Any, Any, Any], bound: str) -> str:
    return request.cookies.get(cookie_name(_name_of(bool(bound))), "")


def _name_of(bound: bool) -> str:
    """Two cookies, so that signing in to the console does not spoil a checkout that is open in the same browser."""
    return "console_csrf" if bound else "csrf"


def _new_token(bound: str) -> str:
    nonce = secrets.token_hex(16)
    return f"{_BOUND if bound else _FREE}.{nonce}.{sign(_PURPOSE, nonce + bound)}"


def _is_ours(token: str, bound: str) -> bool:
    kind, _, rest = token.partition(".")
    nonce, _, signature = rest.partition(".")
    right_kind = kind == (_BOUND if bound else _FREE)
    return token.isascii() and right_kind and bool(nonce) and signed_correctly(_PURPOSE, nonce + bound, signature)


def _is_https() -> bool:
    return get_settings().public_url.startswith("https://")
