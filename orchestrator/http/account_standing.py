"""Routes of what operators say of a gateway account: forced on or off, and maintenance windows."""

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody

from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.routing_schemas import (
    MaintenanceBody,
    MaintenanceInput,
    OverrideBody,
    OverrideInput,
    maintenance_body,
    override_body,
)
from orchestrator.payments import account_standing

SCOPE = "operate"
_OVERRIDE = "/gateway-accounts/{account_id:str}/override"
_WINDOWS = "/gateway-accounts/{account_id:str}/maintenance-windows"


@put(_OVERRIDE, guards=[needs(SCOPE)], responses=PROBLEMS, tags=["gateway accounts"], summary="Force an account")
async def force_account(request: ApiRequest, account_id: FromPath[str], data: JSONBody[OverrideInput]) -> OverrideBody:
    """Force the account on or off, whatever its circuit breaker says. What it has under way is finished."""
    word = await account_standing.force(merchant_of(request), account_id, data.forced, data.reason, data.until)
    return override_body(word)


@get(_OVERRIDE, guards=[needs(SCOPE)], responses=PROBLEMS, tags=["gateway accounts"], summary="Get an override")
async def get_override(request: ApiRequest, account_id: FromPath[str]) -> OverrideBody:
    """The word that was said last; 404 where none was, or it was taken back."""
    return override_body(await account_standing.override_of(merchant_of(request), account_id))


@delete(_OVERRIDE, guards=[needs(SCOPE)], responses=PROBLEMS, tags=["gateway accounts"], summary="Release an account")
async def release_account(request: ApiRequest, account_id: FromPath[str]) -> None:
    """Take the word back: the circuit breaker counts again."""
    await account_standing.release(merchant_of(request), account_id)


@post(
    _WINDOWS,
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["gateway accounts"],
    summary="Plan maintenance",
)
async def plan_maintenance(
    request: ApiRequest, account_id: FromPath[str], data: JSONBody[MaintenanceInput]
) -> Response[MaintenanceBody]:
    """Hold the account back for a time."""
    merchant_id = merchant_of(request)

    async def work(_: str) -> MaintenanceBody:
        planned = await account_standing.plan_maintenance(
            merchant_id, account_id, data.starts_at, data.ends_at, data.note
        )
        return maintenance_body(planned)

    return await answer_once(request, work)


@get(_WINDOWS, guards=[needs(SCOPE)], responses=PROBLEMS, tags=["gateway accounts"], summary="List maintenance")
async def list_maintenance(
    request: ApiRequest, account_id: FromPath[str], limit: Limit = PAGE_DEFAULT, starting_after: StartingAfter = None
) -> Page[MaintenanceBody]:
    """The account's windows, newest first, those of the past too."""
    size = page_size(limit)
    found = await account_standing.windows(merchant_of(request), account_id, limit=size + 1, before_id=starting_after)
    return page([maintenance_body(one) for one in found], size)


@get(
    _WINDOWS + "/{window_id:str}",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    tags=["gateway accounts"],
    summary="Get maintenance",
)
async def get_maintenance(request: ApiRequest, account_id: FromPath[str], window_id: FromPath[str]) -> MaintenanceBody:
    """One window."""
    return maintenance_body(await account_standing.window(merchant_of(request), account_id, window_id))


@delete(
    _WINDOWS + "/{window_id:str}",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    tags=["gateway accounts"],
    summary="Cancel maintenance",
)
async def cancel_maintenance(request: ApiRequest, account_id: FromPath[str], window_id: FromPath[str]) -> None:
    """The window is not to be, or is over now."""
    await account_standing.cancel_maintenance(merchant_of(request), account_id, window_id)


ROUTES = [
    force_account,
    get_override,
    release_account,
    plan_maintenance,
    list_maintenance,
    get_maintenance,
    cancel_maintenance,
]
