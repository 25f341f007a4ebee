"""The console's door: signing in with an API key, which travels in a form's body only, and signing out."""

from typing import Any

from litestar import Request, Response, get, post

from orchestrator.errors import Forbidden, Unauthorized
from orchestrator.web import console_views, csrf, replies, sessions
from orchestrator.web.pages import CSRF_FIELD

BODY_MAX_BYTES = 5_000
LOGIN = "/console/login"

_UNKNOWN = "This API key is not known here, or it was revoked."
_WITHOUT_SCOPE = "This API key lacks the scope “console”. Use one that has it."


@get("/")
async def root() -> Response[None]:
    """Whoever opens the bare address is most likely an operator."""
    return replies.redirect(sessions.HOME)


@get(LOGIN)
async def login_page(request: Request[Any, Any, Any]) -> Response[str]:
    """The form. What else the address carries is not looked at, nor given back."""
    return _form(request, request.query_params.get("next"))


@post(LOGIN, request_max_body_size=BODY_MAX_BYTES)
async def log_in(request: Request[Any, Any, Any]) -> Response[Any]:
    """Exchange the key for a session. A key that is refused is told why, and is not repeated."""
    form = await request.form()
    csrf.check(request, form.get(CSRF_FIELD))
    api_key = form.get("api_key")
    try:
        cookie = await sessions.sign_in(api_key if isinstance(api_key, str) else "")
    except Unauthorized:
        return _form(request, form.get("next"), error=_UNKNOWN, status=401)
    except Forbidden:
        return _form(request, form.get("next"), error=_WITHOUT_SCOPE, status=403)
    return replies.redirect(sessions.local_path(form.get("next")), cookie)


@post("/console/logout", request_max_body_size=BODY_MAX_BYTES)
async def log_out(request: Request[Any, Any, Any]) -> Response[None]:
    """End the session in this browser."""
    csrf.check(request, (await request.form()).get(CSRF_FIELD))
    return replies.redirect(LOGIN, sessions.sign_out())


def _form(request: Request[Any, Any, Any], asked: object, *, error: str = "", status: int = 200) -> Response[str]:
    token = csrf.token_of(request)
    next_url = sessions.local_path(asked) if asked else ""
    return replies.page(
        console_views.LoginView(token, error, next_url), status=status, cookies=(csrf.cookie_of(token),)
    )
