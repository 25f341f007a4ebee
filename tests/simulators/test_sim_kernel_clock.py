"""The steerable clock: timers run in order of due time, by real time and when it is put forward."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from simulators.clock import Clock
from simulators.registry import FORGERS, SIGNERS
from simulators.timekeeper import Timekeeper
from simulators.webhooks import Sender
from simulators.world import World

Notes = list[tuple[str, float]]


class Diary:
    """Handlers that note their names and how long after the start they ran."""

    def __init__(self, world: World) -> None:
        self.start = world.clock.now()
        self.notes: Notes = []

    def note(self, world: World, facts: dict[str, Any]) -> None:
        self.notes.append((facts["name"], round((world.clock.now() - self.start).total_seconds())))

    def note_and_go_on(self, world: World, facts: dict[str, Any]) -> None:
        self.note(world, facts)
        world.at(world.clock.now() + timedelta(seconds=10), "stripe", "note", name="second")

    def fail(self, world: World, facts: dict[str, Any]) -> None:
        raise RuntimeError("a mistake")

    @property
    def handlers(self) -> dict[str, Callable[[World, dict[str, Any]], None]]:
        return {"note": self.note, "note_and_go_on": self.note_and_go_on, "fail": self.fail}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def diary(world: World) -> Diary:
    return Diary(world)


@pytest.fixture
async def timekeeper(world: World, diary: Diary) -> AsyncIterator[Timekeeper]:
    keeper = Timekeeper(world, Sender(world, SIGNERS, FORGERS), {"stripe": diary.handlers})
    yield keeper
    await keeper.stop()


def later(world: World, seconds: float, handler: str = "note", **facts: str) -> int:
    return world.at(world.clock.now() + timedelta(seconds=seconds), "stripe", handler, **facts).id


def test_the_clock_never_runs_backwards() -> None:
    clock = Clock()
    before = clock.now()
    clock.advance(60)
    clock.reach(before)
    clock.reach_offset(timedelta())
    assert clock.now() - before >= timedelta(seconds=60)
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


async def test_timers_run_in_order_of_due_time_and_see_it(world: World, diary: Diary, timekeeper: Timekeeper) -> None:
    later(world, 7200, name="two hours")
    later(world, 60, name="a minute")
    later(world, 90_000, name="tomorrow")
    await timekeeper.advance(86_400)
    assert diary.notes == [("a minute", 60), ("two hours", 7200)]
    assert round((world.clock.now() - diary.start).total_seconds()) == 86_400


async def test_a_timer_set_by_a_timer_runs_in_the_same_advance(
    world: World, diary: Diary, timekeeper: Timekeeper
) -> None:
    later(world, 60, "note_and_go_on", name="first")
    later(world, 100, name="third")
    await timekeeper.advance(3600)
    assert diary.notes == [("first", 60), ("second", 70), ("third", 100)]


async def test_a_handlers_mistake_stops_no_other_timer(world: World, diary: Diary, timekeeper: Timekeeper) -> None:
    later(world, 10, "fail")
    later(world, 10, "nobody knows this one")
    later(world, 20, name="after it")
    await timekeeper.advance(30)
    assert diary.notes == [("after it", 20)]


async def test_a_cancelled_timer_does_not_run(world: World, diary: Diary, timekeeper: Timekeeper) -> None:
    id = later(world, 10, name="never")
    assert world.timers.cancel(id)
    assert not world.timers.cancel(id)
    await timekeeper.advance(30)
    assert diary.notes == []


async def test_timers_run_as_real_time_passes(world: World, diary: Diary, timekeeper: Timekeeper) -> None:
    timekeeper.start()
    later(world, 30, name="in half a minute")
    later(world, 0.05, name="at once")
    async with asyncio.timeout(60):
        while not diary.notes:
            await asyncio.sleep(0.01)
    assert diary.notes == [("at once", 0)]


async def test_timers_and_the_offset_survive_in_a_file(world: World, diary: Diary) -> None:
    world.clock.advance(86_400)
    later(world, 60, name="kept")
    restored: World = pickle.loads(pickle.dumps(world))
    keeper = Timekeeper(restored, Sender(restored, SIGNERS, FORGERS), {"stripe": diary.handlers})
    await keeper.advance(61)
    await keeper.stop()
    assert diary.notes == [("kept", 86_460)]
