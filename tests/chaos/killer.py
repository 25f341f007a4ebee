"""Kills programs with SIGKILL at random, all through the run: API, worker, clock, PostgreSQL and its backends."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx2

from orchestrator.supervisor import API, CLOCK, POSTGRES, WORKER, Supervisor

BACKEND = "backend"
TARGETS = (API, WORKER, CLOCK, POSTGRES, BACKEND)
WEIGHTS = (30, 30, 12, 14, 14)
REVIVAL_PATIENCE_S = 180
PAUSE_EVERY = 10  # kills; the first is followed by one
PAUSE_S = 14.0  # an operation's caller is given up after 10 s here (the demo's time-outs), a bell rings again after 15
ANSWERS_PATIENCE_S = 10  # the next kill does not wait longer for all to be well again: it may meet a program starting


class Killer:
    """One thread; `done` counts kills, `paused` pauses.

    `turn` says whether the time of the kill with this number has come; `after_each` is called after every one.
    """

    def __init__(
        self, supervisor: Supervisor, seed: int, kills: int, turn: Callable[[int], bool], after_each: Callable[[], None]
    ) -> None:
        self.done: Counter[str] = Counter()
        self.paused: Counter[str] = Counter()
        self.failure: BaseException | None = None
        self._supervisor, self._kills, self._turn, self._after_each = supervisor, kills, turn, after_each
        self._chance = random.Random(f"killer {seed}")
        self._stop = threading.Event()
        self._wakes: list[threading.Timer] = []
        self._thread = threading.Thread(target=self._run, name="killer", daemon=True)

    @property
    def count(self) -> int:
        return self.done.total()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def join(self) -> None:
        """Until all kills are done. Raises what went wrong."""
        self._thread.join()
        for wake in self._wakes:
            wake.join()
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        # each kind first once, in some order, so that a short run has them all
        plan = self._chance.sample(TARGETS, len(TARGETS))
        plan += self._chance.choices(TARGETS, WEIGHTS, k=max(self._kills - len(plan), 0))
        try:
            for number, target in enumerate(plan[: self._kills]):
                while not self._turn(number):
                    if self._stop.wait(0.05):
                        return
                if self._stop.wait(self._chance.uniform(0.2, 1.5)):
                    return
                self._kill(target)
                self.done[target] += 1
                if number % PAUSE_EVERY == 0:
                    self._pause(self._chance.choice((API, WORKER)))
                self._after_each()
                self._await_answers()
        except BaseException as error:
            self.failure = error

    def _kill(self, target: str) -> None:
        if target == BACKEND:
            self._kill_backend()
            return
        before = self._supervisor.pid(target)
        self._supervisor.kill(target)
        self._await(target, before)

    def _pause(self, target: str) -> None:
        """Stopped for longer than anyone waits for it, then it goes on in the middle of what it did: others took over.

        The next kills do not wait for that, and may hit it while it stands still.
        """
        group = self._supervisor.pid(target)
        self._signal(group, signal.SIGSTOP)
        self.paused[target] += 1
        self._wakes.append(threading.Timer(PAUSE_S, self._signal, (group, signal.SIGCONT)))
        self._wakes[-1].start()

    def _signal(self, group: int, number: signal.Signals) -> None:
        """To the worker's processes too, which share its group."""
        with suppress(ProcessLookupError):
            os.killpg(group, number)

    def _await(self, target: str, before: int) -> None:
        deadline = time.monotonic() + REVIVAL_PATIENCE_S
        while not (self._supervisor.is_alive(target) and self._supervisor.pid(target) != before):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{target} was killed and not started again in {REVIVAL_PATIENCE_S} s")
            time.sleep(0.05)

    def _kill_backend(self) -> None:
        """One that serves somebody. The postmaster then ends all others and recovers, under the same pid."""
        deadline = time.monotonic() + REVIVAL_PATIENCE_S
        while time.monotonic() < deadline:
            backends = _backends_of(self._supervisor.pid(POSTGRES))
            if backends:
                try:
                    os.kill(self._chance.choice(backends), signal.SIGKILL)
                    return
                except ProcessLookupError:
                    pass
            time.sleep(0.05)
        raise TimeoutError("PostgreSQL has no backend that could be killed")

    def _await_answers(self) -> None:
        deadline = time.monotonic() + ANSWERS_PATIENCE_S
        with httpx2.Client(trust_env=False, timeout=2) as client:
            while time.monotonic() < deadline and not self._stop.wait(0.1):
                try:
                    answer = client.get(f"{self._supervisor.api_url}/readyz")
                except httpx2.TransportError:
                    continue
                if answer.status_code == 200:
                    return


def _backends_of(postmaster: int) -> list[int]:
    """Its children that serve a connection: PostgreSQL names them `postgres: user database client state`."""
    found = []
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit():
            continue
        try:
            parent = int((directory / "stat").read_text().rpartition(")")[2].split()[1])
            title = (directory / "cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == postmaster and title.startswith("postgres: clearway "):
            found.append(int(directory.name))
    return sorted(found)
