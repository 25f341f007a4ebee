"""The console's door: signing in by password and code, setting a password by a link, and signing out."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie

from orchestrator.access import passwords, sign_in, users
from orchestrator.access.sign_in import SignedIn, SignInRefused
from orchestrator.access.throttle import TooManyTries
from orchestrator.access.users import LINK_PATH
from orchestrator.errors import Forbidden, InvalidField, Unauthorized
from orchestrator.web import account_views, console_views, csrf, replies, sessions
from orchestrator.web.forms import BODY_MAX_BYTES, sentence_of, text_of
from orchestrator.web.pages import CSRF_FIELD

LOGIN, CODE = sessions.LOGIN, sessions.CODE

_UNKNOWN_KEY = "This API key is not known here, has expired, or was revoked."


@get("/")
async def root() -> Response[None]:
    """Whoever opens the bare address is most likely an operator."""
    return replies.redirect(sessions.HOME)


@get(LOGIN)
async def login_page(request: Request[Any, Any, Any]) -> Response[str]:
    """The form. What else the address carries is not looked at, nor given back."""
    return _login_form(request, request.query_params.get("next"))


@post(LOGIN, request_max_body_size=BODY_MAX_BYTES)
async def log_in(request: Request[Any, Any, Any]) -> Response[Any]:
    """Exchange e-mail address and password, or a key, for a session. What was typed is not given back."""
    form = await request.form()
    csrf.check(request, form.get(CSRF_FIELD))
    asked = form.get("next")
    try:
        if text_of(form, "api_key"):
            cookie = await sessions.sign_in_with_key(request, text_of(form, "api_key"))
            await sessions.sign_out(request)
            return replies.redirect(sessions.local_path(asked), cookie)
        found = await sign_in.with_password(
            text_of(form, "email"), text_of(form, "password"), sessions.device_of(request), sessions.visit_of(request)
        )
    except Unauthorized:
        return _login_form(request, asked, error=_UNKNOWN_KEY, status=401)
    except (Forbidden, SignInRefused, TooManyTries) as refused:
        return _login_form(request, asked, error=refused.detail, status=refused.status)
    await sessions.sign_out(request)  # of whoever was here before
    if found.needs_code:
        place = f"{CODE}?next={sessions.local_path(asked)}" if asked else CODE
        return replies.redirect(place, sessions.cookie_of(found.secret))
    return replies.redirect(sessions.local_path(asked), *_cookies(found))


@get(CODE)
async def code_page(request: Request[Any, Any, Any]) -> Response[str]:
    """The second step. Raises LoginNeeded."""
    await sessions.half_session_of(request)
    return _code_form(request, request.query_params.get("next"))


@post(CODE, request_max_body_size=BODY_MAX_BYTES)
async def enter_code(request: Request[Any, Any, Any]) -> Response[Any]:
    """Exchange the half session and a code for a whole one. Raises LoginNeeded."""
    form = await request.form()
    csrf.check(request, form.get(CSRF_FIELD))
    half = await sessions.half_session_of(request)
    try:
        device, visit = sessions.device_of(request), sessions.visit_of(request)
        found = await sign_in.with_code(half, text_of(form, "code")[:100], device, visit)
    except (SignInRefused, TooManyTries) as refused:
        return _code_form(request, form.get("next"), error=refused.detail, status=refused.status)
    return replies.redirect(sessions.local_path(form.get("next")), *_cookies(found))


@post("/console/logout", request_max_body_size=BODY_MAX_BYTES)
async def log_out(request: Request[Any, Any, Any]) -> Response[None]:
    """End the session, here and in the database."""
    csrf.check(request, (await request.form()).get(CSRF_FIELD))
    return replies.redirect(LOGIN, await sessions.sign_out(request))


@get(LINK_PATH)
async def link_page(request: Request[Any, Any, Any]) -> Response[str]:
    """Where an invitation leads. Raises NotFound for a link that was used or is too old."""
    token = request.query_params.get("token", "")
    return await _link_form(request, token)


@post(LINK_PATH, request_max_body_size=BODY_MAX_BYTES)
async def set_password(request: Request[Any, Any, Any]) -> Response[Any]:
    """Use up the link; then one signs in. Raises NotFound."""
    form = await request.form()
    csrf.check(request, form.get(CSRF_FIELD))
    token = text_of(form, "token")
    try:
        if text_of(form, "password") != text_of(form, "again"):
            raise InvalidField("password", "is not the same both times")
        await users.accept_link(token, text_of(form, "password"))
    except InvalidField as refused:
        return await _link_form(request, token, error=sentence_of(refused), status=refused.status)
    return replies.redirect(LOGIN, await sessions.sign_out(request))


def _cookies(found: SignedIn) -> tuple[Cookie, Cookie]:
    """The session's, and the one by which this browser is known from now on."""
    return sessions.cookie_of(found.secret), sessions.device_cookie(sign_in.device_cookie(found.user_id))


def _login_form(request: Request[Any, Any, Any], asked: object, *, error: str = "", status: int = 200) -> Response[str]:
    token = csrf.token_of(request)
    view = console_views.LoginView(token, error, _next(asked), sessions.takes_keys())
    return replies.page(view, status=status, cookies=(csrf.cookie_of(token),))


def _code_form(request: Request[Any, Any, Any], asked: object, *, error: str = "", status: int = 200) -> Response[str]:
    token = csrf.token_of(request)
    view = account_views.CodeView(token, error, _next(asked))
    return replies.page(view, status=status, cookies=(csrf.cookie_of(token),))


async def _link_form(
    request: Request[Any, Any, Any], link: str, *, error: str = "", status: int = 200
) -> Response[str]:
    email, token = await users.email_of_link(link), csrf.token_of(request)
    view = account_views.LinkView(token, link, email, passwords.CHARS_MIN, error)
    return replies.page(view, status=status, cookies=(csrf.cookie_of(token),))


def _next(asked: object) -> str:
    return sessions.local_path(asked) if asked else ""


ROUTES = [root, login_page, log_in, code_page, enter_code, log_out, link_page, set_password]
