"""Operations whose answer was lost: read first, sent again only while it is safe, and in the end a person's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from payment_shop import CHALLENGED, CREDENTIALS, SIMULATOR_ACCOUNT, Shop, euros, heard, story_of

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.outbox import Outbox
from orchestrator.payments import driver, service, store
from orchestrator.payments.records import OperationState, PaymentRow, PaymentStatus, SettledBy
from orchestrator.payments.service import NewPayment
from orchestrator.payments.tables import Operation

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def hasty(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """The shop, answering its callers after a second."""
    from orchestrator.settings import get_settings

    monkeypatch.setenv("CLEARWAY_LIMITS__PAYMENT_DEADLINE_S", "1")
    get_settings.cache_clear()
    yield shop


async def pay(shop: Shop, number: str = "4242424242424242") -> PaymentRow:
    return await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card(number)))


async def lost(shop: Shop, behaviour: str) -> PaymentRow:
    """A payment whose confirmation got no answer, and whose turn to be asked about has come."""
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour=behaviour)
    payment = await pay(shop)
    assert payment.status is PaymentStatus.PROCESSING
    await heard(payment)
    await make_due(payment)
    return payment


async def make_due(payment: PaymentRow, sent_ago: timedelta = timedelta(seconds=60)) -> None:
    now = clock_port.now()
    async with transaction():
        values = {Operation.expires_at: now - timedelta(seconds=1), Operation.sent_at: now - sent_ago}
        await Operation.update(values).where(Operation.payment_id == payment.id, Operation.state != "settled")


async def last_settled_by(payment: PaymentRow) -> SettledBy | None:
    story = await story_of(payment)
    return next(op.settled_by for op in story.operations if op.kind.value == "confirm")


async def test_a_request_that_never_arrived_is_found_open_and_sent_again_once(hasty: Shop) -> None:
    payment = await lost(hasty, "lose_request")
    payment = await driver.drive(payment.id)
    assert (payment.status, await last_settled_by(payment)) == (PaymentStatus.CAPTURED, SettledBy.RESEND)
    assert len(await hasty.charges(payment)) == 1


async def test_a_request_that_arrived_is_read_and_not_sent_again(hasty: Shop) -> None:
    payment = await lost(hasty, "lose_reply")
    payment = await driver.drive(payment.id)
    assert (payment.status, await last_settled_by(payment)) == (PaymentStatus.CAPTURED, SettledBy.LOOK_UP)


async def test_a_repeated_request_that_is_refused_at_the_door_proves_nothing(hasty: Shop) -> None:
    payment = await lost(hasty, "lose_reply")
    account = {"gateway": "stripe", "account": SIMULATOR_ACCOUNT["stripe"]}
    await hasty.tell("/accounts", **account, credentials={"secret_key": "sk_test_rotated"})
    payment = await driver.drive(payment.id)
    assert payment.status is PaymentStatus.PROCESSING
    assert len((await story_of(payment)).attempts) == 1
    await hasty.tell("/accounts", **account, credentials=CREDENTIALS["stripe"])
    await make_due(payment)
    assert (await driver.drive(payment.id)).status is PaymentStatus.CAPTURED


async def test_a_closed_door_proves_nothing_either(hasty: Shop) -> None:
    payment = await lost(hasty, "lose_reply")
    await hasty.tell("/outage", gateway="stripe", on=True)
    payment = await driver.drive(payment.id)
    assert (payment.status, len((await story_of(payment)).attempts)) == (PaymentStatus.PROCESSING, 1)
    waiting = await Outbox.count().where(Outbox.topic == driver.TOPIC, Outbox.subject == payment.id)
    assert waiting == 1


async def test_when_the_window_is_over_a_person_decides_and_nothing_is_sent(hasty: Shop) -> None:
    payment = await lost(hasty, "lose_request")
    await make_due(payment, sent_ago=timedelta(days=3))
    payment = await driver.drive(payment.id)
    assert payment.status is PaymentStatus.NEEDS_REVIEW
    assert await hasty.charges(payment) == []
    assert len((await story_of(payment)).attempts) == 1


async def test_a_create_that_nobody_can_answer_for_does_not_hold_the_payment_up(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*args: object) -> None:
        raise ConnectionError("the process is gone")

    with monkeypatch.context() as broken:
        broken.setattr(driver, "drive", dies)
        with pytest.raises(ConnectionError):
            await pay(shop)
    (payment,) = await store.payments_of(shop.merchant_id, limit=1)
    await shop.tell("/outage", gateway="stripe", on=True)
    await make_due(payment)
    payment = await driver.drive(payment.id)
    assert [(a.gateway, a.status.value) for a in (await story_of(payment)).attempts] == [
        ("stripe", "not_reached"),
        ("adyen", "authorised"),
    ]


async def test_what_the_shopper_brought_back_is_told_again_when_the_gateway_is_up_again(hasty: Shop) -> None:
    await hasty.tell("/outage", gateway="stripe", on=True)
    payment = await pay(hasty, CHALLENGED)
    attempt = (await story_of(payment)).attempts[-1]
    assert (attempt.gateway, payment.status) == ("adyen", PaymentStatus.REQUIRES_ACTION)
    assert attempt.next_action is not None
    answer = await hasty.world.post(attempt.next_action["url"], data={"password": "password"})
    result = dict(answer.next_request.url.params) if answer.next_request else {}
    await hasty.tell("/outage", gateway="adyen", on=True)
    payment = await service.complete(payment.id, result)
    assert payment.status is PaymentStatus.PROCESSING
    await hasty.tell("/outage", gateway="adyen", on=False)
    await asyncio.sleep(1.1)
    payment = await driver.drive(payment.id)
    assert payment.status is PaymentStatus.AUTHORISED
    assert any(op.state is OperationState.PENDING for op in (await story_of(payment)).operations)
