"""The simulated VIES: the REST API's checks and status, with traders and silent countries to order beside it.

Shapes and errors as in "Vies on-the-Web Endpoint" 1.0.0 (https://ec.europa.eu/taxation_customs/vies/#/technical-information).
"""

from __future__ import annotations

import re
from typing import Any

from simulators.asgi import App, ASGIApp, Request, Response, json_response, play
from simulators.fields import FieldRefused, Fields
from simulators.vies.register import COUNTRIES, NOT_TOLD, SECRETIVE, Asked, Registers, Trader, registers_of
from simulators.world import World

ERRORS = (
    *("SERVICE_UNAVAILABLE", "MS_UNAVAILABLE", "TIMEOUT", "VAT_BLOCKED", "IP_BLOCKED"),
    *("GLOBAL_MAX_CONCURRENT_REQ", "GLOBAL_MAX_CONCURRENT_REQ_TIME"),
    *("MS_MAX_CONCURRENT_REQ", "MS_MAX_CONCURRENT_REQ_TIME"),
)
# What the test service answers by the number alone, whatever the country.
BY_TEST_NUMBER = {
    "201": "INVALID_INPUT",
    "202": "INVALID_REQUESTER_INFO",
    "300": "SERVICE_UNAVAILABLE",
    "301": "MS_UNAVAILABLE",
    "302": "TIMEOUT",
    "400": "VAT_BLOCKED",
    "401": "IP_BLOCKED",
    "500": "GLOBAL_MAX_CONCURRENT_REQ",
    "501": "GLOBAL_MAX_CONCURRENT_REQ_TIME",
    "600": "MS_MAX_CONCURRENT_REQ",
    "601": "MS_MAX_CONCURRENT_REQ_TIME",
}
_NUMBER = re.compile(r"[0-9A-Z+*]{2,12}")
_MATCHES = (
    "traderNameMatch",
    "traderStreetMatch",
    "traderPostalCodeMatch",
    "traderCityMatch",
    "traderCompanyTypeMatch",
)
_TRADER = ("traderName", "traderStreet", "traderPostalCode", "traderCity", "traderCompanyType")


class ViesApp:
    """Routes bound to one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._registers: Registers = registers_of(world)
        self.app = App()
        self.app.route("POST", "/check-vat-number", self._check)
        self.app.route("POST", "/check-vat-test-service", self._test)
        self.app.route("GET", "/check-status", self._status)
        self.app.route("PUT", "/simulator/traders/{vat_id}", self._put_trader)
        self.app.route("PUT", "/simulator/countries/{country}", self._put_country)
        self.app.route("GET", "/simulator/asked", self._asked)

    async def _check(self, request: Request) -> Response:
        asked = _question(request)
        country = asked.get("countryCode", "")
        trouble = self._world.take_scenario("vies", "lookup", country=country)

        async def work(_: str | None) -> Response:
            return self._answer(asked)

        self._registers.begin(country)
        try:
            return await play(trouble, work, lambda status: _failed("SERVICE_UNAVAILABLE", status))
        finally:
            self._registers.end(country)

    def _answer(self, asked: dict[str, str]) -> Response:
        """An error of a country comes with status 200, as the real one's does."""
        country, number = asked.get("countryCode", ""), asked.get("vatNumber", "")
        vat_id = country + number
        requester = asked.get("requesterMemberStateCode", "") + asked.get("requesterNumber", "")
        error = self._error_of(country, number, requester)
        if error:
            self._registers.note(Asked(vat_id, requester, error))
            return _failed(error, 400 if error == "INVALID_INPUT" else 200)
        trader = self._registers.trader(vat_id)
        self._registers.requests += 1
        self._registers.note(Asked(vat_id, requester, "valid" if trader.valid else "invalid"))
        identifier = f"WAPIAAAA{self._registers.requests:08d}" if requester else ""
        return json_response(self._reply(country, number, trader, identifier))

    def _error_of(self, country: str, number: str, requester: str) -> str:
        if country not in COUNTRIES or not _NUMBER.fullmatch(number):
            return "INVALID_INPUT"
        if requester and (requester[:2] not in COUNTRIES or not self._registers.trader(requester).valid):
            return "INVALID_REQUESTER_INFO"
        return self._registers.silent.get(country, "")

    def _reply(self, country: str, number: str, trader: Trader, identifier: str) -> dict[str, Any]:
        is_told = trader.valid and country not in SECRETIVE
        return {
            "countryCode": country,
            "vatNumber": number,
            "requestDate": self._world.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "valid": trader.valid,
            "requestIdentifier": identifier,
            "name": trader.name if is_told else NOT_TOLD,
            "address": trader.address if is_told else NOT_TOLD,
            **dict.fromkeys(_TRADER, NOT_TOLD),
            **dict.fromkeys(_MATCHES, "NOT_PROCESSED"),
        }

    async def _test(self, request: Request) -> Response:
        asked = _question(request)
        country, number = asked.get("countryCode", ""), asked.get("vatNumber", "")
        if error := BY_TEST_NUMBER.get(number, "" if number in ("100", "200") else "SERVICE_UNAVAILABLE"):
            return _failed(error, 400 if error.startswith("INVALID") else 200)
        trader = Trader("John Doe", "123 Main St, Anytown, UK", valid=number == "100")
        return json_response(self._reply(country, number, trader, ""))

    async def _status(self, request: Request) -> Response:
        silent = self._registers.silent
        countries = [
            {"countryCode": each, "availability": "Unavailable" if each in silent else "Available"}
            for each in COUNTRIES
        ]
        return json_response({"vow": {"available": True}, "countries": countries})

    # what a tester orders and sees

    async def _put_trader(self, request: Request, vat_id: str) -> Response:
        """{name?, address?, valid?}"""
        known = self._registers.trader(vat_id)
        try:
            fields = _ordered(request)
            fields.only("name", "address", "valid")
            valid = fields.flag("valid") if fields.has("valid") else known.valid
            trader = Trader(fields.text("name", known.name), fields.text("address", known.address), valid)
        except FieldRefused as refused:
            return json_response({"error": str(refused), "field": refused.field}, 422)
        self._registers.traders[vat_id] = trader
        return json_response({"vat_id": vat_id, "name": trader.name, "address": trader.address, "valid": trader.valid})

    async def _put_country(self, request: Request, country: str) -> Response:
        """{error}: what the country's ids are answered with from now on; "" makes it answer again."""
        try:
            error = _ordered(request).choice("error", ("", *ERRORS))
        except FieldRefused as refused:
            return json_response({"error": str(refused), "field": refused.field, "allowed": refused.allowed}, 422)
        if error:
            self._registers.silent[country] = error
        else:
            self._registers.silent.pop(country, None)
        return json_response({"country": country, "error": error})

    async def _asked(self, request: Request) -> Response:
        asked = [
            {"vat_id": each.vat_id, "requester": each.requester, "answer": each.answer}
            for each in self._registers.asked
        ]
        return json_response({"asked": asked, "most_at_once": self._registers.most_at_once})


def create_app(world: World) -> ASGIApp:
    return ViesApp(world).app


def _ordered(request: Request) -> Fields:
    """Raises FieldRefused."""
    try:
        sent = request.json()
    except ValueError:
        raise FieldRefused("", "the body is not JSON") from None
    if not isinstance(sent, dict):
        raise FieldRefused("", "the body must be a JSON object")
    return Fields(sent)


def _question(request: Request) -> dict[str, str]:
    """The strings of the body; a body that is no object asks nothing."""
    try:
        sent = request.json()
    except ValueError:
        return {}
    return {name: value for name, value in sent.items() if isinstance(value, str)} if isinstance(sent, dict) else {}


def _failed(error: str, status: int) -> Response:
    return json_response({"actionSucceed": False, "errorWrappers": [{"error": error}]}, status)
