"""What gateways tell of an invoice's payment in any order, over the simulators' own signed webhooks: a refund or a
chargeback that is heard of before the capture comes to the same as after it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from billing_desk import SKONTO, Desk, findings
from kept_shop import only
from late_shop import balance
from payment_shop import SIMULATOR_ACCOUNT, Shop, story_of
from raw_webhooks import Raw, Receiver, adyen_says, deliver

from invoicing.lifecycle import InvoiceState
from invoicing.store import InvoiceRecord
from orchestrator.billing import applying, paying
from orchestrator.disputes.tables import Dispute
from orchestrator.payments import service
from orchestrator.payments.records import PaymentRow
from orchestrator.refunds import service as refunds

PATIENCE_S = 60
OPEN, PARTLY_PAID, PAID = InvoiceState.OPEN, InvoiceState.PARTLY_PAID, InvoiceState.PAID


@pytest_asyncio.fixture(loop_scope="session")
async def receiver(shop: Shop) -> AsyncIterator[Receiver]:
    """All that Adyen tells is caught, and comes in when we want it."""
    receiver = Receiver()
    server = await receiver.start()
    await receiver.listen_to(shop, "adyen")
    yield receiver
    server.close()


async def begun(shop: Shop) -> tuple[Desk, InvoiceRecord, PaymentRow]:
    """An invoice whose buyer has paid, and the gateway has not said yet that it took the money."""
    await only(shop, "adyen")
    desk = Desk(shop.merchant_id, "cus_1")
    invoice = await desk.issue("100", terms=SKONTO)
    asked = await paying.payment_for(invoice)
    return desk, invoice, await service.pay(asked.public_token, await shop.card())


async def look(payment: PaymentRow) -> None:
    """What the outbox's bells do about it, once more than there is need."""
    for _ in range(2):
        await applying.apply_payment(payment.id)
        for row in await Dispute.select(Dispute.id).where(Dispute.payment_id == payment.id):
            await applying.look_at_dispute(row["id"])


async def come_in(shop: Shop, payment: PaymentRow, told: tuple[Raw, ...], looked: bool) -> None:
    for raw in told:
        await deliver(shop, raw)
        if looked:
            await look(payment)
    await look(payment)


async def standing(desk: Desk, invoice: InvoiceRecord) -> tuple[InvoiceState, int, int]:
    now = await desk.now(invoice)
    return now.state, now.standing.discount, now.owed.minor


async def lost(shop: Shop, receiver: Receiver, payment: PaymentRow) -> tuple[Raw, Raw]:
    """The buyer's bank has taken the money back for good; the gateway's messages of it, which nobody has seen yet."""
    (attempt,) = (await story_of(payment)).attempts
    opened = {"gateway": "adyen", "account": SIMULATOR_ACCOUNT["adyen"], "reference": attempt.id}
    dispute_id = str((await shop.tell("/disputes", **opened))["id"])
    taken = await heard(receiver, "CHARGEBACK", dispute_id)
    await shop.tell(f"/disputes/{dispute_id}/decide", outcome="lost")
    return taken, await heard(receiver, "DISPUTE_DEFENSE_PERIOD_ENDED", dispute_id)


async def heard(receiver: Receiver, event: str, about: str) -> Raw:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for raw in receiver.requests:
                if raw.event == event and about.encode() in raw.body:
                    return raw
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("amount", [None, 5000])
@pytest.mark.parametrize("looked", [True, False])
async def test_a_refund_that_is_done_before_anybody_looked_at_the_capture(
    shop: Shop, receiver: Receiver, amount: int | None, looked: bool
) -> None:
    desk, invoice, payment = await begun(shop)
    await deliver(shop, await receiver.told(payment, "CAPTURE"))
    await refunds.create(shop.merchant_id, payment.id, amount, "")
    await come_in(shop, payment, (await receiver.told(payment, "REFUND"),), looked)
    left = 0 if amount is None else 11662 - amount
    assert await standing(desk, invoice) == (PARTLY_PAID if left else OPEN, 0, 11900 - left)
    assert (await balance(shop, "customer_credit"), await balance(shop, "refunds"), await findings()) == (0, 0, [])


@pytest.mark.parametrize("looked", [True, False])
async def test_a_refund_that_failed_after_all_leaves_the_invoice_paid(
    shop: Shop, receiver: Receiver, looked: bool
) -> None:
    """Told in any order, with the capture once more, which is nothing new."""
    for order in itertools.permutations(range(3)):
        desk, invoice, payment = await begun(shop)
        captured = await receiver.told(payment, "CAPTURE")
        await deliver(shop, captured)
        await refunds.create(shop.merchant_id, payment.id, None, "")
        refunded = await receiver.told(payment, "REFUND")
        told = (captured, refunded, adyen_says(refunded, eventCode="REFUND_FAILED"))
        await come_in(shop, payment, tuple(told[place] for place in order), looked)
        assert await standing(desk, invoice) == (PAID, 238, 0), order
    assert (await balance(shop, "customer_credit"), await balance(shop, "refunds"), await findings()) == (0, 0, [])


@pytest.mark.parametrize("looked", [True, False])
async def test_a_chargeback_that_is_heard_of_before_the_capture_opens_the_invoice(
    shop: Shop, receiver: Receiver, looked: bool
) -> None:
    for order in itertools.permutations(range(3)):
        desk, invoice, payment = await begun(shop)
        told = (await receiver.told(payment, "CAPTURE"), *await lost(shop, receiver, payment))
        await come_in(shop, payment, tuple(told[place] for place in order), looked)
        assert await standing(desk, invoice) == (OPEN, 0, 11900), order
    assert (await balance(shop, "customer_credit"), await balance(shop, "chargebacks"), await findings()) == (0, 0, [])
