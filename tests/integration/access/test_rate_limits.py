"""How often one may ask: one limit over all processes, told in the answers, and cheap."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from http_driving import Api
from one_browser import browser

from orchestrator.access import rate_limits
from orchestrator.access.rate_limits import Limit, RateLimited, take
from orchestrator.db import fetch
from orchestrator.settings import get_settings

SLOW = Limit("test", 1, 20)


@pytest.fixture
def two_a_second(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CLEARWAY_LIMITS__API_REQUESTS_PER_S", "2")
    monkeypatch.setenv("CLEARWAY_LIMITS__VISITOR_REQUESTS_PER_S", "1")
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


async def spent(limit: Limit, who: str, tries: int) -> int:
    results = await asyncio.gather(*(take(limit, who) for _ in range(tries)), return_exceptions=True)
    assert all(isinstance(one, int | RateLimited) for one in results)
    return sum(isinstance(one, int) for one in results)


async def test_several_processes_together_let_through_one_limit(database: str) -> None:
    began, passed = time.monotonic(), 0
    for _ in range(8):  # each is a process that has leased nothing yet
        rate_limits.forget_leases()
        passed += await spent(SLOW, "k", 10)
    assert SLOW.burst - 8 * SLOW.batch <= passed <= SLOW.burst + time.monotonic() - began + 1


async def test_one_caller_does_not_spend_anothers_tokens(database: str) -> None:
    assert await spent(SLOW, "a", 40) >= SLOW.burst
    assert await spent(SLOW, "b", 5) == 5


async def test_a_bucket_fills_again(database: str) -> None:
    quick = Limit("quick", 100, 10)
    await spent(quick, "k", 30)
    async with asyncio.timeout(60):
        while not await spent(quick, "k", 1):
            await asyncio.sleep(0.01)


async def test_most_requests_ask_the_database_nothing(database: str) -> None:
    """500 requests of one key at the default limit: the cost of each, measured, and the writes behind them."""
    limit = Limit("api-key", 1_000, 2_000)
    began = time.process_time()
    for _ in range(500):
        await take(limit, "k")
    each_us = (time.process_time() - began) / 500 * 1e6
    left = (await fetch("SELECT tokens FROM rate_bucket WHERE id = 'api-key:k'"))[0]["tokens"]
    assert limit.burst - left <= 500 + limit.batch  # a lease each 100
    assert each_us < 100, each_us
    print(f"rate limit: {each_us:.1f} us of CPU a request")


async def test_one_request_too_many_is_told_when_to_come_again(api: Api, two_a_second: None) -> None:
    first = await api.get("/v1/payments")
    answers = await asyncio.gather(*(api.get("/v1/payments") for _ in range(30)))  # at once: no machine is too slow
    refused = [answer for answer in answers if answer.status_code == 429]
    assert first.status_code == 200
    assert first.headers["ratelimit-policy"] == '"api-key";q=4;w=2'
    assert first.headers["ratelimit"].startswith('"api-key";r=3;t=')
    assert refused
    assert refused[0].json()["code"] == "rate_limited"
    assert int(refused[0].headers["retry-after"]) >= 1
    assert refused[0].headers["ratelimit"].startswith('"api-key";r=0;')


async def test_keys_cannot_be_tried_as_fast_as_one_likes(api: Api, two_a_second: None) -> None:
    headers = {"Authorization": "Bearer sk_clearway_guess"}
    assert (await api.client.get("/v1/payments", headers=headers)).status_code == 401
    answers = await asyncio.gather(*(api.client.get("/v1/payments", headers=headers) for _ in range(30)))
    assert 429 in {answer.status_code for answer in answers}


async def test_a_page_is_limited_by_address(database: str, two_a_second: None) -> None:
    async with browser("192.0.2.1") as one, browser("192.0.2.2") as another:
        assert (await one.get("/console/login")).status_code == 200
        answers = await asyncio.gather(*(one.get("/console/login") for _ in range(30)))
        assert 429 in {answer.status_code for answer in answers}
        assert (await another.get("/console/login")).status_code == 200
