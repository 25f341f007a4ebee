"""One slow gateway account does not slow another, and its queue has an end."""

from __future__ import annotations

import asyncio
import threading

import pytest

from orchestrator.gateways.limiter import AccountBusy, AccountThreads


async def test_hanging_account_does_not_hold_up_another() -> None:
    release = threading.Event()
    hanging, healthy = AccountThreads("ga_slow", max_calls=2), AccountThreads("ga_fast", max_calls=2)
    stuck = [asyncio.create_task(hanging.run(release.wait, 30)) for _ in range(10)]
    await asyncio.sleep(0)
    assert await healthy.run(lambda: "answer") == "answer"
    assert not any(task.done() for task in stuck)
    release.set()
    await asyncio.gather(*stuck)
    hanging.close()
    healthy.close()


async def test_full_queue_refuses_without_starting_the_call() -> None:
    release = threading.Event()
    started: list[str] = []
    threads = AccountThreads("ga_1", max_calls=1, max_waiting=1)
    waiting = [asyncio.create_task(threads.run(release.wait, 30)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(AccountBusy):
        await threads.run(started.append, "x")
    release.set()
    await asyncio.gather(*waiting)
    assert started == []
    assert await threads.run(lambda: 1) == 1
    threads.close()


async def test_what_the_call_raises_reaches_the_caller_and_frees_its_place() -> None:
    threads = AccountThreads("ga_1", max_calls=1, max_waiting=0)
    empty: dict[str, int] = {}
    for _ in range(3):
        with pytest.raises(KeyError):
            await threads.run(empty.__getitem__, "missing")
    threads.close()


async def test_account_that_asked_for_a_pause_is_left_alone_and_others_go_on() -> None:
    asked, other = AccountThreads("ga_1"), AccountThreads("ga_2")
    asked.pause(30)
    with pytest.raises(AccountBusy, match="asked for a pause"):
        await asked.run(lambda: 1)
    assert await other.run(lambda: 2) == 2
    asked.close()
    other.close()


async def test_pause_that_is_over_is_over() -> None:
    threads = AccountThreads("ga_1")
    threads.pause(0)
    assert await threads.run(lambda: 1) == 1
    threads.close()


async def test_what_asks_the_gateway_nothing_goes_on_in_a_pause() -> None:
    threads = AccountThreads("ga_1")
    threads.pause(30)
    assert await threads.run_in_pause(lambda: 1) == 1
    threads.close()
