"""Numbers have no gap and no repeat: fifty at once in five processes, while a sixth is killed with a number in hand."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from billing_desk import Desk

from invoicing import service as invoicing
from orchestrator import clock_port
from orchestrator.billing import batches, service

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("finalising_process.py")


def started(how: str, desk: Desk, ids: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), how, desk.merchant_id, *ids]
    path = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


async def test_fifty_at_once_and_a_kill_leave_no_gap_and_no_repeat(desk: Desk) -> None:
    year = clock_port.now().year
    first = await desk.issue()
    drafts = [(await desk.draft()).id for _ in range(51)]
    doomed = started("hold", desk, drafts[:1])
    assert await asyncio.to_thread(line_of, doomed) == f"INV-{year}-00002"
    workers = [started("issue", desk, drafts[1 + at * 10 : 11 + at * 10]) for at in range(5)]
    for worker in workers:
        assert await asyncio.to_thread(line_of, worker) == "ready"
    # now all of them wait for the number that the doomed one holds
    doomed.send_signal(signal.SIGKILL)
    assert await asyncio.to_thread(doomed.wait, 30) == -signal.SIGKILL
    told = [(await asyncio.to_thread(worker.communicate))[0].split() for worker in workers]
    numbers = [number for lines in told for number in lines]
    assert sorted(numbers) == [f"INV-{year}-{seq:05}" for seq in range(2, 52)]
    late = await service.finalize(desk.merchant_id, drafts[0], send_mail=False)
    assert (first.number, late.number) == (f"INV-{year}-00001", f"INV-{year}-00052")


async def test_a_batch_that_two_workers_have_issues_each_draft_once(desk: Desk) -> None:
    drafts = [(await desk.draft()).id for _ in range(20)]
    begun = await batches.begin(desk.merchant_id, drafts, send_mail=False)
    await asyncio.gather(*(batches.work(begun.batch.id) for _ in range(3)))
    found = [await invoicing.get(desk.merchant_id, one) for one in drafts]
    assert len({one.number for one in found}) == 20
    after = await batches.get(desk.merchant_id, begun.batch.id)
    assert (sum(after.counts.values()), after.refused) == (20, ())
    assert (await desk.told(begun.batch.id)) == ["invoice_batch.finished"]
