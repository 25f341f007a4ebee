"""Who is at the console: the session that the browser's cookie names, and what it may do.

Every console route begins with `need(request, Scope.…)`. Users sign in with a password; in a demo or evaluation an API
key with the scope `console` will do.
"""

import re
from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.datastructures import Cookie

from orchestrator import clock_port
from orchestrator.access import actor, session_store, sessions
from orchestrator.access import service as access
from orchestrator.access.scopes import Scope
from orchestrator.access.sessions import Session, Stage, Visit
from orchestrator.access.store import MerchantRow
from orchestrator.db import transaction
from orchestrator.errors import ClearwayError, Forbidden
from orchestrator.http.rate_limits import address_of
from orchestrator.settings import Mode, get_settings
from orchestrator.web.csrf import SESSION_COOKIE, cookie_name, private_cookie

HOME = "/console/payments"
LOGIN, CODE, ACCOUNT = "/console/login", "/console/login/code", "/console/account"

_DEVICE_COOKIE = "device"
_DEVICE_MAX_AGE_S = 180 * 86_400
_KEY_CHARS_MAX = 200
# A path of the console and nothing else: no scheme, host, second slash or backslash (OWASP, Unvalidated Redirects).
_LOCAL = re.compile(r"/console/[A-Za-z0-9_/.-]*(?:\?[A-Za-z0-9_=&.-]*)?")


class LoginNeeded(ClearwayError):
    """Nobody is signed in, or the session has ended. `place` is the page where that is mended."""

    status = 401
    code = "login_needed"
    place = LOGIN

    def __init__(self) -> None:
        super().__init__("Sign in to the console.")


class CodeNeeded(LoginNeeded):
    """The password was right; the second factor is still to come."""

    place = CODE


class SecondFactorNeeded(LoginNeeded):
    """Here users need a second factor, and this one has none."""

    place = ACCOUNT


@dataclass(frozen=True, slots=True)
class ConsoleSession:
    """Who is there, for which merchant, and what they may do."""

    merchant: MerchantRow
    session: Session

    @property
    def who(self) -> str:
        """The user's e-mail address; empty for an API key."""
        return self.session.row.email or ""

    @property
    def scopes(self) -> frozenset[str]:
        return self.session.scopes

    def may(self, scope: Scope) -> bool:
        """Whether to show a button; `need` is what holds."""
        return scope in self.session.scopes


async def need(request: Request[Any, Any, Any], scope: Scope) -> ConsoleSession:
    """The session of a request that may do this. Raises LoginNeeded; Forbidden, which becomes a page that says so."""
    found = await session_of(request)
    if not found.may(scope):
        raise Forbidden(f"Your role does not allow this: it needs {scope.value!r}. Ask an admin.")
    return found


async def session_of(request: Request[Any, Any, Any], *, without_second_factor: bool = False) -> ConsoleSession:
    """The session of a request, whatever it may do. Raises LoginNeeded. From here on the session's owner acts."""
    found = await _find(request)
    if found is None or found.merchant is None:
        raise LoginNeeded
    if found.row.stage != Stage.FULL:
        raise CodeNeeded
    required = get_settings().console_totp_required and not without_second_factor
    if required and found.user_id is not None and not found.row.has_totp:
        raise SecondFactorNeeded
    actor.act_as(found.actor(address_of(request)))
    return ConsoleSession(found.merchant, found)


async def half_session_of(request: Request[Any, Any, Any]) -> Session:
    """The session of somebody whose code is still to come. Raises LoginNeeded."""
    found = await _find(request)
    if found is None or found.row.stage != Stage.TOTP:
        raise LoginNeeded
    return found


async def sign_in_with_key(request: Request[Any, Any, Any], api_key: str) -> Cookie:
    """The session's cookie. Raises Unauthorized for an unknown key; Forbidden for one without the scope, and in
    production, where people have passwords and second factors.
    """
    if not takes_keys():
        raise Forbidden("Sign in with your e-mail address and password.")
    caller = await access.authenticate(api_key.strip()[:_KEY_CHARS_MAX])
    caller.require(Scope.CONSOLE)
    async with transaction():
        secret = await sessions.begin(
            clock_port.now(), visit_of(request), key_id=caller.key_id, merchant_id=caller.merchant_id
        )
    return cookie_of(secret)


def takes_keys() -> bool:
    return get_settings().mode is not Mode.PRODUCTION


async def sign_out(request: Request[Any, Any, Any]) -> Cookie:
    """End the session for good; returns the cookie that takes it away from the browser."""
    secret = request.cookies.get(cookie_name(SESSION_COOKIE), "")
    if secret:
        async with transaction():
            await session_store.end(sessions.hash_of(secret), clock_port.now())
    return private_cookie(SESSION_COOKIE, "", 0)


def cookie_of(secret: str) -> Cookie:
    return private_cookie(SESSION_COOKIE, secret, get_settings().limits.session_max_s)


def device_of(request: Request[Any, Any, Any]) -> str:
    """What tells that somebody has signed in in this browser before."""
    return request.cookies.get(cookie_name(_DEVICE_COOKIE), "")


def device_cookie(value: str) -> Cookie:
    return private_cookie(_DEVICE_COOKIE, value, _DEVICE_MAX_AGE_S)


def visit_of(request: Request[Any, Any, Any]) -> Visit:
    return Visit(address_of(request), request.headers.get("user-agent", ""))


def local_path(asked: object) -> str:
    """Where to go after signing in: a page of the console, whatever the address asked for."""
    path = asked if isinstance(asked, str) else ""
    if not _LOCAL.fullmatch(path) or "//" in path or ".." in path or path.startswith("/console/log"):
        return HOME
    return path


async def _find(request: Request[Any, Any, Any]) -> Session | None:
    return await sessions.find(request.cookies.get(cookie_name(SESSION_COOKIE), ""), clock_port.now())
