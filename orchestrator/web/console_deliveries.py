"""The console's deliveries: what one message to an endpoint came to, sending it again, and a test event."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from orchestrator.access.scopes import Scope
from orchestrator.errors import ClearwayError
from orchestrator.notifications import deliveries, delivery_store, endpoints
from orchestrator.notifications import store as event_store
from orchestrator.web import replies
from orchestrator.web.console_desk import NOTHING_SAID, Desk, Said, done, open_desk, posted
from orchestrator.web.console_endpoints import DONE, PLACE, delivery_lines, show_endpoint
from orchestrator.web.console_setup_views import DeliveryView
from orchestrator.web.forms import BODY_MAX_BYTES

TRIES_MAX = 50
_ONE = PLACE + "/{endpoint_id:str}/deliveries/{delivery_id:str}"


@get(_ONE)
async def delivery_page(
    request: Request[Any, Any, Any], endpoint_id: FromPath[str], delivery_id: FromPath[str]
) -> Response[str]:
    """One delivery with its tries and what was sent. Raises NotFound."""
    desk = await open_desk(request, Scope.OPERATE_READ)
    return await _page(desk, endpoint_id, delivery_id, done(request, DONE))


@post(_ONE + "/redeliver", request_max_body_size=BODY_MAX_BYTES)
async def redeliver(
    request: Request[Any, Any, Any], endpoint_id: FromPath[str], delivery_id: FromPath[str]
) -> Response[Any]:
    """Send the message now, and then by the schedule. Raises NotFound."""
    desk, _ = await posted(request, Scope.OPERATE)
    await deliveries.get(desk.merchant_id, endpoint_id, delivery_id)
    try:
        await deliveries.redeliver(desk.merchant_id, endpoint_id, delivery_id)
    except ClearwayError as refused:
        return await _page(desk, endpoint_id, delivery_id, Said.no(refused))
    return replies.redirect(f"{PLACE}/{endpoint_id}/deliveries/{delivery_id}?done=again")


@post(PLACE + "/{endpoint_id:str}/test", request_max_body_size=BODY_MAX_BYTES)
async def send_test(request: Request[Any, Any, Any], endpoint_id: FromPath[str]) -> Response[Any]:
    """Send `webhook_endpoint.test` to this endpoint only. Raises NotFound."""
    desk, _ = await posted(request, Scope.OPERATE)
    await endpoints.get(desk.merchant_id, endpoint_id)
    try:
        await deliveries.send_test(desk.merchant_id, endpoint_id)
    except ClearwayError as refused:
        return await show_endpoint(request, desk, endpoint_id, Said.no(refused))
    return replies.redirect(f"{PLACE}/{endpoint_id}?done=test")


async def _page(desk: Desk, endpoint_id: str, delivery_id: str, said: Said = NOTHING_SAID) -> Response[str]:
    row = await deliveries.get(desk.merchant_id, endpoint_id, delivery_id)
    events = await event_store.events([row.event_id])
    view = DeliveryView(
        shell=desk.shell,
        endpoint=await endpoints.get(desk.merchant_id, endpoint_id),
        line=(await delivery_lines([row]))[0],
        tries=tuple(await delivery_store.tries_of(row.id, limit=TRIES_MAX)),
        body=deliveries.message(events[0]).decode() if events else "",
        may_operate=desk.may(Scope.OPERATE),
        notice=said.notice,
        error=said.error,
    )
    return desk.page(view, said.status)


ROUTES = [delivery_page, redeliver, send_test]
