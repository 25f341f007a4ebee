"""The console's webhook endpoints: the merchant's servers that are told of events. Adding, changing, looking."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.params import FromPath

from orchestrator.access.scopes import Scope
from orchestrator.errors import ClearwayError
from orchestrator.notifications import delivery_store, endpoint_store, endpoints
from orchestrator.notifications import store as event_store
from orchestrator.notifications.addresses import URL_CHARS_MAX
from orchestrator.notifications.delivery_store import DeliveryRow
from orchestrator.notifications.endpoint_store import EndpointRow
from orchestrator.notifications.endpoints import OVERLAP_DEFAULT_H, OVERLAP_MAX_H
from orchestrator.notifications.states import DeliveryState
from orchestrator.web import replies
from orchestrator.web.console_desk import (
    NOTHING_SAID,
    Desk,
    Said,
    ask_back,
    asked,
    cursor,
    done,
    is_confirmed,
    older_url,
    open_desk,
    posted,
    whole_number,
)
from orchestrator.web.console_setup_views import DeliveryLine, EndpointsView, EndpointView
from orchestrator.web.forms import BODY_MAX_BYTES, sentence_of, text_of

PLACE = "/console/endpoints"
ROWS, DESCRIPTION_CHARS_MAX = 50, 300
DONE = {
    "changed": "Saved.",
    "enabled": "Enabled. What was missed meanwhile is not sent by itself.",
    "disabled": "Disabled. What waited for it is canceled.",
    "test": "A test event is on its way. What came of it stands in the log below.",
    "again": "It is being sent again.",
}


@get(PLACE)
async def endpoints_page(request: Request[Any, Any, Any]) -> Response[str]:
    """All endpoints, newest first."""
    return await _list(await open_desk(request, Scope.OPERATE_READ))


@post(PLACE, request_max_body_size=BODY_MAX_BYTES)
async def add(request: Request[Any, Any, Any]) -> Response[str]:
    """Have a server told of events; the page shows its signing secret, this once."""
    desk, form = await posted(request, Scope.OPERATE)
    typed = _typed(form)
    try:
        row = await endpoints.add(
            desk.merchant_id, typed["url"], description=typed["description"], event_types=_types(typed["event_types"])
        )
    except ClearwayError as refused:
        return await _list(desk, error=sentence_of(refused), typed=typed, status=refused.status)
    return await _list(desk, made=row)


@get(PLACE + "/{endpoint_id:str}")
async def endpoint_page(request: Request[Any, Any, Any], endpoint_id: FromPath[str]) -> Response[str]:
    """One endpoint with the log of its deliveries. Raises NotFound."""
    desk = await open_desk(request, Scope.OPERATE_READ)
    return await show_endpoint(request, desk, endpoint_id, done(request, DONE))


@post(PLACE + "/{endpoint_id:str}", request_max_body_size=BODY_MAX_BYTES)
async def change(request: Request[Any, Any, Any], endpoint_id: FromPath[str]) -> Response[Any]:
    """Another address, description or filter. Raises NotFound."""
    desk, form = await posted(request, Scope.OPERATE)
    await endpoints.get(desk.merchant_id, endpoint_id)
    typed = _typed(form)
    try:
        await endpoints.change(
            desk.merchant_id,
            endpoint_id,
            url=typed["url"],
            description=typed["description"],
            event_types=_types(typed["event_types"]),
        )
    except ClearwayError as refused:
        return await show_endpoint(request, desk, endpoint_id, Said.no(refused))
    return replies.redirect(f"{PLACE}/{endpoint_id}?done=changed")


@post(PLACE + "/{endpoint_id:str}/switch", request_max_body_size=BODY_MAX_BYTES)
async def switch(request: Request[Any, Any, Any], endpoint_id: FromPath[str]) -> Response[Any]:
    """Enable or disable. Raises NotFound."""
    desk, form = await posted(request, Scope.OPERATE)
    enabled = text_of(form, "enabled") == "yes"
    await endpoints.change(desk.merchant_id, endpoint_id, enabled=enabled)
    return replies.redirect(f"{PLACE}/{endpoint_id}?done={'enabled' if enabled else 'disabled'}")


@post(PLACE + "/{endpoint_id:str}/rotate", request_max_body_size=BODY_MAX_BYTES)
async def rotate(request: Request[Any, Any, Any], endpoint_id: FromPath[str]) -> Response[str]:
    """A new secret, shown this once. Raises NotFound."""
    desk, form = await posted(request, Scope.OPERATE)
    row, address = await endpoints.get(desk.merchant_id, endpoint_id), f"{PLACE}/{endpoint_id}"
    try:
        overlap_h = whole_number(text_of(form, "overlap_hours"), "overlap_hours", 0, OVERLAP_MAX_H)
        if not is_confirmed(form):
            lasts = f"The old one signs too for {overlap_h} hours." if overlap_h else "The old one ends at once."
            lines = (row.url, f"The next page shows the new secret, this once. {lasts}")
            return ask_back(desk, form, "Rotate the signing secret?", lines, f"{address}/rotate", "Rotate", address)
        changed = await endpoints.rotate_secret(desk.merchant_id, endpoint_id, overlap_h=overlap_h)
    except ClearwayError as refused:
        return await show_endpoint(request, desk, endpoint_id, Said.no(refused))
    secret = endpoints.secret_of(changed, changed.secret_version) or ""
    return await show_endpoint(request, desk, endpoint_id, secret=secret)


@post(PLACE + "/{endpoint_id:str}/delete", request_max_body_size=BODY_MAX_BYTES)
async def delete(request: Request[Any, Any, Any], endpoint_id: FromPath[str]) -> Response[Any]:
    """Tell it nothing more. Raises NotFound."""
    desk, form = await posted(request, Scope.OPERATE)
    row, address = await endpoints.get(desk.merchant_id, endpoint_id), f"{PLACE}/{endpoint_id}"
    if not is_confirmed(form):
        lines = (row.url, "It is told nothing more, not even what still waits. Its secret is forgotten.")
        return ask_back(desk, form, "Delete this endpoint?", lines, f"{address}/delete", "Delete", address)
    await endpoints.delete(desk.merchant_id, endpoint_id)
    return replies.redirect(PLACE)


async def show_endpoint(
    request: Request[Any, Any, Any], desk: Desk, endpoint_id: str, said: Said = NOTHING_SAID, *, secret: str = ""
) -> Response[str]:
    """The page of an endpoint. Raises NotFound."""
    row, state = await endpoints.get(desk.merchant_id, endpoint_id), asked(request, "state", "|".join(DeliveryState))
    found = await delivery_store.deliveries_of(
        row.id, limit=ROWS + 1, before_id=cursor(request, "whd"), state=DeliveryState(state) if state else None
    )
    address = f"{PLACE}/{endpoint_id}"
    view = EndpointView(
        shell=desk.shell,
        row=row,
        deliveries=await delivery_lines(found[:ROWS]),
        state=state,
        states=tuple(DeliveryState),
        may_operate=desk.may(Scope.OPERATE),
        overlap_h=OVERLAP_DEFAULT_H,
        next_url=older_url(address, found[ROWS - 1].id, {"state": state}) if len(found) > ROWS else "",
        secret=secret,
        notice=said.notice,
        error=said.error,
    )
    return desk.page(view, said.status)


async def delivery_lines(found: list[DeliveryRow]) -> tuple[DeliveryLine, ...]:
    """Deliveries with the types of their events: one query for all."""
    events = {event.id: event for event in await event_store.events([row.event_id for row in found])} if found else {}
    return tuple(
        DeliveryLine(row, events[row.event_id].type, events[row.event_id].object_id)
        if row.event_id in events
        else DeliveryLine(row, "", "")
        for row in found
    )


async def _list(
    desk: Desk,
    *,
    made: EndpointRow | None = None,
    error: str = "",
    typed: dict[str, str] | None = None,
    status: int = 200,
) -> Response[str]:
    view = EndpointsView(
        shell=desk.shell,
        rows=tuple(await endpoint_store.endpoints_of(desk.merchant_id)),
        may_operate=desk.may(Scope.OPERATE),
        secret=(endpoints.secret_of(made, made.secret_version) or "") if made else "",
        secret_url=made.url if made else "",
        typed=typed or {},
        error=error,
    )
    return desk.page(view, status)


def _typed(form: FormMultiDict) -> dict[str, str]:
    return {
        "url": text_of(form, "url").strip()[: URL_CHARS_MAX + 1],
        "description": text_of(form, "description").strip()[:DESCRIPTION_CHARS_MAX],
        "event_types": text_of(form, "event_types"),
    }


def _types(text: str) -> list[str]:
    """One in each line, or separated by commas or spaces."""
    return text.replace(",", " ").split()


ROUTES = [endpoints_page, add, endpoint_page, change, switch, rotate, delete]
