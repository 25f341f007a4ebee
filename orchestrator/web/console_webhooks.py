"""The console's page of received webhooks: look through them, see who is silent, and apply messages again."""

from datetime import UTC, datetime
from typing import Any

from litestar import Request, Response, get, post

from orchestrator.access.scopes import Scope
from orchestrator.errors import ClearwayError, InvalidField
from orchestrator.web import console_views
from orchestrator.web.console_desk import NOTHING_SAID, Desk, Said, cursor, older_url, open_desk, posted
from orchestrator.web.forms import BODY_MAX_BYTES, text_of
from orchestrator.web.timeline import webhook_views
from orchestrator.webhooks import log, replay, watch_store
from orchestrator.webhooks.log import Filter

PLACE = "/console/webhooks"
ROWS = 100
REPLAY_MAX = 1_000
STATES = ("received", "applied", "ignored", "parked")


@get(PLACE)
async def webhooks_page(request: Request[Any, Any, Any]) -> Response[str]:
    """The newest notifications that gateways sent. Raises LoginNeeded, Forbidden."""
    return await _page(request, await open_desk(request, Scope.OPERATE_READ))


@post(f"{PLACE}/replay", request_max_body_size=BODY_MAX_BYTES)
async def replay_one(request: Request[Any, Any, Any]) -> Response[str]:
    """Apply one message again."""
    desk, form = await posted(request, Scope.OPERATE)
    try:
        row = await replay.one(desk.merchant_id, text_of(form, "message"))
    except ClearwayError as refused:
        return await _page(request, desk, Said.no(refused))
    return await _page(request, desk, Said(notice=f"{row.event_type} is being applied again."))


@post(f"{PLACE}/replay-span", request_max_body_size=BODY_MAX_BYTES)
async def replay_span(request: Request[Any, Any, Any]) -> Response[str]:
    """Apply the messages of a time span again, paced."""
    desk, form = await posted(request, Scope.OPERATE)
    chosen, state = text_of(form, "account"), text_of(form, "state")
    wanted = Filter(
        account_ids=tuple(row.id for row in desk.accounts.values() if chosen in ("", row.id)),
        state=state if state in log.NOT_WAITING else None,
        since=_moment(text_of(form, "since")),
        until=_moment(text_of(form, "until")),
    )
    try:
        if wanted.since is None or wanted.until is None:
            raise InvalidField("since", "and until must be dates with times")
        done = await replay.many(wanted, count_max=REPLAY_MAX)
    except ClearwayError as refused:
        return await _page(request, desk, Said.no(refused))
    more = " There are more: do it again when these are done, from where they end." if done.next_cursor else ""
    return await _page(request, desk, Said(notice=f"{done.count} messages are being applied again.{more}"))


async def _page(request: Request[Any, Any, Any], desk: Desk, said: Said = NOTHING_SAID) -> Response[str]:
    accounts, state = desk.accounts, request.query_params.get("state", "")
    state = state if state in STATES else ""
    found = await log.newest(
        Filter(tuple(accounts), state=state or None),
        limit=ROWS + 1,
        before_id=cursor(request, "whk"),
    )
    view = console_views.WebhooksView(
        shell=desk.shell,
        rows=tuple(view for row in found[:ROWS] for view in webhook_views(row, accounts)),
        next_url=older_url(PLACE, found[ROWS - 1].id, {"state": state}) if len(found) > ROWS else "",
        state=state,
        states=STATES,
        accounts=tuple((row.id, row.label) for row in accounts.values()),
        warnings=tuple([text for id_, row in accounts.items() for text in await warnings_of(id_, row.label)]),
        may_replay=desk.may(Scope.OPERATE),
        notice=said.notice,
        error=said.error,
    )
    return desk.page(view, said.status)


async def warnings_of(account_id: str, label: str) -> list[str]:
    """Sentences on an account of which nothing is heard."""
    row = await watch_store.watch(account_id)
    warnings = []
    if row.silent_since is not None:
        since = row.silent_since.strftime("%Y-%m-%d %H:%M")
        warnings.append(f"{label} has been silent since {since} UTC though payments went through.")
    if row.endpoint_enabled is False:
        warnings.append(f"{label} does not send webhooks here: {row.endpoint_problem}.")
    return warnings


def _moment(text: str) -> datetime | None:
    """What a browser's date-and-time field has, in UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


ROUTES = [webhooks_page, replay_one, replay_span]
