"""Real processes at one payment at the same moment: whatever each is told, the money moves once."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import msgspec
import pytest
from payment_shop import Shop, euros

from orchestrator.gateways import accounts
from orchestrator.ledger import service as ledger
from orchestrator.payments import service
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment

pytestmark = pytest.mark.asyncio(loop_scope="session")
PROGRAM = Path(__file__).parent / "one_process.py"
PATIENCE_S = 90


async def at_once(*orders: tuple[str, str, str, str]) -> list[str]:
    """What each process says in the end: `done <status>` or `refused <code>`."""
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            str(PROGRAM),
            *order,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(PROGRAM.parents[3])},
        )
        for order in orders
    ]
    async with asyncio.timeout(PATIENCE_S):
        for process in processes:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        ends = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    return [out.decode().strip() for out, _ in ends]


async def authorised(shop: Shop) -> PaymentRow:
    await accounts.switch(shop.merchant_id, shop.accounts["adyen"], enabled=False)
    card = await shop.card()
    return await service.create(NewPayment(shop.merchant_id, euros(1000), instrument=card, capture_method="manual"))


async def clearing(shop: Shop) -> int:
    rows = await ledger.balances(shop.merchant_id)
    return sum(row.balance_minor for row in rows if row.kind == "gateway_clearing")


async def test_two_processes_that_pay_one_payment_charge_once(shop: Shop) -> None:
    hosted = await service.create(NewPayment(shop.merchant_id, euros(1000)))
    card = msgspec.json.encode(await shop.card()).decode()
    said = await at_once(*[("pay", shop.merchant_id, hosted.public_token, card)] * 2)
    assert sorted(said) == ["done captured", "refused conflict"]
    assert (len(await shop.kept(hosted)), await clearing(shop)) == (1, 1000)


async def test_two_processes_that_capture_take_no_more_than_is_held(shop: Shop) -> None:
    payment = await authorised(shop)
    said = await at_once(*[("capture", shop.merchant_id, payment.id, "700")] * 2)
    assert sorted(said)[0] == "done partially_captured"
    assert sorted(said)[1].startswith("refused ")
    (charge,) = await shop.charges(payment)
    assert charge["captured_minor"] == await clearing(shop) == 700


async def test_of_two_processes_that_capture_and_cancel_one_wins(shop: Shop) -> None:
    payment = await authorised(shop)
    said = await at_once(
        ("capture", shop.merchant_id, payment.id, "1000"), ("cancel", shop.merchant_id, payment.id, "")
    )
    assert len([word for word in said if word.startswith("done")]) == 1
    (charge,) = await shop.charges(payment)
    found = await service.get(shop.merchant_id, payment.id)
    assert charge["voided"] is (found.status is PaymentStatus.CANCELED)
    assert charge["captured_minor"] == await clearing(shop) == found.amount_captured_minor


async def test_two_processes_that_refund_give_back_no_more_than_was_taken(shop: Shop) -> None:
    payment = await authorised(shop)
    await service.capture(shop.merchant_id, payment.id, None)
    said = await at_once(*[("refund", shop.merchant_id, payment.id, "600")] * 2)
    assert sorted(said) == ["done succeeded", "refused invalid_field"]
    (charge,) = await shop.charges(payment)
    assert (charge["refunded_minor"], await clearing(shop)) == (600, 400)
