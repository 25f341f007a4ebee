"""The answer to a refund is lost: the money goes back once, however often anyone asks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from payment_shop import Shop, euros, heard, story_of

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.errors import InvalidField
from orchestrator.gateways import accounts
from orchestrator.gateways.base import OperationKind
from orchestrator.payments import driver, service
from orchestrator.payments.records import PaymentRow
from orchestrator.payments.service import NewPayment
from orchestrator.payments.tables import Operation
from orchestrator.refunds import service as refunds
from orchestrator.refunds.service import RefundStatus

pytestmark = pytest.mark.asyncio(loop_scope="session")
GATEWAYS = ("stripe", "adyen", "paypal")
ASKED_MAX = 4


async def captured_at(shop: Shop, gateway: str) -> PaymentRow:
    for other in GATEWAYS:
        await accounts.switch(shop.merchant_id, shop.accounts[other], other == gateway)
    payment = await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card()))
    if gateway == "adyen":  # nobody hands its webhook in here, and only that says that the capture was done
        await settle_capture(payment)
    return payment


async def settle_capture(payment: PaymentRow) -> None:
    from orchestrator.payments import store
    from orchestrator.payments.records import SettledBy
    from orchestrator.payments.settling import settle
    from routing.outcomes import Outcome, OutcomeKind

    async with transaction():
        story = await store.story_of(await locked(payment))
        (capture,) = [op for op in story.operations if op.kind is OperationKind.CAPTURE]
        attempt = story.attempt(capture.attempt_id)
        done = Outcome(
            OutcomeKind.APPROVED,
            amount=capture.amount,
            gateway_payment_id=attempt.gateway_payment_id,
            gateway_operation_id=capture.gateway_operation_id,
        )
        assert await settle(story, capture.id, done, SettledBy.WEBHOOK, clock_port.now())


async def locked(payment: PaymentRow) -> PaymentRow:
    from orchestrator.payments import store

    found = await store.lock_payment(payment.id)
    assert found is not None
    return found


async def ask_again(payment: PaymentRow) -> None:
    now = clock_port.now()
    async with transaction():
        values = {Operation.expires_at: now - timedelta(seconds=1)}
        await Operation.update(values).where(Operation.payment_id == payment.id, Operation.state != "settled")
    await driver.drive(payment.id)


def given_back(charges: list[dict[str, object]]) -> list[object]:
    return [charge["refunded_minor"] for charge in charges]


@pytest.mark.parametrize("behaviour", ["lose_reply", "http_500_after", "lose_request"])
@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_refund_whose_answer_is_lost_gives_the_money_back_once(
    shop: Shop, gateway: str, behaviour: str
) -> None:
    payment = await captured_at(shop, gateway)
    await shop.tell("/scenarios", gateway=gateway, operation="refund", behaviour=behaviour)
    asked = await refunds.create(shop.merchant_id, payment.id, 700, "broken")
    assert asked.status is RefundStatus.PENDING
    await heard(payment)
    for _ in range(ASKED_MAX):
        await ask_again(payment)
    assert given_back(await shop.kept(payment)) == [700]
    sent = [op for op in (await story_of(payment)).operations if op.kind is OperationKind.REFUND]
    assert len(sent) == 1


async def test_while_a_refund_is_unknown_its_money_cannot_be_given_back_a_second_time(shop: Shop) -> None:
    payment = await captured_at(shop, "stripe")
    await shop.tell("/scenarios", gateway="stripe", operation="refund", behaviour="lose_reply")
    await refunds.create(shop.merchant_id, payment.id, 1500, "broken")
    with pytest.raises(InvalidField, match="499"):
        await refunds.create(shop.merchant_id, payment.id, 1500, "broken")
