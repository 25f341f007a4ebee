"""Driving a payment while its caller waits: an answer by the deadline, and calls that go on when nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from orchestrator.payments import driver, store
from orchestrator.payments.records import OperationState, PaymentRow, PaymentStatus
from orchestrator.settings import get_settings

POLL_S = 0.15

_driving: set[asyncio.Task[PaymentRow]] = set()


async def answer(payment_id: str, errand: driver.Errand | None, *, until_canceled: bool = False) -> PaymentRow:
    """Drive, and answer when the outcome is known or at the deadline, whichever is first.

    The driving goes on when the answer is given or the caller hangs up: a call to a gateway is never broken off.
    """
    deadline_s = get_settings().limits.payment_deadline_s
    task = in_the_background(driver.drive(payment_id, errand))
    began = asyncio.get_running_loop().time()
    try:
        payment = await asyncio.wait_for(asyncio.shield(task), deadline_s)
    except TimeoutError:
        found = await store.payment(payment_id)
        assert found is not None
        return found
    # an unknown is being settled elsewhere: its result is worth waiting for while the shopper would wait anyway
    while asyncio.get_running_loop().time() - began < deadline_s and await _is_moving(payment, until_canceled):
        await asyncio.sleep(POLL_S)
        found = await store.payment(payment_id)
        assert found is not None
        payment = found
    if payment.status is PaymentStatus.AUTHORISED:  # its capture may have settled between our two looks
        return await store.payment(payment_id) or payment
    return payment


def in_the_background(driving: Coroutine[Any, Any, PaymentRow]) -> asyncio.Task[PaymentRow]:
    """Begin it, and have the process wait for it at its end; the caller may wait for it or not."""
    task = asyncio.create_task(driving)
    _driving.add(task)
    task.add_done_callback(_driving.discard)
    return task


async def finish_driving(patience_s: float) -> None:
    """Before the process ends, let calls to gateways that are out come home. What does not is settled by a worker."""
    if _driving:
        await asyncio.wait(set(_driving), timeout=patience_s)


async def _is_moving(payment: PaymentRow, until_canceled: bool) -> bool:
    """What is pending (a debit takes days) is not worth waiting for; what another process is about to settle is."""
    if payment.status not in (PaymentStatus.AUTHORISED, PaymentStatus.PROCESSING):
        return False
    if payment.status is PaymentStatus.AUTHORISED and (until_canceled or payment.capture_method == "manual"):
        return until_canceled
    states = {op.state for op in (await store.story_of(payment)).operations if op.open}
    if payment.status is PaymentStatus.AUTHORISED:  # whoever settled the unknown is about to capture
        return OperationState.SENT in states
    return states != {OperationState.PENDING}
