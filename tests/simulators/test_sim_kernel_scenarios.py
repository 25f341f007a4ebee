"""Scenarios: what goes wrong, how often, for how long, and what a wrong order is told."""

from __future__ import annotations

import math
import secrets
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from sim_driving import Simulators, wait_until

from simulators.asgi import Response, play
from simulators.scenarios import Behaviour, Distribution, Latency, Scenario, Trouble, raw_code
from simulators.world import World


class Payer:
    """Creates intents at the simulated Stripe."""

    def __init__(self, simulators: Simulators) -> None:
        self.key = f"sk_test_{secrets.token_hex(8)}"
        self.account = simulators.register("stripe", {"secret_key": self.key})
        self.url = simulators.urls["stripe"]

    def create(self, timeout: float = 10) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        form = {"amount": "100", "currency": "eur"}
        return requests.post(self.url + "/v1/payment_intents", data=form, headers=headers, timeout=timeout)

    def created(self) -> int:
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = requests.get(self.url + "/v1/payment_intents?limit=100", headers=headers, timeout=10)
        return len(answer.json()["data"])


@pytest.fixture
def payer(simulators: Simulators) -> Iterator[Payer]:
    requests.delete(simulators.urls["control"] + "/scenarios", timeout=10)
    yield Payer(simulators)
    requests.delete(simulators.urls["control"] + "/scenarios", timeout=10)


def plan(simulators: Simulators, payer: Payer, behaviour: str, **more: Any) -> Any:
    """Something to go wrong when this payer creates an intent."""
    when = {"account": payer.account}
    return simulators.post(
        "/scenarios", gateway="stripe", operation="create", behaviour=behaviour, when=when, **more
    )  # fmt: skip


# the behaviours


def test_connections_are_refused_for_a_while_and_live_ones_dropped(simulators: Simulators, payer: Payer) -> None:
    where = urlsplit(payer.url)
    with socket.create_connection((where.hostname or "", where.port or 0)) as idle:
        plan(simulators, payer, "refuse", seconds=600)
        with pytest.raises(requests.ConnectionError):
            payer.create()
        idle.settimeout(5)
        assert idle.recv(1) == b""  # hung up on
    with pytest.raises(requests.ConnectionError, match="refused"):
        payer.create()
    [outage] = [o for o in simulators.get("/outages") if o["gateway"] == "stripe"]
    assert outage["on"]
    assert outage["until"]
    simulators.post("/clock", advance_seconds=601)
    assert payer.create().status_code == 200
    assert payer.created() == 1


def test_an_outage_ends_when_its_time_is_over(simulators: Simulators, payer: Payer) -> None:
    simulators.post("/outage", gateway="stripe", on=True, seconds=60)
    with pytest.raises(requests.ConnectionError, match="refused"):
        payer.create()
    simulators.post("/clock", advance_seconds=61)
    assert payer.create().status_code == 200


def test_a_later_outage_is_not_ended_by_the_earlier_ones_timer(simulators: Simulators, payer: Payer) -> None:
    simulators.post("/outage", gateway="stripe", on=True, seconds=60)
    simulators.post("/outage", gateway="stripe", on=True)
    simulators.post("/clock", advance_seconds=3600)
    with pytest.raises(requests.ConnectionError, match="refused"):
        payer.create()
    simulators.post("/outage", gateway="stripe", on=False)


def test_a_hanging_gateway_never_answers_and_did_nothing(simulators: Simulators, payer: Payer) -> None:
    plan(simulators, payer, "hang")
    with pytest.raises(requests.ReadTimeout):
        payer.create(timeout=0.5)
    assert payer.created() == 0


def test_a_gateway_may_hang_after_its_work_and_hang_up_after_some_seconds(simulators: Simulators, payer: Payer) -> None:
    plan(simulators, payer, "hang_after", seconds=0.3)
    before = time.monotonic()
    with pytest.raises(requests.ConnectionError):
        payer.create()
    assert time.monotonic() - before >= 0.3
    assert payer.created() == 1


def test_a_lost_request_did_nothing_and_a_lost_reply_did_its_work(simulators: Simulators, payer: Payer) -> None:
    for behaviour, created in (("lose_request", 0), ("lose_reply", 1)):
        plan(simulators, payer, behaviour)
        with pytest.raises(requests.ConnectionError):
            payer.create()
        assert payer.created() == created


def test_too_many_requests_says_when_to_come_back(simulators: Simulators, payer: Payer) -> None:
    plan(simulators, payer, "http_429", retry_after=17)
    answer = payer.create()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "17")
    plan(simulators, payer, "http_429")
    assert "retry-after" not in payer.create().headers


@pytest.mark.parametrize(("behaviour", "created"), [("http_500", 0), ("http_500_after", 1)])
def test_a_server_error_comes_before_or_after_the_work(
    simulators: Simulators, payer: Payer, behaviour: str, created: int
) -> None:
    plan(simulators, payer, behaviour)
    assert payer.create().status_code == 500
    assert payer.created() == created


async def test_a_decline_carries_our_reason_or_the_gateways_code() -> None:
    asked: list[str | None] = []

    async def work(declined_for: str | None) -> Response:
        asked.append(declined_for)
        return Response(200)

    for scenario in (
        Scenario("adyen", "confirm", Behaviour.DECLINE, reason="lost_card"),
        Scenario("adyen", "confirm", Behaviour.DECLINE, code="51"),
    ):
        await play(scenario.trouble(), work, Response)
    assert (asked, [raw_code(word) for word in asked]) == (["lost_card", "code:51"], ["", "51"])
    assert raw_code(None) == ""


# how long, how often


def test_a_delay_goes_together_with_what_goes_wrong(simulators: Simulators, payer: Payer) -> None:
    plan(simulators, payer, "delay", seconds=0.3)
    plan(simulators, payer, "http_500")
    before = time.monotonic()
    assert payer.create().status_code == 500
    assert time.monotonic() - before >= 0.3


def test_latencies_have_the_distribution_that_was_asked_for() -> None:
    def drawn(latency: Latency) -> list[float]:
        scenario = Scenario("stripe", "*", Behaviour.DELAY, times=None, latency=latency, seed=7)
        return sorted(scenario.trouble().delay_s for _ in range(4000))

    assert set(drawn(Latency(Distribution.FIXED, 0.2, 0.2))) == {0.2}
    uniform = drawn(Latency(Distribution.UNIFORM, 1, 3))
    assert uniform[0] >= 1
    assert uniform[-1] <= 3
    assert math.isclose(uniform[2000], 2, rel_tol=0.1)
    lognormal = drawn(Latency(Distribution.LOGNORMAL, 0.1, 2))
    assert math.isclose(lognormal[2000], 0.1, rel_tol=0.15)
    assert math.isclose(lognormal[3960], 2, rel_tol=0.4)


def test_a_latency_is_ordered_by_its_percentiles(simulators: Simulators, payer: Payer) -> None:
    latency = {"distribution": "lognormal", "p50_seconds": 0.01, "p99_seconds": 0.05}
    shown = plan(simulators, payer, "delay", latency=latency, share=1.0)
    assert shown["latency"] == {"distribution": "lognormal", "low_seconds": 0.01, "high_seconds": 0.05}
    assert shown["times"] is None
    assert [payer.create().status_code for _ in range(3)] == [200, 200, 200]


def test_a_share_of_the_traffic_is_chosen_by_its_seed(simulators: Simulators, payer: Payer) -> None:
    def statuses(seed: int) -> list[int]:
        requests.delete(simulators.urls["control"] + "/scenarios", timeout=10)
        plan(simulators, payer, "http_500", share=0.4, seed=seed)
        return [payer.create().status_code for _ in range(40)]

    first = statuses(1)
    assert first == statuses(1)
    assert first != statuses(2)
    assert 6 <= first.count(500) <= 26


def test_a_scenario_is_over_when_its_times_are_used_up(simulators: Simulators, payer: Payer) -> None:
    plan(simulators, payer, "http_500", times=2)
    assert [payer.create().status_code for _ in range(3)] == [500, 500, 200]
    assert [scenario["times"] for scenario in simulators.get("/scenarios")] == [0]


def test_a_scenario_is_over_when_its_time_is(simulators: Simulators, payer: Payer) -> None:
    plan(simulators, payer, "http_500", until=600)
    assert payer.create().status_code == 500
    assert payer.create().status_code == 500
    simulators.post("/clock", advance_seconds=601)
    assert payer.create().status_code == 200


def test_nothing_is_looked_at_when_nothing_is_set() -> None:
    assert World().take_scenario("stripe", "create") is None
    world = World()
    world.scenarios.append(Scenario("stripe", "refund", Behaviour.HTTP_500))
    assert world.take_scenario("stripe", "create") is None
    assert world.take_scenario("stripe", "refund") == Trouble(Behaviour.HTTP_500, declined_for="do_not_honor")


# wrong orders

UPSIDE_DOWN = {"distribution": "uniform", "low_seconds": 2, "high_seconds": 1}
GOOD = {"gateway": "stripe", "operation": "create", "behaviour": "delay"}


@pytest.mark.parametrize(
    ("path", "body", "field", "allowed"),
    [
        ("/scenarios", {**GOOD, "gateway": "bank"}, "gateway", "stripe"),
        ("/scenarios", {**GOOD, "operation": "dance"}, "operation", "checkout"),
        ("/scenarios", {**GOOD, "behaviour": "sulk"}, "behaviour", "hang"),
        ("/scenarios", {**GOOD, "mood": "bad"}, "mood", "seed"),
        ("/scenarios", {**GOOD, "share": 1.5}, "share", ""),
        ("/scenarios", {**GOOD, "times": 0}, "times", ""),
        ("/scenarios", {**GOOD, "times": "3"}, "times", ""),
        ("/scenarios", {**GOOD, "seconds": -1}, "seconds", ""),
        ("/scenarios", {**GOOD, "reason": "lost_card"}, "reason", ""),
        ("/scenarios", {**GOOD, "behaviour": "refuse"}, "seconds", ""),
        ("/scenarios", {**GOOD, "status": 200}, "status", ""),
        ("/scenarios", {**GOOD, "behaviour": "html_instead", "status": 99}, "status", ""),
        ("/scenarios", {**GOOD, "behaviour": "decline", "reason": "a", "code": "b"}, "code", ""),
        ("/scenarios", {**GOOD, "latency": {"distribution": "normal"}}, "distribution", "lognormal"),
        ("/scenarios", {**GOOD, "latency": UPSIDE_DOWN}, "high_seconds", ""),
        ("/scenarios", {"operation": "create", "behaviour": "delay"}, "gateway", ""),
        ("/outage", {"gateway": "stripe", "on": "yes"}, "on", "true"),
        ("/outage", {"gateway": "nobody", "on": True}, "gateway", "mail"),
        ("/clock", {"advance_seconds": -1}, "advance_seconds", ""),
        ("/webhooks/mode", {"gateway": "stripe", "mode": "shout"}, "mode", "forged"),
        ("/webhooks/mode", {"gateway": "stripe", "mode": "late"}, "seconds", ""),
        ("/vault/destinations", {"url": "shop.example"}, "url", ""),
    ],
)  # fmt: skip
def test_a_wrong_order_names_the_field_and_what_it_may_be(
    simulators: Simulators, path: str, body: dict[str, Any], field: str, allowed: str
) -> None:
    answer = requests.post(simulators.urls["control"] + path, json=body, timeout=10)
    told = answer.json()
    assert (answer.status_code, told["field"]) == (422, field)
    assert field in told["error"]
    assert not allowed or allowed in told["allowed"]


@pytest.mark.parametrize("body", [b"not json", b"[1]"])
def test_a_body_that_is_no_json_object_is_refused(simulators: Simulators, body: bytes) -> None:
    assert requests.post(simulators.urls["control"] + "/scenarios", data=body, timeout=10).status_code == 422


@pytest.mark.parametrize(
    ("behaviour", "more", "status", "content_type"),
    [
        ("malformed_json", {}, 200, "application/json"),
        ("html_instead", {}, 502, "text/html; charset=utf-8"),
        ("html_instead", {"status": 200}, 200, "text/html; charset=utf-8"),
        ("empty_body", {}, 200, "application/json"),
    ],
)
def test_an_answer_that_cannot_be_read_comes_after_the_work(
    simulators: Simulators, payer: Payer, behaviour: str, more: dict[str, Any], status: int, content_type: str
) -> None:
    plan(simulators, payer, behaviour, **more)
    answer = payer.create()
    assert (answer.status_code, answer.headers["content-type"]) == (status, content_type)
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert payer.created() == 1


def test_an_answer_breaks_off_in_its_middle_after_the_work(simulators: Simulators, payer: Payer) -> None:
    plan(simulators, payer, "truncated_body")
    with pytest.raises(requests.RequestException):
        payer.create()
    assert payer.created() == 1


def test_an_answer_may_be_called_what_it_is_not(simulators: Simulators, payer: Payer) -> None:
    plan(simulators, payer, "wrong_content_type")
    answer = payer.create()
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.json()["object"] == "payment_intent"


def test_a_share_of_answers_is_spoilt_by_seed(simulators: Simulators, payer: Payer) -> None:
    def spoilt() -> list[bool]:
        plan(simulators, payer, "empty_body", share=0.5, seed=3)
        found = [not payer.create().content for _ in range(12)]
        requests.delete(simulators.urls["control"] + "/scenarios", timeout=10)
        return found

    first = spoilt()
    assert first == spoilt()
    assert 0 < sum(first) < 12


def test_a_client_that_leaves_frees_a_hanging_gateway(simulators: Simulators, payer: Payer) -> None:
    plan(simulators, payer, "hang")
    with pytest.raises(requests.ReadTimeout):
        payer.create(timeout=0.3)
    wait_until(lambda: payer.create().status_code == 200)
