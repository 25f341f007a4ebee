"""The control API: what a test or the demo does to the world (time, outages, scenarios, webhooks) and sees of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from simulators.asgi import App, Handler, Request, Response, json_response
from simulators.deliveries import post_of
from simulators.fields import FieldRefused, Fields
from simulators.ledger_view import LedgerView, Settle
from simulators.orders import scenario_of, treatment_of
from simulators.outages import Outages
from simulators.page import Page
from simulators.registry import FORGERS
from simulators.server import Listener
from simulators.settlement import schedule_payouts
from simulators.timekeeper import Timekeeper
from simulators.vault.destinations import authority_of, destinations_of, listed
from simulators.webhooks import Sender
from simulators.world import GATEWAYS, Endpoint, World

Verb = Callable[..., Awaitable[object]]
"""Takes the fields of the JSON body (of the query of a GET) and the parts of the path; returns what to answer."""


class Control:
    """Routes bound to one world."""

    def __init__(
        self,
        world: World,
        sender: Sender,
        timekeeper: Timekeeper,
        listeners: Mapping[str, Listener],
        outages: Outages,
        settle: Settle,
        reports_dir: Path,
    ) -> None:
        self._world = world
        self._post = post_of(world)
        self._sender = sender
        self._timekeeper = timekeeper
        self._listeners = listeners
        self._outages = outages
        self._ledger = LedgerView(world, settle, reports_dir)
        self.app = App()
        for method, path, verb in (*self._routes(), *self._ledger.routes()):
            self.app.route(method, path, _handler(verb))
        Page(world, timekeeper, listeners, outages).mount(self.app)

    def _routes(self) -> list[tuple[str, str, Verb]]:
        return [
            ("GET", "/clock", self._clock),
            ("POST", "/clock", self._advance),
            ("GET", "/timers", self._timers),
            ("GET", "/outages", self._all_outages),
            ("POST", "/outage", self._outage),
            ("GET", "/scenarios", self._scenarios),
            ("POST", "/scenarios", self._add_scenario),
            ("DELETE", "/scenarios", self._clear_scenarios),
            ("GET", "/webhooks", self._deliveries),
            ("GET", "/webhooks/mode", self._webhook_modes),
            ("POST", "/webhooks/mode", self._webhook_mode),
            ("POST", "/webhooks/release", self._release),
            ("POST", "/webhooks/retry", self._retry),
            ("POST", "/webhooks/forge", self._forge),
            ("GET", "/endpoints", self._endpoints),
            ("POST", "/endpoints", self._endpoint),
            ("POST", "/accounts", self._account),
            ("GET", "/vault/destinations", self._destinations),
            ("POST", "/vault/destinations", self._add_destination),
        ]

    # time and trouble

    async def _clock(self, fields: Fields) -> object:
        clock = self._world.clock
        return {"now": clock.now().isoformat(), "ahead_seconds": clock.offset.total_seconds()}

    async def _advance(self, fields: Fields) -> object:
        await self._timekeeper.advance(fields.number("advance_seconds", most=10 * 366 * 86_400))
        return await self._clock(fields)

    async def _timers(self, fields: Fields) -> object:
        return [
            {"due": t.due.isoformat(), "gateway": t.gateway, "handler": t.handler, "facts": t.facts}
            for t in self._world.timers.waiting()
        ]

    async def _all_outages(self, fields: Fields) -> object:
        return [self._shown_outage(name) for name in self._listeners]

    async def _outage(self, fields: Fields) -> object:
        fields.only("gateway", "on", "seconds")
        name = fields.choice("gateway", self._listeners)
        if fields.flag("on"):
            self._outages.begin(name, fields.number("seconds", least=0.001) if fields.has("seconds") else None)
            await asyncio.sleep(0)  # the loop closes aborted connections in its next turn: before we say that they are
        else:
            await self._outages.end(name)
        return self._shown_outage(name)

    def _shown_outage(self, name: str) -> dict[str, Any]:
        outage = self._outages[name]
        until = outage.until.isoformat() if outage and outage.until else None
        return {"gateway": name, "on": not self._listeners[name].is_open, "until": until}

    async def _scenarios(self, fields: Fields) -> object:
        return [scenario.shown() for scenario in self._world.scenarios]

    async def _add_scenario(self, fields: Fields) -> object:
        scenario = scenario_of(fields, self._world)
        self._world.scenarios.append(scenario)
        return scenario.shown()

    async def _clear_scenarios(self, fields: Fields) -> object:
        self._world.scenarios.clear()
        return []

    # webhooks

    async def _deliveries(self, fields: Fields) -> object:
        return [delivery.shown() for delivery in self._post.log.values()]

    async def _webhook_modes(self, fields: Fields) -> object:
        return [treatment.shown() for treatment in self._post.treatments]

    async def _webhook_mode(self, fields: Fields) -> object:
        treatment = treatment_of(fields)
        self._post.treat(treatment)
        return treatment.shown()

    async def _release(self, fields: Fields) -> object:
        return {"released": self._sender.release(fields.choice("gateway", GATEWAYS))}

    async def _retry(self, fields: Fields) -> object:
        return {"retried": self._sender.retry(fields.choice("gateway", GATEWAYS))}

    async def _forge(self, fields: Fields) -> object:
        gateway, account = fields.choice("gateway", FORGERS), fields.text("account")
        endpoints = self._world.endpoints_of(gateway, account)
        if not endpoints:
            raise FieldRefused("account", f"{account} has no endpoint at {gateway}: register one at POST /endpoints")
        return {"status": await self._sender.send(endpoints[0], FORGERS[gateway](self._world, endpoints[0]))}

    async def _endpoints(self, fields: Fields) -> object:
        """Without the secrets."""
        return [
            {"gateway": e.gateway, "account": e.account, "id": e.id, "url": e.url}
            | {"events": sorted(e.events), "enabled": e.enabled}
            for e in self._world.endpoints
        ]

    async def _endpoint(self, fields: Fields) -> object:
        gateway, account, url = fields.choice("gateway", GATEWAYS), fields.text("account"), fields.text("url")
        secrets, events = fields.texts("secrets", {}), frozenset(fields.list_of_texts("events", []))
        self._world.register_endpoint(Endpoint(gateway, account, url, secrets, events=events))
        return {"gateway": gateway, "account": account, "url": url}

    # accounts

    async def _account(self, fields: Fields) -> object:
        gateway, account = fields.choice("gateway", (*GATEWAYS, "vault")), fields.text("account")
        self._world.register_account(gateway, account, fields.texts("credentials"))
        try:
            schedule_payouts(self._world, gateway, account)
        except ValueError as wrong:
            raise FieldRefused("credentials", str(wrong)) from None
        return {"gateway": gateway, "account": account}

    async def _destinations(self, fields: Fields) -> object:
        return listed(self._world)

    async def _add_destination(self, fields: Fields) -> object:
        """{url}: its host and port may be reached through the vault from now on."""
        authority = authority_of(fields.text("url"))
        if not authority:
            raise FieldRefused("url", "must be an http or https address")
        destinations_of(self._world).add(authority)
        return await self._destinations(fields)


def _handler(verb: Verb) -> Handler:
    async def handle(request: Request, **parts: str) -> Response:
        try:
            sent = request.query if request.method == "GET" else request.json() if request.body else {}
        except ValueError:
            return json_response({"error": "the body is not JSON", "field": "", "allowed": []}, 422)
        if not isinstance(sent, dict):
            return json_response({"error": "the body must be a JSON object", "field": "", "allowed": []}, 422)
        try:
            return json_response(await verb(Fields(sent), **parts))
        except FieldRefused as refused:
            return json_response({"error": str(refused), "field": refused.field, "allowed": refused.allowed}, 422)

    return handle
