"""The control API: what a test or the demo does to the world (time, outages, webhooks, reports) and sees of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from simulators.asgi import App, Handler, Request, Response, json_response
from simulators.scenarios import OPERATIONS, Behaviour, Scenario
from simulators.server import Listener
from simulators.webhooks import Sender
from simulators.world import GATEWAYS, Builder, Charge, Endpoint, Mode, World

Verb = Callable[[dict[str, Any]], Awaitable[object]]
"""Takes the JSON body, returns what to answer. Raises KeyError for a missing field, ValueError for a wrong one."""

Settle = Callable[[World, str, str, str | None, dict[str, Any] | None, Path], dict[str, Any]]
Forge = Callable[[World, str], Builder]


class Control:
    def __init__(
        self,
        world: World,
        sender: Sender,
        listeners: Mapping[str, Listener],
        settle: Settle,
        forges: Mapping[str, Forge],
        reports_dir: Path,
    ) -> None:
        self._world = world
        self._sender = sender
        self._listeners = listeners
        self._settle_report = settle
        self._forges = forges
        self._reports_dir = reports_dir
        self.app = App()
        self._mount()

    def _mount(self) -> None:
        routes: list[tuple[str, str, Verb]] = [
            ("GET", "/clock", self._clock),
            ("POST", "/clock", self._advance),
            ("POST", "/outage", self._outage),
            ("GET", "/scenarios", self._scenarios),
            ("POST", "/scenarios", self._add_scenario),
            ("DELETE", "/scenarios", self._clear_scenarios),
            ("GET", "/webhooks", self._deliveries),
            ("POST", "/webhooks/mode", self._webhook_mode),
            ("POST", "/webhooks/release", self._release),
            ("POST", "/webhooks/forge", self._forge),
            ("POST", "/endpoints", self._endpoint),
            ("POST", "/accounts", self._account),
            ("GET", "/books", self._books),
            ("GET", "/charges", self._charges),
            ("POST", "/charges/foreign", self._foreign_charge),
            ("POST", "/settle", self._settle),
        ]
        for method, path, verb in routes:
            self.app.route(method, path, _handler(verb))

    # time and trouble

    async def _clock(self, body: dict[str, Any]) -> object:
        return {"now": self._world.clock.now().isoformat()}

    async def _advance(self, body: dict[str, Any]) -> object:
        self._world.clock.advance(_number(body, "advance_seconds"))
        return await self._clock(body)

    async def _outage(self, body: dict[str, Any]) -> object:
        name = _one_of(body, "gateway", self._listeners)
        listener = self._listeners[name]
        await (listener.close() if body["on"] else listener.open())
        return {"gateway": name, "on": not listener.is_open}

    async def _scenarios(self, body: dict[str, Any]) -> object:
        return [asdict(scenario) for scenario in self._world.scenarios]

    async def _add_scenario(self, body: dict[str, Any]) -> object:
        scenario = Scenario(
            gateway=_one_of(body, "gateway", (*GATEWAYS, "*")),
            operation=_one_of(body, "operation", OPERATIONS),
            behaviour=Behaviour(body["behaviour"]),
            times=int(body.get("times", 1)),
            seconds=_number(body, "seconds", 0),
            reason=str(body.get("reason", "do_not_honor")),
            when={str(name): str(value) for name, value in body.get("when", {}).items()},
        )
        self._world.scenarios.append(scenario)
        return asdict(scenario)

    async def _clear_scenarios(self, body: dict[str, Any]) -> object:
        self._world.scenarios.clear()
        return []

    # webhooks

    async def _deliveries(self, body: dict[str, Any]) -> object:
        return [asdict(delivery) for delivery in self._sender.log]

    async def _webhook_mode(self, body: dict[str, Any]) -> object:
        gateway, mode = _one_of(body, "gateway", GATEWAYS), Mode(body["mode"])
        self._sender.set_mode(gateway, mode)
        return {"gateway": gateway, "mode": mode}

    async def _release(self, body: dict[str, Any]) -> object:
        return {"released": self._sender.release(_one_of(body, "gateway", GATEWAYS))}

    async def _forge(self, body: dict[str, Any]) -> object:
        gateway, account = _one_of(body, "gateway", self._forges), str(body["account"])
        for endpoint in self._world.endpoints:
            if (endpoint.gateway, endpoint.account) == (gateway, account):
                status = await self._sender.send_once(endpoint, self._forges[gateway](self._world, account))
                return {"status": status}
        raise ValueError(f"no endpoint is registered for {gateway} {account}")

    async def _endpoint(self, body: dict[str, Any]) -> object:
        secrets = {str(name): str(value) for name, value in body.get("secrets", {}).items()}
        gateway = _one_of(body, "gateway", GATEWAYS)
        self._world.register_endpoint(Endpoint(gateway, str(body["account"]), str(body["url"]), secrets))
        return {"gateway": gateway, "account": body["account"], "url": body["url"]}

    # accounts and money

    async def _account(self, body: dict[str, Any]) -> object:
        gateway, account = _one_of(body, "gateway", (*GATEWAYS, "vault")), str(body["account"])
        credentials = {str(name): str(value) for name, value in body["credentials"].items()}
        self._world.register_account(gateway, account, credentials)
        return {"gateway": gateway, "account": account}

    async def _books(self, body: dict[str, Any]) -> object:
        return [
            {"gateway": gateway, "account": account, "currency": currency, **asdict(book)}
            | {"balance_minor": book.balance_minor}
            for (gateway, account, currency), book in self._world.books.items()
        ]

    async def _charges(self, body: dict[str, Any]) -> object:
        return [_show(charge) for charge in self._world.charges.values()]

    async def _foreign_charge(self, body: dict[str, Any]) -> object:
        amount = body["amount_minor"]
        if type(amount) is not int or amount < 1:
            raise ValueError("amount_minor must be a positive integer of minor units")
        gateway = _one_of(body, "gateway", GATEWAYS)
        charge = self._world.add_foreign_charge(gateway, str(body["account"]), amount, str(body["currency"]).upper())
        return _show(charge)

    async def _settle(self, body: dict[str, Any]) -> object:
        gateway, account = _one_of(body, "gateway", GATEWAYS), str(body["account"])
        omitted, overcharge = body.get("omit_reference"), body.get("overcharge")
        return self._settle_report(self._world, gateway, account, omitted, overcharge, self._reports_dir)


def _handler(verb: Verb) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            body = request.json() if request.body else {}
            if not isinstance(body, dict):
                raise ValueError("the body must be a JSON object")
            return json_response(await verb(body))
        except KeyError as missing:
            return json_response({"error": f"field {missing} is missing"}, 422)
        except (TypeError, ValueError) as wrong:
            return json_response({"error": str(wrong)}, 422)

    return handle


def _one_of(body: dict[str, Any], name: str, allowed: Container[str]) -> str:
    value = str(body[name])
    if value not in allowed:
        raise ValueError(f"{name} is unknown: {value}")
    return value


def _number(body: dict[str, Any], name: str, default: int | None = None) -> float:
    value = body[name] if default is None else body.get(name, default)
    if type(value) not in (int, float):
        raise ValueError(f"{name} must be a number")
    return float(value)


def _show(charge: Charge) -> dict[str, Any]:
    return {name: _plain(value) for name, value in asdict(charge).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value
