"""What leaves the web routes: pages with their security headers, redirects, small JSON, and refusals as pages."""

from types import MappingProxyType
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException

from orchestrator.errors import ClearwayError
from orchestrator.log import logger
from orchestrator.web import views
from orchestrator.web.assets import pages
from orchestrator.web.csrf import FormRefused
from orchestrator.web.locales import words_for
from orchestrator.web.page_policy import headers as always
from orchestrator.web.page_policy import page_headers
from orchestrator.web.sessions import ACCOUNT, LoginNeeded

_log = logger(__name__)

_ERRORS = MappingProxyType(
    {
        "stale": (
            "Please reload",
            "This page is out of date, so nothing was done. Please go back, reload it and try again.",
        ),
        "not_found": ("Not found", "There is nothing at this address. Please check that the link is complete."),
        "refused": ("This did not work", "The request could not be accepted, and nothing was done."),
        "broken": (
            "Something went wrong",
            "The fault is ours, and it has been recorded. If you were paying, please do not pay again: "
            "open your payment link, and it will show the result.",
        ),
    }
)
MESSAGES = frozenset(message for both in _ERRORS.values() for message in both)


def page(
    view: object, *, status: int = 200, vault_fields_url: str = "", cookies: tuple[Cookie, ...] = (), refresh_s: int = 0
) -> Response[str]:
    """The page of a view model. `refresh_s` has the browser ask again after so many seconds."""
    headers = page_headers(vault_fields_url, payment_page=isinstance(view, views.CheckoutView))
    if refresh_s:
        headers["Refresh"] = str(refresh_s)
    html = pages().render(view)
    return Response(html, status_code=status, media_type="text/html", headers=headers, cookies=list(cookies))


def redirect(url: str, *cookies: Cookie) -> Response[None]:
    """See other: whatever was sent here, a GET follows."""
    return Response(None, status_code=303, headers={**always(), "Location": url}, cookies=list(cookies))


def json_answer(value: object, status: int = 200, **more: str) -> Response[bytes]:
    """A small JSON body for our own script. `more` headers by name, as `Retry_After`."""
    headers = {**always(), **{name.replace("_", "-"): text for name, text in more.items()}}
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json", headers=headers)


def error_page(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Any refusal of a web route as a page that says what to do; what broke is logged, and nothing is told of it."""
    if isinstance(error, LoginNeeded):
        return _to_login(request, error)
    status, key = _kind_of(error)
    if status >= 500:
        _log.error("web.failed", exc_info=error)
    words = words_for(request)
    title, message = _ERRORS[key]
    return page(views.ErrorView(status, words.say(title), words.say(message), words), status=status)


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
