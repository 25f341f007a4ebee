"""Who is at the console: an API key with the scope `console`, exchanged for a signed cookie.

The cookie names the key and its end, never the key itself; at every request the key is looked up again, so that
revoking it ends all its sessions.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Request
from litestar.datastructures import Cookie

from orchestrator import clock_port
from orchestrator.access import service as access
from orchestrator.access import store as access_store
from orchestrator.access.secrets import sign, signed_correctly
from orchestrator.access.store import MerchantRow
from orchestrator.errors import ClearwayError
from orchestrator.web.csrf import cookie_name, private_cookie

SCOPE = "console"
LIFETIME = timedelta(hours=12)
HOME = "/console/payments"

_PURPOSE = "console-session"
_COOKIE = "session"
_KEY_CHARS_MAX = 200
# A path of the console and nothing else: no scheme, host, second slash or backslash (OWASP, Unvalidated Redirects).
_LOCAL = re.compile(r"/console/[A-Za-z0-9_/.-]*(?:\?[A-Za-z0-9_=&.-]*)?")


class LoginNeeded(ClearwayError):
    """Nobody is signed in, or the session has ended."""

    status = 401
    code = "login_needed"

    def __init__(self) -> None:
        super().__init__("Sign in to the console.")


@dataclass(frozen=True, slots=True)
class ConsoleSession:
    """The operator's key and the merchant that it belongs to."""

    key_id: str
    merchant: MerchantRow


async def sign_in(api_key: str) -> Cookie:
    """The session's cookie. Raises Unauthorized for an unknown or revoked key, Forbidden for one without the scope."""
    caller = await access.authenticate(api_key.strip()[:_KEY_CHARS_MAX])
    caller.require(SCOPE)
    ends_at = int((clock_port.now() + LIFETIME).timestamp())
    claim = f"{caller.key_id}.{ends_at}"
    return private_cookie(_COOKIE, f"{claim}.{sign(_PURPOSE, claim)}", int(LIFETIME.total_seconds()))


def sign_out() -> Cookie:
    """The cookie that takes the session away from the browser."""
    return private_cookie(_COOKIE, "", 0)


async def session_of(request: Request[Any, Any, Any]) -> ConsoleSession:
    """The session of a request. Raises LoginNeeded."""
    key_id = _key_id_in(request.cookies.get(cookie_name(_COOKIE), ""))
    key = await access_store.api_key(key_id) if key_id else None
    merchant = await access_store.merchant(key.merchant_id) if key and SCOPE in key.scopes else None
    if merchant is None:
        raise LoginNeeded
    return ConsoleSession(key_id, merchant)


def local_path(asked: object) -> str:
    """Where to go after signing in: a page of the console, whatever the address asked for."""
    path = asked if isinstance(asked, str) else ""
    if not _LOCAL.fullmatch(path) or "//" in path or ".." in path or path.startswith("/console/log"):
        return HOME
    return path


def _key_id_in(cookie: str) -> str:
    """The key of a cookie that is ours and not past its end, else nothing."""
    claim, _, signature = cookie.rpartition(".")
    key_id, _, ends_at = claim.partition(".")
    if not (cookie.isascii() and ends_at.isdigit() and signed_correctly(_PURPOSE, claim, signature)):
        return ""
    return key_id if datetime.fromtimestamp(int(ends_at), UTC) > clock_port.now() else ""
