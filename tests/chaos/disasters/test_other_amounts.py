"""The gateway approves something else than was asked: a part of it. That is not an approval, and nothing is kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from payment_shop import Shop, euros, heard, story_of

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.payments import driver, service
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.payments.tables import Operation

pytestmark = pytest.mark.asyncio(loop_scope="session")
PARTIALLY_APPROVED = "30"  # https://docs.adyen.com/development-resources/testing/result-codes/testing-with-adyens-api


async def approved_in_part(shop: Shop) -> PaymentRow:
    """Adyen has the euros, before Stripe; it answers with half of what was asked."""
    await shop.tell("/outage", gateway="stripe", on=True)
    await shop.tell("/scenarios", gateway="adyen", operation="confirm", behaviour="decline", code=PARTIALLY_APPROVED)
    payment = await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card()))
    await heard(payment)
    return payment


async def test_a_part_that_was_approved_is_not_captured(shop: Shop) -> None:
    payment = await driver.drive((await approved_in_part(shop)).id)
    assert (payment.status, payment.amount_captured_minor) == (PaymentStatus.PROCESSING, 0)
    assert await shop.kept(payment) == []


async def test_while_a_part_is_blocked_the_whole_is_not_asked_for_elsewhere(shop: Shop) -> None:
    payment = await driver.drive((await approved_in_part(shop)).id)
    assert [a.gateway for a in (await story_of(payment)).attempts] == ["stripe", "adyen"]
    assert [c["gateway"] for c in await shop.charges(payment)] == ["adyen"]


async def test_a_part_that_nobody_asked_for_comes_to_a_person_who_reads_why(shop: Shop) -> None:
    payment = await approved_in_part(shop)
    async with transaction():
        before = clock_port.now() - timedelta(days=8)
        await Operation.update({Operation.sent_at: before, Operation.expires_at: before}).where(
            Operation.payment_id == payment.id, Operation.state != "settled"
        )
    payment = await driver.drive(payment.id)
    assert payment.status is PaymentStatus.NEEDS_REVIEW
    (part,) = [op for op in (await story_of(payment)).operations if op.in_part]
    assert "another amount" in part.detail
