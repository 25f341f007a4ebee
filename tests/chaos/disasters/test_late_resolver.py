"""The resolver wakes more than a day late: the gateway has forgotten the key, so nothing is sent again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from payment_shop import Shop, euros, heard, story_of

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.gateways import accounts
from orchestrator.gateways.base import OperationKind
from orchestrator.payments import driver, service
from orchestrator.payments.records import OperationState, PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.payments.tables import Operation

pytestmark = pytest.mark.asyncio(loop_scope="session")
LATE = timedelta(hours=25)
TOO_LATE = timedelta(days=7)  # Adyen keeps keys for a week at least
GATEWAYS = ("stripe", "adyen", "paypal")


async def unanswered(shop: Shop, gateway: str, behaviour: str) -> PaymentRow:
    """A payment at this gateway whose confirmation got no answer."""
    for other in GATEWAYS:
        await accounts.switch(shop.merchant_id, shop.accounts[other], other == gateway)
    await shop.tell("/scenarios", gateway=gateway, operation="confirm", behaviour=behaviour)
    payment = await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card()))
    await heard(payment)
    return payment


async def sleep_through(shop: Shop, payment: PaymentRow, late: timedelta) -> None:
    """Nobody looked for so long, here and there; the gateway has forgotten its idempotency keys."""
    await shop.tell("/clock", advance_seconds=late.total_seconds())
    now = clock_port.now()
    async with transaction():
        values = {Operation.expires_at: now - timedelta(seconds=1), Operation.sent_at: now - late}
        await Operation.update(values).where(Operation.payment_id == payment.id, Operation.state != "settled")


@pytest.mark.parametrize("gateway", ["stripe", "paypal"])
async def test_what_was_charged_is_found_by_reading(shop: Shop, gateway: str) -> None:
    payment = await unanswered(shop, gateway, "lose_reply")
    await sleep_through(shop, payment, LATE)
    assert (await driver.drive(payment.id)).status is PaymentStatus.CAPTURED
    assert len(await shop.charges(payment)) == 1


@pytest.mark.parametrize("gateway", ["stripe", "paypal"])
async def test_what_never_arrived_is_not_sent_a_day_later(shop: Shop, gateway: str) -> None:
    payment = await unanswered(shop, gateway, "lose_request")
    await sleep_through(shop, payment, LATE)
    payment = await driver.drive(payment.id)
    assert payment.status in (PaymentStatus.PROCESSING, PaymentStatus.NEEDS_REVIEW, PaymentStatus.FAILED)
    assert await shop.charges(payment) == []


@pytest.mark.parametrize("behaviour", ["lose_reply", "lose_request"])
async def test_what_cannot_be_read_is_canceled_by_our_reference_and_not_sent_again(shop: Shop, behaviour: str) -> None:
    payment = await unanswered(shop, "adyen", behaviour)
    before = len(await shop.charges(payment))
    await sleep_through(shop, payment, TOO_LATE)
    payment = await driver.drive(payment.id)
    assert payment.status is PaymentStatus.NEEDS_REVIEW
    confirm, *others = (await story_of(payment)).operations
    assert confirm.state is OperationState.NEEDS_REVIEW
    assert [op.kind for op in others] == [OperationKind.VOID]
    assert len(await shop.charges(payment)) == before
