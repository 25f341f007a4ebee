"""Numbers have no gap and no repeat: fifty at once in five processes, while a sixth is killed with numbers in hand."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from billing_desk import Desk

from invoicing import service as invoicing
from invoicing.batch_store import ItemState
from orchestrator import clock_port
from orchestrator.billing import batches, service
from orchestrator.db import fetch, transaction
from orchestrator.ledger.service import JournalKind, entries_of, post

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("finalising_process.py")
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


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


class TakenBack(Exception):
    """Ends a transaction of the test without a trace."""


async def until_it_waits(for_locks: int) -> None:
    """Until so many transactions wait for others."""
    async with asyncio.timeout(60):
        while (await fetch("SELECT count(*) AS n FROM pg_locks WHERE NOT granted"))[0]["n"] < for_locks:
            await asyncio.sleep(0.02)


async def test_a_batch_worker_killed_with_fifty_numbers_in_hand_leaves_no_gap(desk: Desk) -> None:
    drafts = [(await desk.draft()).id for _ in range(120)]
    others = [(await desk.draft()).id for _ in range(50)]
    begun = await batches.begin(desk.merchant_id, drafts, send_mail=False)
    with contextlib.suppress(TakenBack):
        async with transaction():
            # a journal of the 71st holds up who wants to post it, and has the numbers of its group by then
            await post(f"invoice:{drafts[70]}", [], merchant_id=desk.merchant_id, kind=JournalKind.INVOICE, at=NOW)
            doomed = started("batch", desk, [begun.batch.id])
            await until_it_waits(1)
            assert (await batches.get(desk.merchant_id, begun.batch.id)).counts == {
                ItemState.ISSUED: 50,
                ItemState.WAITING: 70,
            }
            workers = [started("issue", desk, others[at * 10 : 10 + at * 10]) for at in range(5)]
            await until_it_waits(10)  # for the numbers that the doomed one holds
            doomed.send_signal(signal.SIGKILL)
            assert await asyncio.to_thread(doomed.wait, 30) == -signal.SIGKILL
            raise TakenBack
    # whoever takes over is at it while the others are
    told, *_ = await asyncio.gather(
        asyncio.gather(*(asyncio.to_thread(worker.communicate) for worker in workers)),
        batches.work(begun.batch.id),
        batches.work(begun.batch.id),
    )
    by_others = [line for out, _ in told for line in out.split() if line != "ready"]
    issued = [await invoicing.get(desk.merchant_id, one) for one in drafts]
    numbers = [str(one.number) for one in issued]
    year = clock_port.now().year
    assert len(by_others) == 50
    assert sorted(numbers + by_others) == [f"INV-{year}-{seq:05}" for seq in range(1, 171)]
    assert numbers == sorted(numbers)  # in the order of the batch
    assert (await batches.get(desk.merchant_id, begun.batch.id)).counts == {ItemState.ISSUED: 120}
    assert [len(await entries_of(f"invoice:{one}")) for one in drafts] == [2] * 120  # net and tax
    assert [await desk.told(one) for one in (drafts[0], drafts[70])] == [["invoice.issued"]] * 2
    assert await desk.told(begun.batch.id) == ["invoice_batch.finished"]
