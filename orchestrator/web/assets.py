"""Static files, ours and htmx's, under addresses that carry their version and may be cached for ever."""

from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from litestar import Response, get
from litestar.params import FromPath

from orchestrator.errors import NotFound
from orchestrator.web.accents import STYLESHEET_NAME, stylesheet_of
from orchestrator.web.pages import Pages

PREFIX = "/static"
HTMX = "htmx.js"

# Not imported: the package is a Django application, of which we want one file.
_HTMX_PACKAGE, _HTMX_FILE = "django_htmx", "static/django_htmx/htmx-2.min.js"
_FOR_EVER = "public, max-age=31536000, immutable"  # RFC 8246: the address changes with the content
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@cache
def pages() -> Pages:
    """The pages of this process, with every static file's version in them."""
    return Pages(PREFIX, {HTMX: _htmx()})


@get(PREFIX + "/{name:str}", include_in_schema=False)
async def static_file(name: FromPath[str]) -> Response[bytes]:
    """Raises NotFound for a name that is none of ours: nothing is read by a path from outside."""
    accent = STYLESHEET_NAME.fullmatch(name)
    body = stylesheet_of(f"#{accent[1]}") if accent else _bodies().get(name)
    if body is None:
        raise NotFound("file", name)
    headers = {"Cache-Control": _FOR_EVER, "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
    return Response(body, media_type=_TYPES[Path(name).suffix], headers=headers)


@cache
def _bodies() -> dict[str, bytes]:
    folder = files("orchestrator.web") / "static"
    own = {entry.name: entry.read_bytes() for entry in folder.iterdir() if Path(entry.name).suffix in _TYPES}
    return {**own, HTMX: _htmx()}


def _htmx() -> bytes:
    spec = find_spec(_HTMX_PACKAGE)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"the package {_HTMX_PACKAGE} is missing: it brings htmx for the console")
    return (Path(spec.origin).parent / _HTMX_FILE).read_bytes()
