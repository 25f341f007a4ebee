"""The console's API keys: making one (its secret is shown once), rotating, revoking."""

from datetime import timedelta
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from orchestrator import clock_port
from orchestrator.access import api_keys, store
from orchestrator.access.scopes import MEANING, Scope
from orchestrator.access.store import ApiKeyRow
from orchestrator.errors import ClearwayError, InvalidField
from orchestrator.web import replies
from orchestrator.web.console_desk import (
    NOTHING_SAID,
    Desk,
    Said,
    ask_back,
    cursor,
    done,
    is_confirmed,
    older_url,
    open_desk,
    posted,
    whole_number,
)
from orchestrator.web.console_setup_views import KeyLine, KeysView
from orchestrator.web.forms import BODY_MAX_BYTES, text_of

PLACE = "/console/keys"
ROWS, NAME_CHARS_MAX, DAYS_MAX = 50, 100, 3_650
OVERLAP = timedelta(hours=24)
DONE = {"revoked": "Revoked. Requests with it are refused within a second."}


@get(PLACE)
async def keys_page(request: Request[Any, Any, Any]) -> Response[str]:
    """All keys, newest first, also those that ended."""
    return await _page(request, await open_desk(request, Scope.KEYS), done(request, DONE))


@post(PLACE, request_max_body_size=BODY_MAX_BYTES)
async def create(request: Request[Any, Any, Any]) -> Response[str]:
    """Make a key that does no more than who makes it; the page shows its secret, this once."""
    desk, form = await posted(request, Scope.KEYS)
    name, days = text_of(form, "name").strip()[:NAME_CHARS_MAX], text_of(form, "days").strip()
    scopes = [word for word in form.getall("scopes", []) if isinstance(word, str)]
    try:
        if not name:
            raise InvalidField("name", "is needed: say who will use the key")
        if not scopes:
            raise InvalidField("scopes", "are needed: tick what the key may do")
        ends = clock_port.now() + timedelta(days=whole_number(days, "days", 1, DAYS_MAX)) if days else None
        row, secret = await api_keys.create(desk.merchant_id, name, scopes, expires_at=ends, by=desk.session.scopes)
    except ClearwayError as refused:
        return await _page(request, desk, Said.no(refused))
    return await _page(request, desk, secret=secret, secret_name=row.name)


@post(PLACE + "/{key_id:str}/rotate", request_max_body_size=BODY_MAX_BYTES)
async def rotate(request: Request[Any, Any, Any], key_id: FromPath[str]) -> Response[str]:
    """Another key for the same, shown this once; the old one lives on for a day. Raises NotFound."""
    desk, form = await posted(request, Scope.KEYS)
    row = await api_keys.get(desk.merchant_id, key_id)
    if not is_confirmed(form):
        lines = ("The next page shows a new key for the same, this once.", "The old one works for 24 hours more.")
        action = f"{PLACE}/{key_id}/rotate"
        return ask_back(desk, form, f"Rotate “{row.name}”?", lines, action, "Rotate", PLACE)
    try:
        made, secret = await api_keys.rotate(
            desk.merchant_id, key_id, clock_port.now() + OVERLAP, by=desk.session.scopes
        )
    except ClearwayError as refused:
        return await _page(request, desk, Said.no(refused))
    return await _page(request, desk, secret=secret, secret_name=made.name)


@post(PLACE + "/{key_id:str}/revoke", request_max_body_size=BODY_MAX_BYTES)
async def revoke(request: Request[Any, Any, Any], key_id: FromPath[str]) -> Response[Any]:
    """End a key now. Raises NotFound."""
    desk, form = await posted(request, Scope.KEYS)
    row = await api_keys.get(desk.merchant_id, key_id)
    if not is_confirmed(form):
        lines = (f"Requests with {row.key_hint}… are refused within a second.", "It cannot be undone.")
        action = f"{PLACE}/{key_id}/revoke"
        return ask_back(desk, form, f"Revoke “{row.name}”?", lines, action, "Revoke", PLACE)
    await api_keys.revoke(desk.merchant_id, key_id)
    return replies.redirect(f"{PLACE}?done=revoked")


async def _page(
    request: Request[Any, Any, Any],
    desk: Desk,
    said: Said = NOTHING_SAID,
    *,
    secret: str = "",
    secret_name: str = "",
) -> Response[str]:
    rows = await store.api_keys_of(desk.merchant_id, limit=ROWS + 1, before_id=cursor(request, "key"))
    view = KeysView(
        shell=desk.shell,
        rows=tuple(KeyLine(row, _state(row)) for row in rows[:ROWS]),
        scopes=tuple((scope.value, MEANING[scope]) for scope in Scope if scope in desk.session.scopes),
        next_url=older_url(PLACE, rows[ROWS - 1].id, {}) if len(rows) > ROWS else "",
        secret=secret,
        secret_name=secret_name,
        notice=said.notice,
        error=said.error,
    )
    return desk.page(view, said.status)


def _state(row: ApiKeyRow) -> str:
    if row.revoked_at is not None:
        return "revoked"
    return "active" if row.is_good(clock_port.now()) else "expired"


ROUTES = [keys_page, create, rotate, revoke]
