"""The console's word on a gateway account: force it on or off, take that back, plan and cancel maintenance."""

from datetime import UTC, datetime
from typing import Any

from litestar import Request, Response, post
from litestar.params import FromPath

from orchestrator.access.scopes import Scope
from orchestrator.errors import ClearwayError, InvalidField
from orchestrator.gateways import accounts
from orchestrator.payments import account_standing
from orchestrator.web import replies
from orchestrator.web.console_desk import Said, posted
from orchestrator.web.console_gateways import PLACE, show_account
from orchestrator.web.forms import text_of
from routing.account_store import Forced

FORM_MAX_BYTES = 10_000
REASON_CHARS_MAX = 500
_ACCOUNT = PLACE + "/{account_id:str}"


@post(_ACCOUNT + "/override", request_max_body_size=FORM_MAX_BYTES)
async def force(request: Request[Any, Any, Any], account_id: FromPath[str]) -> Response[Any]:
    """Force the account on or off, whatever its breaker says. Raises NotFound."""
    desk, form = await posted(request, Scope.OPERATE)
    await accounts.get(desk.merchant_id, account_id)
    try:
        forced, reason = text_of(form, "forced"), text_of(form, "reason").strip()
        if forced not in set(Forced):
            raise InvalidField("forced", "must be on or off")
        if not 1 <= len(reason) <= REASON_CHARS_MAX:
            raise InvalidField("reason", f"must have 1 to {REASON_CHARS_MAX} characters")
        until = _moment(text_of(form, "until"), "until") if text_of(form, "until") else None
        await account_standing.force(desk.merchant_id, account_id, Forced(forced), reason, until)
    except ClearwayError as refused:
        return await show_account(desk, account_id, Said.no(refused))
    return replies.redirect(f"{PLACE}/{account_id}?done=forced")


@post(_ACCOUNT + "/release", request_max_body_size=FORM_MAX_BYTES)
async def release(request: Request[Any, Any, Any], account_id: FromPath[str]) -> Response[Any]:
    """Take the word back. Raises NotFound, also where somebody else already has."""
    desk, _ = await posted(request, Scope.OPERATE)
    await account_standing.release(desk.merchant_id, account_id)
    return replies.redirect(f"{PLACE}/{account_id}?done=released")


@post(_ACCOUNT + "/maintenance", request_max_body_size=FORM_MAX_BYTES)
async def plan_maintenance(request: Request[Any, Any, Any], account_id: FromPath[str]) -> Response[Any]:
    """Hold the account back for a time, in UTC. Raises NotFound."""
    desk, form = await posted(request, Scope.OPERATE)
    await accounts.get(desk.merchant_id, account_id)
    try:
        starts_at, ends_at = (_moment(text_of(form, name), name) for name in ("starts_at", "ends_at"))
        note = text_of(form, "note").strip()[:REASON_CHARS_MAX]
        await account_standing.plan_maintenance(desk.merchant_id, account_id, starts_at, ends_at, note)
    except ClearwayError as refused:
        return await show_account(desk, account_id, Said.no(refused))
    return replies.redirect(f"{PLACE}/{account_id}?done=planned")


@post(_ACCOUNT + "/maintenance/{window_id:str}/cancel", request_max_body_size=FORM_MAX_BYTES)
async def cancel_maintenance(
    request: Request[Any, Any, Any], account_id: FromPath[str], window_id: FromPath[str]
) -> Response[Any]:
    """The window is not to be, or is over now. Raises NotFound."""
    desk, _ = await posted(request, Scope.OPERATE)
    await account_standing.cancel_maintenance(desk.merchant_id, account_id, window_id)
    return replies.redirect(f"{PLACE}/{account_id}?done=canceled")


def _moment(text: str, field: str) -> datetime:
    """What a browser's date-and-time field has, in UTC. Raises InvalidField."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidField(field, "must be a day and a time, as 2026-11-23T22:00") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


ROUTES = [force, release, plan_maintenance, cancel_maintenance]
