"""Forged requests from other sites: a signed token in a cookie, and again in the form or header (double submit).

OWASP, Cross-Site Request Forgery Prevention, "Signed Double-Submit Cookie". The API and webhooks carry no cookies and
need none of this.
"""

import hmac
import secrets
from typing import Any

from litestar import Request
from litestar.datastructures import Cookie

from orchestrator.access.secrets import sign, signed_correctly
from orchestrator.errors import ClearwayError
from orchestrator.settings import get_settings

_PURPOSE = "csrf"


class FormRefused(ClearwayError):
    """The request does not come from a page that we gave to this browser."""

    status = 403
    code = "form_refused"

    def __init__(self) -> None:
        super().__init__("This page is out of date, or the request came from another site. Reload the page.")


def token_of(request: Request[Any, Any, Any]) -> str:
    """The browser's token: the one in its cookie, or a new one where that is missing or not ours."""
    kept = request.cookies.get(cookie_name("csrf"), "")
    return kept if _is_ours(kept) else _new_token()


def cookie_of(token: str) -> Cookie:
    """The cookie that goes with a page on which the token stands."""
    return private_cookie("csrf", token)


def check(request: Request[Any, Any, Any], sent: object) -> None:
    """Raises FormRefused unless `sent` is the token of the browser's own cookie."""
    kept = request.cookies.get(cookie_name("csrf"), "")
    if not (isinstance(sent, str) and _is_ours(kept) and hmac.compare_digest(sent.encode(), kept.encode())):
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


def _new_token() -> str:
    nonce = secrets.token_hex(16)
    return f"{nonce}.{sign(_PURPOSE, nonce)}"


def _is_ours(token: str) -> bool:
    nonce, _, signature = token.partition(".")
    return token.isascii() and bool(nonce) and signed_correctly(_PURPOSE, nonce, signature)


def _is_https() -> bool:
    return get_settings().public_url.startswith("https://")
