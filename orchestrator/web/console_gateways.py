"""The console's gateway accounts: their health, adding one by the fields of its gateway, changing, checking."""

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.params import FromPath

from orchestrator import clock_port
from orchestrator.access.scopes import Scope
from orchestrator.errors import ClearwayError
from orchestrator.gateways import accounts, connections
from orchestrator.gateways.credentials import Method
from orchestrator.gateways.registry import KINDS, kind_of
from orchestrator.gateways.store import GatewayAccountRow
from orchestrator.settings import get_settings
from orchestrator.web import replies
from orchestrator.web.console_desk import (
    NOTHING_SAID,
    Desk,
    Said,
    ask_back,
    done,
    is_confirmed,
    open_desk,
    posted,
    whole_number,
)
from orchestrator.web.console_setup_views import AccountLine, AccountsView, AddAccountView, GatewayAccountView
from orchestrator.web.console_webhooks import warnings_of
from orchestrator.web.forms import sentence_of, text_of
from orchestrator.webhooks import watch_store
from routing import account_store
from routing.account_store import EVERY_METHOD
from routing.breaker import BreakerPhase, HealthState

PLACE = "/console/gateways"
LABEL_CHARS_MAX, PRIORITY_MAX = 100, 10_000
WINDOWS_SHOWN = 50
FORM_MAX_BYTES = 50_000  # credentials are certificates now and then
DONE = {
    "added": "Added. Routing uses it from now on.",
    "changed": "Saved.",
    "credentials": "The new credentials work, and are in use everywhere within seconds.",
    "enabled": "Enabled: it is back in routing.",
    "disabled": "Disabled: nothing new is sent to it. What it has under way is finished.",
    "forced": "Said. It counts for more than the circuit breaker.",
    "released": "Taken back: the circuit breaker counts again.",
    "planned": "Planned. No new payment goes to it then.",
    "canceled": "The maintenance is canceled.",
}


@get(PLACE)
async def accounts_page(request: Request[Any, Any, Any]) -> Response[str]:
    """All accounts by priority; with `?add=stripe` the form for another one."""
    desk = await open_desk(request, Scope.OPERATE_READ)
    wanted = request.query_params.get("add", "")
    if wanted in KINDS and desk.may(Scope.OPERATE):
        return _form(desk, wanted)
    view = AccountsView(
        desk.shell,
        await _lines(list(desk.accounts.values())),
        tuple(sorted(KINDS)),
        desk.may(Scope.OPERATE),
        done(request, DONE).notice,
    )
    return desk.page(view)


@post(PLACE, request_max_body_size=FORM_MAX_BYTES)
async def add(request: Request[Any, Any, Any]) -> Response[Any]:
    """Add an account; its credentials are tried by a harmless call unless that is unticked."""
    desk, form = await posted(request, Scope.OPERATE)
    gateway = text_of(form, "gateway")
    typed = {name: text_of(form, name)[:LABEL_CHARS_MAX].strip() for name in ("label", "mode", "priority")}
    try:
        kind, mode = kind_of(gateway), "live" if typed["mode"] == "live" else "test"
        credentials = _credentials(form, gateway)
        priority = whole_number(typed["priority"], "priority", 0, PRIORITY_MAX)
        if text_of(form, "verify") == "yes":
            await accounts.check(gateway, credentials, mode=mode)
        row = await accounts.add(
            desk.merchant_id, kind.name, typed["label"] or kind.name.title(), credentials, mode=mode, priority=priority
        )
    except ClearwayError as refused:
        if gateway not in KINDS:
            raise
        return _form(desk, gateway, typed, sentence_of(refused), refused.status)
    return replies.redirect(f"{PLACE}/{row.id}?done=added")


@get(PLACE + "/{account_id:str}")
async def account_page(request: Request[Any, Any, Any], account_id: FromPath[str]) -> Response[str]:
    """One account. Raises NotFound."""
    return await show_account(await open_desk(request, Scope.OPERATE_READ), account_id, done(request, DONE))


@post(PLACE + "/{account_id:str}", request_max_body_size=FORM_MAX_BYTES)
async def change(request: Request[Any, Any, Any], account_id: FromPath[str]) -> Response[Any]:
    """Another name or priority. Raises NotFound."""
    desk, form = await posted(request, Scope.OPERATE)
    row = await accounts.get(desk.merchant_id, account_id)
    try:
        label = text_of(form, "label").strip()[:LABEL_CHARS_MAX] or row.label
        priority = whole_number(text_of(form, "priority"), "priority", 0, PRIORITY_MAX)
        await accounts.change(desk.merchant_id, account_id, label=label, priority=priority)
    except ClearwayError as refused:
        return await show_account(desk, account_id, Said.no(refused))
    return replies.redirect(f"{PLACE}/{account_id}?done=changed")


@post(PLACE + "/{account_id:str}/credentials", request_max_body_size=FORM_MAX_BYTES)
async def replace_credentials(request: Request[Any, Any, Any], account_id: FromPath[str]) -> Response[Any]:
    """New credentials of the same account at the gateway, tried first. Raises NotFound."""
    desk, form = await posted(request, Scope.OPERATE)
    row = await accounts.get(desk.merchant_id, account_id)
    try:
        await accounts.change(desk.merchant_id, account_id, credentials=_credentials(form, row.gateway))
    except ClearwayError as refused:
        return await show_account(desk, account_id, Said.no(refused))
    return replies.redirect(f"{PLACE}/{account_id}?done=credentials")


@post(PLACE + "/{account_id:str}/switch", request_max_body_size=FORM_MAX_BYTES)
async def switch(request: Request[Any, Any, Any], account_id: FromPath[str]) -> Response[Any]:
    """Into routing or out of it; out is asked back. Raises NotFound."""
    desk, form = await posted(request, Scope.OPERATE)
    row, enabled = await accounts.get(desk.merchant_id, account_id), text_of(form, "enabled") == "yes"
    if not enabled and not is_confirmed(form):
        others = sum(it.enabled and it.id != row.id for it in desk.accounts.values())
        left = (
            f"{others} other accounts stay in routing." if others else "No other account is in routing: none can pay."
        )
        lines = ("No new payment goes to it. What it has under way is finished.", left)
        address = f"{PLACE}/{account_id}"
        return ask_back(desk, form, f"Disable {row.label}?", lines, f"{address}/switch", "Disable", address)
    await accounts.switch(desk.merchant_id, account_id, enabled)
    return replies.redirect(f"{PLACE}/{account_id}?done={'enabled' if enabled else 'disabled'}")


@post(PLACE + "/{account_id:str}/check", request_max_body_size=FORM_MAX_BYTES)
async def check(request: Request[Any, Any, Any], account_id: FromPath[str]) -> Response[str]:
    """One harmless call with the account's credentials. Raises NotFound."""
    desk, _ = await posted(request, Scope.OPERATE)
    await accounts.get(desk.merchant_id, account_id)
    try:
        problem = await (await connections.connect(account_id)).probe()
    except ClearwayError as refused:
        problem = refused.detail
    said = Said(error=f"The check failed: {problem}.") if problem else Said(notice="The credentials work.")
    return await show_account(desk, account_id, said)


async def show_account(desk: Desk, account_id: str, said: Said = NOTHING_SAID) -> Response[str]:
    """The account's page, with what is to be said on it. Raises NotFound."""
    row = await accounts.get(desk.merchant_id, account_id)
    kind, able = kind_of(row.gateway), row.capabilities
    limits = {
        "Currencies": able.currencies,
        "Countries": able.countries,
        "Card brands": able.brands,
        "Ways to pay": able.methods,
    }
    word, now = await account_store.override_of(account_id), clock_port.now()
    windows = await account_store.windows_of(account_id, limit=WINDOWS_SHOWN)
    view = GatewayAccountView(
        shell=desk.shell,
        line=(await _lines([row]))[0],
        webhook_url=f"{get_settings().public_url}/webhooks/{row.id}",
        limits=tuple((name, ", ".join(words) or "all that the gateway has") for name, words in limits.items()),
        notes=kind.setup_notes,
        fields=kind.credential_fields,
        may_operate=desk.may(Scope.OPERATE),
        word=word if word and word.holds(now) else None,
        windows=tuple(sorted((it for it in windows if now < it.ends_at), key=lambda it: it.starts_at)),
        notice=said.notice,
        error=said.error,
    )
    return desk.page(view, said.status)


async def _lines(rows: list[GatewayAccountRow]) -> tuple[AccountLine, ...]:
    ids = [row.id for row in rows]
    states, heard = await _breakers(ids), await watch_store.last_heard(ids)
    return tuple([await _line(row, states.get(row.id, {}), heard.get(row.id)) for row in rows])


async def _breakers(account_ids: list[str]) -> dict[str, dict[str, HealthState]]:
    """Of each account the breakers that are not as new, by method; one of calls without a method under ``."""
    found: dict[str, dict[str, HealthState]] = {}
    states = await account_store.load_breakers(account_ids, [*Method, EVERY_METHOD])
    for (account_id, method), state in states.items():
        found.setdefault(account_id, {})[method] = state
    return found


async def _line(row: GatewayAccountRow, states: dict[str, HealthState], heard_at: datetime | None) -> AccountLine:
    held = {method: state for method, state in states.items() if state.phase is not BreakerPhase.CLOSED}
    failures = max((state.failures for state in states.values()), default=0)
    return AccountLine(
        row=row,
        phase="held_back" if held else "degraded" if failures else "healthy",
        failures=failures,
        held_back_since=min((state.opened_at for state in held.values() if state.opened_at), default=None),
        held_back_for="" if EVERY_METHOD in held else ", ".join(sorted(held)),
        heard_at=heard_at,
        problems=tuple(await warnings_of(row.id, row.label)),
    )


def _form(
    desk: Desk, gateway: str, typed: dict[str, str] | None = None, error: str = "", status: int = 200
) -> Response[str]:
    kind = kind_of(gateway)
    view = AddAccountView(desk.shell, gateway, kind.credential_fields, kind.setup_notes, typed or {}, error)
    return desk.page(view, status)


def _credentials(form: FormMultiDict, gateway: str) -> dict[str, str]:
    """The filled fields. Which are needed is said by the registry."""
    given = {
        field.name: text_of(form, f"credential_{field.name}").strip() for field in kind_of(gateway).credential_fields
    }
    return {name: value for name, value in given.items() if value}


ROUTES = [accounts_page, add, account_page, change, replace_credentials, switch, check]
