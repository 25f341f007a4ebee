"""The page at /simulators, for people: what the simulators do, and buttons for time, outages and scenarios."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from simulators.asgi import App, Handler, Request, Response, html_response, see_other
from simulators.deliveries import post_of
from simulators.disputes import disputes_of
from simulators.fields import FieldRefused, Fields
from simulators.orders import scenario_of, treatment_of
from simulators.outages import Outages
from simulators.page_view import render_page
from simulators.registry import DECIDE_DISPUTE
from simulators.server import Listener
from simulators.timekeeper import Timekeeper
from simulators.world import World

PATH = "/simulators"
_INTEGERS = frozenset({"times", "seed", "retry_after", "advance_seconds"})
_NUMBERS = frozenset({"seconds", "share", "until"})

Change = Callable[[Fields], Awaitable[None]]


class Page:
    """Forms post here and come back to the page; a wrong field is told on it."""

    def __init__(
        self, world: World, timekeeper: Timekeeper, listeners: Mapping[str, Listener], outages: Outages
    ) -> None:
        self._world = world
        self._timekeeper = timekeeper
        self._listeners = listeners
        self._outages = outages

    def mount(self, app: App) -> None:
        app.route("GET", PATH, self._show)
        app.route("POST", PATH + "/clock", self._form(self._advance))
        app.route("POST", PATH + "/outage", self._form(self._outage))
        app.route("POST", PATH + "/scenarios", self._form(self._add_scenario))
        app.route("POST", PATH + "/scenarios/clear", self._form(self._clear_scenarios))
        app.route("POST", PATH + "/webhooks", self._form(self._treat_webhooks))
        app.route("POST", PATH + "/disputes", self._form(self._decide))

    async def _show(self, request: Request) -> Response:
        return self._rendered()

    def _rendered(self, problem: str = "", status: int = 200) -> Response:
        html, nonce = render_page(self._world, self._listeners, self._outages, post_of(self._world), problem)
        policy = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        return html_response(html, status, {"content-security-policy": policy, "cache-control": "no-store"})

    def _form(self, change: Change) -> Handler:
        async def handle(request: Request) -> Response:
            origin = request.headers.get("origin", "")
            if origin and origin != f"http://{request.headers.get('host', '')}":
                return self._rendered("Only this page may send its forms.", 403)
            try:
                await change(Fields(_typed(request)))
            except FieldRefused as refused:
                return self._rendered(str(refused), 422)
            return see_other(PATH)

        return handle

    async def _advance(self, fields: Fields) -> None:
        await self._timekeeper.advance(fields.number("advance_seconds", most=366 * 86_400))

    async def _outage(self, fields: Fields) -> None:
        name = fields.choice("gateway", self._listeners)
        if fields.choice("on", ("yes", "no")) == "yes":
            self._outages.begin(name, fields.number("seconds", least=0.001) if fields.has("seconds") else None)
        else:
            await self._outages.end(name)

    async def _add_scenario(self, fields: Fields) -> None:
        self._world.scenarios.append(scenario_of(fields, self._world))

    async def _clear_scenarios(self, fields: Fields) -> None:
        self._world.scenarios.clear()

    async def _treat_webhooks(self, fields: Fields) -> None:
        post_of(self._world).treat(treatment_of(fields))

    async def _decide(self, fields: Fields) -> None:
        dispute = disputes_of(self._world).get(fields.text("id"))
        if dispute is None or not dispute.is_open:
            raise FieldRefused("id", "is of no open dispute")
        DECIDE_DISPUTE[dispute.gateway](self._world, dispute, fields.choice("outcome", ("won", "lost")) == "won")


def _typed(request: Request) -> dict[str, Any]:
    """The form's fields, empty ones left out, numbers as numbers; what is no number stays text and is refused later."""
    filled = {name: value.strip() for name, value in parse_qsl(request.body.decode()) if value.strip()}
    return {name: _number(name, value) for name, value in filled.items()}


def _number(name: str, value: str) -> str | int | float:
    try:
        if name in _INTEGERS:
            return int(value)
        return float(value) if name in _NUMBERS else value
    except ValueError:
        return value
