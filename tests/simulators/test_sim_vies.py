"""The simulated VIES: checks in the shapes of the real one's contract, silent countries, and proofs for who asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import sim_served as served

from simulators.scenarios import Behaviour, Scenario
from simulators.snapshot import load_world, save_world
from simulators.vies.app import BY_TEST_NUMBER, ERRORS, create_app
from simulators.world import World

AUSTRIAN = {"countryCode": "AT", "vatNumber": "U13585627"}
REQUESTER = {"requesterMemberStateCode": "DE", "requesterNumber": "136695976"}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def vies(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with served.serving(create_app(world)) as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
        yield client


async def check(vies: httpx.AsyncClient, **question: str) -> dict[str, Any]:
    answer = await vies.post("/check-vat-number", json={**AUSTRIAN, **question})
    reply: dict[str, Any] = answer.json()
    return reply


async def test_a_number_that_nobody_took_out_is_registered(vies: httpx.AsyncClient) -> None:
    reply = await check(vies)
    assert (reply["countryCode"], reply["vatNumber"], reply["valid"]) == ("AT", "U13585627", True)
    assert (reply["name"], reply["requestIdentifier"]) == ("Trader ATU13585627", "")
    assert reply["traderNameMatch"] == "NOT_PROCESSED"


async def test_a_proof_is_given_only_to_whom_names_themselves(vies: httpx.AsyncClient) -> None:
    first, second = await check(vies, **REQUESTER), await check(vies, **REQUESTER)
    assert first["requestIdentifier"].startswith("WAPIAAAA")
    assert first["requestIdentifier"] != second["requestIdentifier"]


async def test_a_requester_who_is_not_registered_is_refused(vies: httpx.AsyncClient) -> None:
    await vies.put("/simulator/traders/DE136695976", json={"valid": False})
    reply = await check(vies, **REQUESTER)
    assert reply == {"actionSucceed": False, "errorWrappers": [{"error": "INVALID_REQUESTER_INFO"}]}


async def test_who_is_not_registered_has_no_name(vies: httpx.AsyncClient) -> None:
    await vies.put("/simulator/traders/ATU13585627", json={"name": "Alpenklang", "valid": False})
    reply = await check(vies)
    assert (reply["valid"], reply["name"], reply["address"]) == (False, "---", "---")


async def test_germany_does_not_tell_names(vies: httpx.AsyncClient) -> None:
    reply = await check(vies, countryCode="DE", vatNumber="136695976")
    assert (reply["valid"], reply["name"]) == (True, "---")


@pytest.mark.parametrize("question", [{"countryCode": "GR"}, {"vatNumber": ""}, {"countryCode": "US"}])
async def test_what_cannot_be_a_number_is_refused(vies: httpx.AsyncClient, question: dict[str, str]) -> None:
    answer = await vies.post("/check-vat-number", json={**AUSTRIAN, **question})
    assert (answer.status_code, answer.json()["errorWrappers"]) == (400, [{"error": "INVALID_INPUT"}])


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"countryCode": 7}'])
async def test_a_body_that_asks_nothing_is_refused(vies: httpx.AsyncClient, body: bytes) -> None:
    assert (await vies.post("/check-vat-number", content=body)).json()["errorWrappers"] == [{"error": "INVALID_INPUT"}]


@pytest.mark.parametrize("error", ERRORS)
async def test_one_country_is_silent_while_the_others_answer(vies: httpx.AsyncClient, error: str) -> None:
    await vies.put("/simulator/countries/AT", json={"error": error})
    answer = await vies.post("/check-vat-number", json=AUSTRIAN)
    assert (answer.status_code, answer.json()["errorWrappers"]) == (200, [{"error": error}])
    assert (await check(vies, countryCode="FR", vatNumber="40303265045"))["valid"] is True
    status = {
        each["countryCode"]: each["availability"] for each in (await vies.get("/check-status")).json()["countries"]
    }
    assert (status["AT"], status["FR"]) == ("Unavailable", "Available")
    await vies.put("/simulator/countries/AT", json={"error": ""})
    assert (await check(vies))["valid"] is True


@pytest.mark.parametrize(("number", "error"), BY_TEST_NUMBER.items())
async def test_the_test_service_answers_by_the_number(vies: httpx.AsyncClient, number: str, error: str) -> None:
    answer = await vies.post("/check-vat-test-service", json={"countryCode": "DE", "vatNumber": number})
    assert answer.json()["errorWrappers"] == [{"error": error}]


async def test_the_test_service_knows_one_trader(vies: httpx.AsyncClient) -> None:
    for number, valid in (("100", True), ("200", False)):
        answer = await vies.post("/check-vat-test-service", json={"countryCode": "FR", "vatNumber": number})
        assert answer.json()["valid"] is valid


async def test_an_order_that_cannot_be_is_refused_by_field(vies: httpx.AsyncClient) -> None:
    for path, body, field in (
        ("traders/ATU1", {"valid": "no"}, "valid"),
        ("traders/ATU1", {"colour": "red"}, "colour"),
        ("countries/AT", {"error": "RAIN"}, "error"),
        ("countries/AT", [], ""),
    ):
        answer = await vies.put(f"/simulator/{path}", json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_questions_that_are_open_at_once_are_counted_by_country(vies: httpx.AsyncClient, world: World) -> None:
    world.scenarios.append(Scenario("vies", "lookup", Behaviour.DELAY, times=None, seconds=0.05))
    await asyncio.gather(check(vies), check(vies), check(vies, countryCode="FR", vatNumber="40303265045"))
    seen = (await vies.get("/simulator/asked")).json()
    assert seen["most_at_once"] == {"AT": 2, "FR": 1}
    assert sorted(each["vat_id"] for each in seen["asked"]) == ["ATU13585627", "ATU13585627", "FR40303265045"]


async def test_trouble_can_be_ordered_for_one_country(vies: httpx.AsyncClient, world: World) -> None:
    world.scenarios.append(Scenario("vies", "lookup", Behaviour.HTTP_500, when={"country": "AT"}))
    assert (await vies.post("/check-vat-number", json=AUSTRIAN)).status_code == 500
    assert (await check(vies))["valid"] is True


async def test_what_was_ordered_outlives_the_process(vies: httpx.AsyncClient, world: World, tmp_path: Any) -> None:
    await vies.put("/simulator/traders/ATU13585627", json={"valid": False})
    save_world(world, tmp_path / "world")
    again = create_app(load_world(tmp_path / "world"))
    async with served.serving(again) as url, httpx.AsyncClient(base_url=url, trust_env=False) as later:
        assert (await check(later))["valid"] is False
