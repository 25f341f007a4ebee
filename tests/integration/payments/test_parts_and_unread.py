"""What was authorised in part is canceled by itself; so is what nobody can ask about, once it is left alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from kept_shop import only
from late_shop import operation, told
from payment_shop import Shop, euros, story_of
from raw_webhooks import Receiver, deliver

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.gateways import accounts
from orchestrator.gateways.base import OperationKind
from orchestrator.payments import driver, resolver, service, store, tidying
from orchestrator.payments.records import (
    AttemptStatus,
    Cause,
    OnUnknown,
    OperationState,
    PaymentRow,
    PaymentStatus,
    SettledBy,
)
from orchestrator.payments.service import NewPayment
from orchestrator.payments.settling import settle
from orchestrator.payments.tables import Operation
from routing.outcomes import Outcome, OutcomeKind

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def receiver(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    """What Adyen tells; and callers that are answered after a second."""
    from orchestrator.settings import get_settings

    monkeypatch.setenv("CLEARWAY_LIMITS__PAYMENT_DEADLINE_S", "1")
    get_settings.cache_clear()
    receiver = Receiver()
    server = await receiver.start()
    await receiver.listen_to(shop, "adyen")
    yield receiver
    server.close()
    await shop.world.delete("/scenarios")


async def paid_in_part(shop: Shop, *gateways: str) -> PaymentRow:
    """A payment of which the issuer approved half, at Adyen first."""
    await only(shop, "adyen", *gateways)
    await shop.tell("/scenarios", gateway="adyen", operation="confirm", behaviour="decline", code="30", times=1)
    return await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card()))


async def heard(shop: Shop, receiver: Receiver, payment: PaymentRow, event: str) -> PaymentRow:
    await deliver(shop, await receiver.told(payment, event))
    return await driver.drive(payment.id)


async def test_a_part_that_was_authorised_is_canceled_by_itself_with_an_incident(
    shop: Shop, receiver: Receiver
) -> None:
    payment = await paid_in_part(shop)
    void = await operation(payment, OperationKind.VOID)
    assert (void.cause, payment.status) == (Cause.SURPLUS, PaymentStatus.PROCESSING)
    ended = await heard(shop, receiver, payment, "CANCELLATION")
    (charge,) = await shop.charges(payment)
    assert (charge["voided"], charge["captured_minor"]) == (True, 0)
    (attempt,) = (await story_of(payment)).attempts
    assert (attempt.status, attempt.decline and attempt.decline["reason"]) == (AttemptStatus.DECLINED, "partial_amount")
    assert (ended.status, ended.failure_reason) == (PaymentStatus.FAILED, "partial_amount")
    assert (await told(payment)).count("incident.authorised_in_part") == 1


async def test_nothing_else_is_tried_while_the_part_is_held(shop: Shop, receiver: Receiver) -> None:
    payment = await paid_in_part(shop, "paypal")
    payment = await driver.drive(payment.id)
    story = await story_of(payment)
    assert [(attempt.gateway, attempt.status) for attempt in story.attempts] == [("adyen", AttemptStatus.UNKNOWN)]


async def test_the_message_of_a_part_changes_nothing_before_or_after_its_cancel(shop: Shop, receiver: Receiver) -> None:
    payment = await paid_in_part(shop)
    await heard(shop, receiver, payment, "AUTHORISATION")
    ended = await heard(shop, receiver, payment, "CANCELLATION")
    assert ended.status is PaymentStatus.FAILED
    before = await story_of(payment)
    raw = await receiver.told(payment, "AUTHORISATION")
    assert await deliver(shop, raw) == 0
    await hear_in_part(payment)
    assert (await story_of(payment)).operations == before.operations
    assert (await told(payment)).count("incident.authorised_in_part") == 1


async def hear_in_part(payment: PaymentRow) -> None:
    """As the same message would come under another id."""
    async with transaction():
        locked = await store.lock_payment(payment.id)
        assert locked is not None
        story = await store.story_of(locked)
        confirm = next(op for op in story.operations if op.kind is OperationKind.CONFIRM)
        said = Outcome(OutcomeKind.APPROVED, euros(999))
        assert await settle(story, confirm.id, said, SettledBy.WEBHOOK, clock_port.now()) is None


async def test_a_part_whose_reply_was_lost_is_canceled_once_its_message_comes(shop: Shop, receiver: Receiver) -> None:
    payment = await unread(shop, OnUnknown.WAIT, in_part=True)
    await heard(shop, receiver, payment, "AUTHORISATION")
    ended = await heard(shop, receiver, payment, "CANCELLATION")
    assert (ended.status, [charge["voided"] for charge in await shop.charges(payment)]) == (
        PaymentStatus.FAILED,
        [True],
    )


async def test_a_part_that_the_gateway_does_not_cancel_is_left_to_a_person(shop: Shop, receiver: Receiver) -> None:
    await shop.tell("/scenarios", gateway="adyen", operation="void", behaviour="decline", times=1)
    payment = await paid_in_part(shop)
    await heard(shop, receiver, payment, "CANCELLATION")
    assert "payment.needs_review" in await told(payment)
    assert not [op for op in (await story_of(payment)).operations if op.kind is OperationKind.CAPTURE]


async def unread(
    shop: Shop, on_unknown: OnUnknown, *, in_part: bool = False, gateway: str = "adyen", behaviour: str = "lose_reply"
) -> PaymentRow:
    """A payment whose answer was lost behind the vault, which has forgotten the CVC since; PayPal is next."""
    await only(shop, gateway)
    if in_part:
        await shop.tell("/scenarios", gateway="adyen", operation="confirm", behaviour="decline", code="30", times=1)
    await shop.tell("/scenarios", gateway=gateway, operation="confirm", behaviour=behaviour, times=1)
    card = await shop.card()
    payment = await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=card, on_unknown=on_unknown))
    assert payment.status is PaymentStatus.PROCESSING
    await service.create(NewPayment(shop.merchant_id, euros(100), instrument=card))  # the vault forgets the CVC with it
    await accounts.switch(shop.merchant_id, shop.accounts["paypal"], enabled=True)
    return payment


async def asked_after(payment: PaymentRow, sent_ago_s: float) -> PaymentRow:
    now = clock_port.now()
    async with transaction():
        due = {
            Operation.expires_at: now - timedelta(seconds=1),
            Operation.sent_at: now - timedelta(seconds=sent_ago_s),
        }
        await Operation.update(due).where(Operation.payment_id == payment.id, Operation.state != "settled")
    return await driver.drive(payment.id)


async def voids(payment: PaymentRow) -> list[Cause]:
    return [op.cause for op in (await story_of(payment)).operations if op.kind is OperationKind.VOID]


async def test_by_default_what_cannot_be_sent_again_is_waited_for(shop: Shop, receiver: Receiver) -> None:
    payment = await unread(shop, OnUnknown.WAIT)
    await asked_after(payment, 2 * tidying.UNHEARD_WAIT_S)
    confirm = await operation(payment, OperationKind.CONFIRM)
    assert "the vault has no such field" in str(confirm.evidence)
    assert (confirm.state, await voids(payment)) == (OperationState.UNKNOWN, [])


async def test_what_shall_go_on_elsewhere_is_canceled_by_our_reference_and_goes_on(
    shop: Shop, receiver: Receiver
) -> None:
    payment = await unread(shop, OnUnknown.CANCEL_THEN_FAILOVER)
    await asked_after(payment, 60)
    assert await voids(payment) == [Cause.UNKNOWN]
    assert (await story_of(payment)).attempts[-1].gateway == "adyen"  # not before the cancel is confirmed
    await heard(shop, receiver, payment, "TECHNICAL_CANCEL")
    assert (await story_of(payment)).attempts[0].status is AttemptStatus.VOIDED
    assert [charge["gateway"] for charge in await shop.charges(payment) if charge["voided"]] == ["adyen"]


async def test_what_nobody_wants_any_more_is_canceled_once_its_message_is_overdue(
    shop: Shop, receiver: Receiver
) -> None:
    payment = await unread(shop, OnUnknown.WAIT)
    await service.cancel(shop.merchant_id, payment.id)
    await asked_after(payment, 60)
    assert await voids(payment) == []
    await asked_after(payment, tidying.UNHEARD_WAIT_S + 1)
    assert await voids(payment) == [Cause.UNKNOWN]
    ended = await heard(shop, receiver, payment, "TECHNICAL_CANCEL")
    assert (ended.status, [charge["voided"] for charge in await shop.charges(payment)]) == (
        PaymentStatus.CANCELED,
        [True],
    )


@pytest.mark.parametrize("behaviour", ["lose_request", "lose_reply"])
async def test_an_unknown_that_nobody_wants_any_more_is_canceled_also_where_it_can_be_read(
    shop: Shop, receiver: Receiver, behaviour: str
) -> None:
    payment = await unread(shop, OnUnknown.WAIT, gateway="stripe", behaviour=behaviour)
    await shop.tell("/scenarios", gateway="stripe", operation="lookup", behaviour="http_500", times=2)
    await service.cancel(shop.merchant_id, payment.id)
    await asked_after(payment, 60)
    ended = await asked_after(payment, tidying.UNHEARD_WAIT_S + 1)
    charges = await shop.charges(payment)
    assert ended.status is PaymentStatus.CANCELED
    assert [(charge["voided"], charge["captured_minor"]) for charge in charges] == [(True, 0)] * len(charges)
    assert not [op for op in (await story_of(payment)).operations if op.open]


async def test_after_the_time_for_asking_it_is_canceled_before_a_person_has_to_look_and_tried_nowhere_else(
    shop: Shop, receiver: Receiver
) -> None:
    payment = await unread(shop, OnUnknown.WAIT)
    await asked_after(payment, resolver.GIVE_UP_AFTER_S + 60)
    assert await voids(payment) == [Cause.UNKNOWN]
    ended = await heard(shop, receiver, payment, "TECHNICAL_CANCEL")
    story = await story_of(payment)
    assert [(a.gateway, a.status) for a in story.attempts] == [("adyen", AttemptStatus.VOIDED)]
    assert (ended.status, [charge["voided"] for charge in await shop.charges(payment)]) == (
        PaymentStatus.FAILED,
        [True],
    )
