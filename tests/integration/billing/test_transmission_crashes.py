"""A worker that is killed between handing an e-invoice over and its commit: one file, and in the end it is sent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from billing_desk import Desk
from einvoice_buyers import FILE_DROP, DropBox, now, sent_out

from invoicing.einvoice.transmission import TransmissionState
from orchestrator import clock_port, outbox
from orchestrator.billing.transmissions import service as transmissions
from orchestrator.db import fetch, transaction
from orchestrator.settings import get_settings

ROOT = Path(__file__).parents[3]
PATIENCE_S = 120
CLOCK = ("-m", "orchestrator.cli", "clock")
WORKER = ("-m", "dramatiq", "dropping_worker", "-p", "1", "-t", "2", "--skip-logging")


@pytest.fixture
def box(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DropBox]:
    monkeypatch.setenv("CLEARWAY_EINVOICE_DROP_DIR", str(tmp_path / "drop"))
    monkeypatch.setenv("DIED_ONCE", str(tmp_path / "died"))
    get_settings.cache_clear()
    yield DropBox(tmp_path / "drop" / desk.merchant_id / "file_drop")
    monkeypatch.undo()
    get_settings.cache_clear()


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    paths = f"{ROOT}:{Path(__file__).parent}"
    environment = {**os.environ, "PYTHONPATH": paths, "CLEARWAY_LOG_LEVEL": "error"}
    process = subprocess.Popen([sys.executable, *words], env=environment, cwd=ROOT, start_new_session=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not await done():
        assert time.monotonic() < deadline, "it never came to that"
        await asyncio.sleep(0.1)


@pytest.mark.chaos
async def test_a_worker_killed_between_the_drop_and_the_commit_leaves_one_file_that_is_sent(
    desk: Desk, box: DropBox, tmp_path: Path
) -> None:
    row = await sent_out(desk, FILE_DROP)

    async def is_dead() -> bool:
        return worker.poll() is not None

    async def is_sent() -> bool:
        return (await now(row)).state is TransmissionState.SENT

    async def is_accepted() -> bool:
        return (await now(row)).state is TransmissionState.ACCEPTED

    with running(*CLOCK):
        with running(*WORKER) as worker:
            await until(is_dead)
        assert (tmp_path / "died").exists()
        dropped = {name: (box.outbox / name).stat().st_mtime_ns for name in box.files()}
        held = await now(row)
        assert (held.state, held.tries) == (TransmissionState.QUEUED, 1)
        assert sorted(dropped) == [f"{row.id}.json", f"{row.id}.xml"]
        assert await transmissions.transmit(row.id) is not None  # nobody else has it while the dead one's claim holds
        assert (await now(row)).tries == 1
        await fetch("UPDATE transmission SET claimed_until = now() WHERE id = $1", row.id)  # no test needs the wait
        await fetch("UPDATE outbox SET due_at = now() WHERE topic = $1", transmissions.TOPIC)
        with running(*WORKER) as worker:
            await until(is_sent)
            box.answer(row.id, "accepted", "AS4-1")
            async with transaction():
                await outbox.enqueue(outbox.E_INVOICE_ANSWERS, "all", clock_port.now())  # as the clock does each minute
            await until(is_accepted)
    assert {name: (box.outbox / name).stat().st_mtime_ns for name in box.files()} == dropped
    assert (await now(row)).tries == 2
    assert sorted(await desk.told(row.id)) == ["e_invoice.accepted", "e_invoice.sent"]
