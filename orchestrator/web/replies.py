"""What leaves the web routes: pages with their security headers, redirects, small JSON, and refusals as pages."""

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException

from orchestrator.errors import ClearwayError
from orchestrator.log import logger
from orchestrator.web import locales, views
from orchestrator.web.assets import pages
from orchestrator.web.csrf import FormRefused, cookie_name, private_cookie
from orchestrator.web.page_policy import headers as always
from orchestrator.web.page_policy import page_headers
from orchestrator.web.sessions import ACCOUNT, LoginNeeded

_log = logger(__name__)

_LOCALE_COOKIE = "locale"
_LOCALE_MAX_AGE_S = 30 * 86_400


def page(
    view: object, *, status: int = 200, vault_fields_url: str = "", cookies: tuple[Cookie, ...] = (), refresh_s: int = 0
) -> Response[str]:
    """The page of a view model. `refresh_s` has the browser ask again after so many seconds."""
    headers = page_headers(vault_fields_url, payment_page=isinstance(view, views.CheckoutView))
    if refresh_s:
        headers["Refresh"] = str(refresh_s)
    html = pages().render(view)
    return Response(
        html, status_code=status, media_type="text/html; charset=utf-8", headers=headers, cookies=list(cookies)
    )


def redirect(url: str, *cookies: Cookie) -> Response[None]:
    """See other: whatever was sent here, a GET follows."""
    return Response(None, status_code=303, headers={**always(), "Location": url}, cookies=list(cookies))


def json_answer(value: object, status: int = 200, **more: str) -> Response[bytes]:
    """A small JSON body for our own script. `more` headers by name, as `Retry_After`."""
    headers = {**always(), **{name.replace("_", "-"): text for name, text in more.items()}}
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json", headers=headers)


def locale_for(request: Request[Any, Any, Any]) -> str:
    """The visitor's language: as asked in the address, as asked before, or as the browser prefers."""
    asked = request.query_params.get("locale", "")
    kept = request.cookies.get(cookie_name(_LOCALE_COOKIE), "")
    return locales.negotiate(request.headers.get("accept-language", ""), asked if _spoken(asked) else kept)


def locale_cookies(request: Request[Any, Any, Any]) -> tuple[Cookie, ...]:
    """Remembers a language that was asked for, over the way to the bank's page and back."""
    asked = request.query_params.get("locale", "")
    if not _spoken(asked):
        return ()
    return (private_cookie(_LOCALE_COOKIE, locales.language_of(asked), _LOCALE_MAX_AGE_S),)


def error_page(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Any refusal of a web route as a page that says what to do; what broke is logged, and nothing is told of it."""
    if isinstance(error, LoginNeeded):
        return _to_login(request, error)
    status, key = _kind_of(error)
    if status >= 500:
        _log.error("web.failed", exc_info=error)
    locale = locale_for(request)
    title, message = locales.text(locale, f"error.{key}.title"), locales.text(locale, f"error.{key}.text")
    return page(views.ErrorView(status, title, message, locale), status=status)


def error_json(_: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The same for our own script. It takes a 4xx for "nothing was tried" and asks again after anything else."""
    status, _key = _kind_of(error)
    if status >= 500:
        _log.error("web.failed", exc_info=error)
    return json_answer({"status": "refused" if status < 500 else "unknown"}, status)


def _kind_of(error: Exception) -> tuple[int, str]:
    match error:
        case FormRefused():
            return error.status, "stale"
        case ClearwayError() | HTTPException():
            status = error.status if isinstance(error, ClearwayError) else error.status_code
            if status >= 500:
                return status, "broken"
            return status, "not_found" if status == 404 else "refused"
        case _:
            return 500, "broken"


def _to_login(request: Request[Any, Any, Any], needed: LoginNeeded) -> Response[Any]:
    """A whole page goes to the door; a fragment asks htmx to take the page there."""
    if request.headers.get("hx-request"):
        return Response(None, status_code=401, headers={**always(), "HX-Redirect": needed.place})
    place = request.url.path if request.method == "GET" and needed.place != ACCOUNT else ""
    return redirect(f"{needed.place}?next={place}" if place else needed.place)


def _spoken(asked: str) -> bool:
    return bool(asked) and asked.replace("_", "-").split("-")[0].lower() in locales.LANGUAGES
