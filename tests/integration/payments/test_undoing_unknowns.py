"""What nobody knows the outcome of: waited for, canceled and gone on from, or settled by a person with the evidence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from payment_shop import Shop, euros, story_of

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.errors import Conflict, InvalidField
from orchestrator.gateways import accounts
from orchestrator.notifications import store as events
from orchestrator.payments import driver, resolver, reviews, service
from orchestrator.payments.records import (
    AttemptStatus,
    OnUnknown,
    OperationState,
    PaymentRow,
    PaymentStatus,
    SettledBy,
    Verdict,
)
from orchestrator.payments.service import NewPayment
from orchestrator.payments.tables import Operation

pytestmark = pytest.mark.asyncio(loop_scope="session")


NO_KEY_ANY_MORE = timedelta(hours=25)  # since then Stripe has forgotten the key: the request is not sent again


@pytest_asyncio.fixture(loop_scope="session")
async def hasty(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """The shop, answering its callers after a second, and with time-outs that a test can wait for."""
    from orchestrator.settings import get_settings

    monkeypatch.setenv("CLEARWAY_LIMITS__PAYMENT_DEADLINE_S", "1")
    get_settings.cache_clear()
    yield shop
    await shop.world.delete("/scenarios")


async def unknown(
    shop: Shop, on_unknown: OnUnknown, *, lookups_lost: int = 1, behaviour: str = "lose_reply"
) -> PaymentRow:
    """A payment at Stripe whose confirmation has no answer, nor the first question about it."""
    await accounts.switch(shop.merchant_id, shop.accounts["adyen"], enabled=False)
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour=behaviour, times=1)
    await shop.tell("/scenarios", gateway="stripe", operation="lookup", behaviour="http_500", times=lookups_lost)
    card = await shop.card()
    payment = await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=card, on_unknown=on_unknown))
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="http_500", times=1)
    assert payment.status is PaymentStatus.PROCESSING
    return payment


async def make_due(payment: PaymentRow, sent_ago: timedelta = timedelta(seconds=60)) -> None:
    now = clock_port.now()
    async with transaction():
        values = {Operation.expires_at: now - timedelta(seconds=1), Operation.sent_at: now - sent_ago}
        await Operation.update(values).where(Operation.payment_id == payment.id, Operation.state != "settled")


async def test_a_confirmed_cancel_of_the_unknown_lets_the_payment_go_on_elsewhere(hasty: Shop) -> None:
    payment = await unknown(hasty, OnUnknown.CANCEL_THEN_FAILOVER)
    await make_due(payment, NO_KEY_ANY_MORE)
    paid = await driver.drive(payment.id)
    story = await story_of(payment)
    assert [(a.gateway, a.status) for a in story.attempts] == [
        ("stripe", AttemptStatus.VOIDED),
        ("paypal", AttemptStatus.CAPTURED),
    ]
    assert (paid.status, len(await hasty.kept(payment))) == (PaymentStatus.CAPTURED, 1)


async def test_a_cancel_that_is_not_confirmed_never_fails_over(hasty: Shop) -> None:
    payment = await unknown(hasty, OnUnknown.CANCEL_THEN_FAILOVER, lookups_lost=5)
    await hasty.tell("/scenarios", gateway="stripe", operation="void", behaviour="http_500", times=5)
    await make_due(payment, NO_KEY_ANY_MORE)
    await driver.drive(payment.id)
    story = await story_of(payment)
    assert [a.gateway for a in story.attempts] == ["stripe"]
    assert [op.state for op in story.operations if op.kind.value == "void"] == [OperationState.UNKNOWN]


async def test_by_default_an_unknown_is_waited_for(hasty: Shop) -> None:
    payment = await unknown(hasty, OnUnknown.WAIT)
    await make_due(payment)
    await driver.drive(payment.id)
    story = await story_of(payment)
    assert [a.gateway for a in story.attempts] == ["stripe"]
    assert not [op for op in story.operations if op.kind.value == "void"]


async def test_reading_a_payment_has_a_due_unknown_asked_about(hasty: Shop) -> None:
    await accounts.switch(hasty.merchant_id, hasty.accounts["adyen"], enabled=False)
    await hasty.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="lose_reply", times=1)
    payment = await service.create(NewPayment(hasty.merchant_id, euros(1999), instrument=await hasty.card()))
    await make_due(payment)
    for _ in range(1_000):
        found, _ = await service.looked_at(hasty.merchant_id, payment.id)
        if found.status is PaymentStatus.CAPTURED:
            break
        await asyncio.sleep(0.05)
    assert found.status is PaymentStatus.CAPTURED


async def left_to_a_person(shop: Shop) -> tuple[PaymentRow, str]:
    payment = await unknown(shop, OnUnknown.WAIT, lookups_lost=20)
    await make_due(payment, sent_ago=timedelta(seconds=resolver.GIVE_UP_AFTER_S + 60))
    found = await driver.drive(payment.id)
    assert found.status is PaymentStatus.NEEDS_REVIEW
    (operation,) = await reviews.waiting(shop.merchant_id, limit=10)
    assert operation.payment_id == payment.id
    return payment, operation.id


async def test_what_a_person_gets_to_see_is_what_was_asked_and_answered(hasty: Shop) -> None:
    await left_to_a_person(hasty)
    (operation,) = await reviews.waiting(hasty.merchant_id, limit=10)
    assert operation.evidence
    assert {"at", "asked", "answer"} == set(operation.evidence[0])
    assert operation.evidence[0]["asked"] in (SettledBy.LOOK_UP, SettledBy.RESEND)


async def test_a_person_who_says_that_it_was_declined_ends_the_payment(hasty: Shop) -> None:
    payment, operation_id = await left_to_a_person(hasty)
    resolved = await reviews.resolve_review(
        hasty.merchant_id, payment.id, operation_id, Verdict.DECLINED, "nothing in the dashboard", "usr_1"
    )
    assert resolved.status is PaymentStatus.FAILED
    operation = (await story_of(payment)).operation(operation_id)
    assert (operation.settled_by, operation.review and operation.review["actor"]) == (SettledBy.PERSON, "usr_1")
    told = [row.type for row in await events.events_of(hasty.merchant_id, limit=50, object_id=payment.id)]
    assert "payment.review_resolved" in told
    with pytest.raises(Conflict, match="waits for no person"):
        await reviews.resolve_review(hasty.merchant_id, payment.id, operation_id, Verdict.APPROVED, "x", "usr_1")


async def test_a_person_who_says_that_it_was_approved_has_it_captured(hasty: Shop) -> None:
    payment, operation_id = await left_to_a_person(hasty)
    await hasty.world.delete("/scenarios")
    resolved = await reviews.resolve_review(
        hasty.merchant_id, payment.id, operation_id, Verdict.APPROVED, "seen as authorised", "usr_1"
    )
    assert (resolved.status, len(await hasty.kept(payment))) == (PaymentStatus.CAPTURED, 1)


async def test_a_person_may_have_the_gateway_asked_again(hasty: Shop) -> None:
    payment, operation_id = await left_to_a_person(hasty)
    await hasty.world.delete("/scenarios")
    await reviews.resolve_review(
        hasty.merchant_id, payment.id, operation_id, Verdict.LOOK_AGAIN, "they say it is up again", "usr_1"
    )
    operation = (await story_of(payment)).operation(operation_id)
    assert (operation.state, operation.settled_by) == (OperationState.SETTLED, SettledBy.LOOK_UP)
    assert await reviews.waiting(hasty.merchant_id, limit=10) == []


async def test_a_verdict_needs_a_reason(hasty: Shop) -> None:
    payment, operation_id = await left_to_a_person(hasty)
    with pytest.raises(InvalidField, match="note"):
        await reviews.resolve_review(hasty.merchant_id, payment.id, operation_id, Verdict.DECLINED, " ", "usr_1")
