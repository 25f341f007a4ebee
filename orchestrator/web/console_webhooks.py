"""The console's page of received webhooks: look through them, see who is silent, and apply messages again."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from litestar import Request, Response, get, post

from orchestrator.access.scopes import Scope
from orchestrator.errors import ClearwayError, InvalidField
from orchestrator.gateways import store as gateway_store
from orchestrator.web import console_views, csrf, replies, sessions
from orchestrator.web.forms import BODY_MAX_BYTES, sentence_of, text_of
from orchestrator.web.pages import CSRF_FIELD
from orchestrator.web.presenters import in_test_mode
from orchestrator.web.sessions import ConsoleSession
from orchestrator.web.timeline import webhook_views
from orchestrator.webhooks import log, replay, watch_store
from orchestrator.webhooks.log import Filter

PLACE = "/console/webhooks"
ROWS = 100
REPLAY_MAX = 1_000
STATES = ("received", "applied", "ignored", "parked")
_CURSOR = re.compile(r"whk_[0-9a-f]{1,36}")


@dataclass(frozen=True, slots=True)
class _Said:
    """What a posted form came to: a sentence above the table, with its status."""

    notice: str = ""
    error: str = ""
    status: int = 200


@get(PLACE)
async def webhooks_page(request: Request[Any, Any, Any]) -> Response[str]:
    """The newest notifications that gateways sent. Raises LoginNeeded, Forbidden."""
    return await _page(request, await sessions.need(request, Scope.OPERATE_READ), _Said())


@post(f"{PLACE}/replay", request_max_body_size=BODY_MAX_BYTES)
async def replay_one(request: Request[Any, Any, Any]) -> Response[str]:
    """Apply one message again."""
    session, form = await _posted(request)
    try:
        row = await replay.one(session.merchant.id, text_of(form, "message"))
    except ClearwayError as refused:
        return await _page(request, session, _Said(error=sentence_of(refused), status=refused.status))
    return await _page(request, session, _Said(notice=f"{row.event_type} is being applied again."))


@post(f"{PLACE}/replay-span", request_max_body_size=BODY_MAX_BYTES)
async def replay_span(request: Request[Any, Any, Any]) -> Response[str]:
    """Apply the messages of a time span again, paced."""
    session, form = await _posted(request)
    accounts = await gateway_store.accounts_of(session.merchant.id)
    chosen, state = text_of(form, "account"), text_of(form, "state")
    wanted = Filter(
        account_ids=tuple(row.id for row in accounts if chosen in ("", row.id)),
        state=state if state in log.NOT_WAITING else None,
        since=_moment(text_of(form, "since")),
        until=_moment(text_of(form, "until")),
    )
    try:
        if wanted.since is None or wanted.until is None:
            raise InvalidField("since", "and until must be dates with times")
        done = await replay.many(wanted, count_max=REPLAY_MAX)
    except ClearwayError as refused:
        return await _page(request, session, _Said(error=sentence_of(refused), status=refused.status))
    more = " There are more: do it again when these are done, from where they end." if done.next_cursor else ""
    return await _page(request, session, _Said(notice=f"{done.count} messages are being applied again.{more}"))


async def _posted(request: Request[Any, Any, Any]) -> tuple[ConsoleSession, Any]:
    form = await request.form()
    csrf.check(request, form.get(CSRF_FIELD))
    return await sessions.need(request, Scope.OPERATE), form


async def _page(request: Request[Any, Any, Any], session: ConsoleSession, said: _Said) -> Response[str]:
    accounts = {row.id: row for row in await gateway_store.accounts_of(session.merchant.id)}
    state, before = request.query_params.get("state", ""), request.query_params.get("before", "")
    state = state if state in STATES else ""
    found = await log.newest(
        Filter(tuple(accounts), state=state or None),
        limit=ROWS + 1,
        before_id=before if _CURSOR.fullmatch(before) else None,
    )
    token = csrf.token_of(request)
    view = console_views.WebhooksView(
        shell=console_views.Shell(session.merchant.name, token, in_test_mode(list(accounts.values())), session.who),
        rows=tuple(view for row in found[:ROWS] for view in webhook_views(row, accounts)),
        next_url=f"{PLACE}?state={state}&before={found[ROWS - 1].id}" if len(found) > ROWS else "",
        state=state,
        states=STATES,
        accounts=tuple((row.id, row.label) for row in accounts.values()),
        warnings=tuple([text for id_, row in accounts.items() for text in await _warnings(id_, row.label)]),
        may_replay=session.may(Scope.OPERATE),
        notice=said.notice,
        error=said.error,
    )
    return replies.page(view, status=said.status, cookies=(csrf.cookie_of(token),))


async def _warnings(account_id: str, label: str) -> list[str]:
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
