"""Real processes at one automatic charge, also killed in the middle of it: the money moves once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from charging_desk import charge_of, findings, kept_charges, now, payer, payments_of, ring, ring_until_paid
from payment_shop import Shop

from invoicing.lifecycle import InvoiceState
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.billing import paying
from orchestrator.billing.automatic_charge import service as automatic_charge
from orchestrator.billing.automatic_charge.states import ChargeState
from orchestrator.outbox import Outbox
from orchestrator.payments import driver
from orchestrator.payments.tables import Operation

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.chaos]
PROGRAM = Path(__file__).parent / "charging_process.py"
ONE_PAYMENT = Path(__file__).parents[1] / "payments" / "one_process.py"
PATIENCE_S = 90


async def program(path: Path, *words: str) -> Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(path),
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(PROGRAM.parents[3])},
    )
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        assert await process.stdout.readline() == b"ready\n"
    return process


async def at_once(*processes: Process) -> list[str]:
    async with asyncio.timeout(PATIENCE_S):
        ends = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    return [out.decode().strip() for out, _ in ends]


async def test_four_workers_that_answer_one_bell_charge_once(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    said = await at_once(*[await program(PROGRAM, invoice.id) for _ in range(4)])
    assert said == ["done"] * 4
    await ring_until_paid(invoice)
    assert (len(await payments_of(invoice)), await kept_charges(shop, invoice)) == (1, [11900])
    assert await findings() == []


async def test_a_page_and_two_workers_in_processes_of_their_own_charge_once(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    asked = await paying.payment_for(invoice)
    card = msgspec.json.encode(await shop.card("5555555555554444")).decode()
    page = await program(ONE_PAYMENT, "pay", shop.merchant_id, asked.public_token, card)
    await at_once(page, *[await program(PROGRAM, invoice.id) for _ in range(2)])
    await ring_until_paid(invoice)
    await ring(invoice)
    assert (await kept_charges(shop, invoice), (await now(invoice)).state) == ([11900], InvoiceState.PAID)
    assert await findings() == []


async def test_a_worker_killed_after_the_gateway_charged_leaves_one_charge(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="hang_after", seconds=20)
    worker = await program(PROGRAM, invoice.id)
    assert worker.stdin is not None
    worker.stdin.write(b"go\n")
    await worker.stdin.drain()
    await until_charged(shop, invoice)
    worker.kill()
    await worker.wait()
    (payment,) = await payments_of(invoice)
    assert (await charge_of(invoice)).state is ChargeState.CHARGING
    # the bell and the watchdog were committed with the payment: nobody had to live to ring them
    for topic, subject in ((automatic_charge.TOPIC, invoice.id), (driver.TOPIC, payment.id)):
        assert await Outbox.exists().where(Outbox.topic == topic, Outbox.subject == subject)
    await ring(invoice)  # before the watchdog: nothing new begins
    assert len(await payments_of(invoice)) == 1
    await nobody_waits_for_an_answer(payment.id)
    await driver.drive(payment.id)
    assert await ring_until_paid(invoice) is None
    assert (len(await payments_of(invoice)), await kept_charges(shop, invoice)) == (1, [11900])
    assert ((await now(invoice)).state, (await charge_of(invoice)).state) == (InvoiceState.PAID, ChargeState.DONE)
    assert await findings() == []


async def test_the_clock_and_another_worker_finish_what_a_killed_worker_began(shop: Shop) -> None:
    """The whole installation: the invoice is charged, applied and paid, and nobody called a function."""
    invoice = await (await payer(shop)).invoice()
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="hang_after", seconds=20)
    async with installed("clock"):
        async with installed("worker", "--processes", "1", "--threads", "4") as killed:
            await until_charged(shop, invoice)
            os.killpg(killed.pid, signal.SIGKILL)
        assert (await charge_of(invoice)).state is ChargeState.CHARGING
        (payment,) = await payments_of(invoice)
        await nobody_waits_for_an_answer(payment.id)
        async with installed("worker", "--processes", "1", "--threads", "4"), asyncio.timeout(PATIENCE_S):
            while (await charge_of(invoice)).state is not ChargeState.DONE:
                await asyncio.sleep(0.1)
    assert (len(await payments_of(invoice)), await kept_charges(shop, invoice)) == (1, [11900])
    assert (await now(invoice)).state is InvoiceState.PAID
    assert await findings() == []


async def nobody_waits_for_an_answer(payment_id: str) -> None:
    """As if the time had passed in which the dead worker might have had one."""
    earlier = clock_port.now() - timedelta(seconds=1)
    await Operation.update({Operation.expires_at: earlier}).where(
        Operation.payment_id == payment_id, Operation.state == "sent"
    )
    await Outbox.update({Outbox.due_at: earlier}).where(Outbox.subject == payment_id)


@asynccontextmanager
async def installed(*words: str) -> AsyncIterator[Process]:
    """A process of the installation, in a group of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "orchestrator.cli",
        *words,
        cwd=PROGRAM.parents[3],
        env={**os.environ, "CLEARWAY_LOG_LEVEL": "error"},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def until_charged(shop: Shop, invoice: InvoiceRecord) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await payments_of(invoice)) or not await shop.charges(found[0]):
            await asyncio.sleep(0.02)
