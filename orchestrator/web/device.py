"""A browser's own id in a signed cookie, so that tries can be counted by device; it says nothing of the person."""

import secrets
from typing import Any

from litestar import Request
from litestar.datastructures import Cookie

from orchestrator.access.secrets import sign, signed_correctly
from orchestrator.web.csrf import cookie_name, private_cookie

_PURPOSE, _COOKIE = "device", "payer_device"  # `device` is the console's
_MAX_AGE_S = 180 * 86_400


def device_of(request: Request[Any, Any, Any]) -> str:
    """The id in the browser's cookie; nothing where there is none, or it is not ours."""
    value, _, signature = request.cookies.get(cookie_name(_COOKIE), "").partition(".")
    ours = value.isascii() and bool(value) and signed_correctly(_PURPOSE, value, signature)
    return value if ours else ""


def device_cookies(request: Request[Any, Any, Any]) -> tuple[Cookie, ...]:
    """A cookie for a browser that has none."""
    if device_of(request):
        return ()
    value = secrets.token_hex(12)
    return (private_cookie(_COOKIE, f"{value}.{sign(_PURPOSE, value)}", _MAX_AGE_S),)
