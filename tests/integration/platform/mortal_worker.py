"""A worker that is started again whenever it dies, and a clock that rings for it, as under the supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from orchestrator.db import fetch

ROOT = Path(__file__).parents[3]
PATIENCE_S = 120
CLOCK = ("-m", "orchestrator.cli", "clock")
WORKER = ("-m", "dramatiq", "deadly_worker", "-p", "1", "-t", "4", "--skip-logging")


class Workers:
    """`deaths` counts how often a worker was found dead and was followed by another."""

    def __init__(self) -> None:
        self.deaths = 0
        self.clock = _start(*CLOCK)
        self.worker = _start(*WORKER)

    async def work_until(self, done: Callable[[], Awaitable[bool]]) -> None:
        """What a dead worker left rings again at once, for no test needs the wait."""
        deadline = time.monotonic() + PATIENCE_S
        while not await done():
            assert time.monotonic() < deadline, f"it never came to that, after {self.deaths} deaths"
            if self.worker.poll() is not None:
                self.deaths += 1
                await fetch("UPDATE outbox SET due_at = now() WHERE parked_at IS NULL AND due_at > now()")
                self.worker = _start(*WORKER)
            await asyncio.sleep(0.1)

    def stop(self) -> None:
        for process in (self.worker, self.clock):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(60)


@asynccontextmanager
async def mortal_workers() -> AsyncIterator[Workers]:
    workers = Workers()
    try:
        yield workers
    finally:
        workers.stop()


def _start(*words: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{Path(__file__).parent}",
        "CLEARWAY_LOG_LEVEL": "error",
    }
    return subprocess.Popen([sys.executable, *words], env=environment, cwd=ROOT, start_new_session=True)
