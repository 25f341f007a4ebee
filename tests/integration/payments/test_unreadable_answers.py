"""Answers that cannot be read, through the whole product: the payment waits for the truth and is charged once; no other
gateway is asked, no shopper is told of a decline, and the breaker hears of a technical failure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from payment_shop import Shop, euros, heard, story_of

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.gateways import health
from orchestrator.payments import driver, service
from orchestrator.payments.records import AttemptStatus, PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.payments.tables import Operation

pytestmark = pytest.mark.asyncio(loop_scope="session")

DECLINED = "4000000000009995"
UNREADABLE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("malformed_json", {}),
    ("html_instead", {"status": 200}),
    ("html_instead", {"status": 403}),
    ("html_instead", {}),
    ("truncated_body", {}),
    ("empty_body", {}),
)


@pytest_asyncio.fixture(loop_scope="session")
async def hasty(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """The shop, answering its callers after a second."""
    from orchestrator.settings import get_settings

    monkeypatch.setenv("CLEARWAY_LIMITS__PAYMENT_DEADLINE_S", "1")
    get_settings.cache_clear()
    yield shop


async def unreadably_paid(shop: Shop, behaviour: str, more: dict[str, Any], number: str) -> PaymentRow:
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour=behaviour, **more)
    payment = await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card(number)))
    assert payment.status is PaymentStatus.PROCESSING
    await heard(payment)
    [attempt] = (await story_of(payment)).attempts
    assert attempt.status is AttemptStatus.UNKNOWN
    state = (await health.of([shop.accounts["stripe"]], "card"))[shop.accounts["stripe"]]
    assert state.failures == 1
    return payment


async def looked_into(payment: PaymentRow) -> PaymentRow:
    now = clock_port.now()
    async with transaction():
        values = {Operation.expires_at: now - timedelta(seconds=1), Operation.sent_at: now - timedelta(seconds=60)}
        await Operation.update(values).where(Operation.payment_id == payment.id, Operation.state != "settled")
    return await driver.drive(payment.id)


@pytest.mark.parametrize(("behaviour", "more"), UNREADABLE)
async def test_an_approval_that_cannot_be_read_is_found_and_charged_once(
    hasty: Shop, behaviour: str, more: dict[str, Any]
) -> None:
    payment = await looked_into(await unreadably_paid(hasty, behaviour, more, "4242424242424242"))
    assert payment.status is PaymentStatus.CAPTURED
    assert [attempt.gateway for attempt in (await story_of(payment)).attempts] == ["stripe"]
    assert len(await hasty.kept(payment)) == 1


@pytest.mark.parametrize(("behaviour", "more"), UNREADABLE)
async def test_a_decline_that_cannot_be_read_is_told_only_once_it_is_known(
    hasty: Shop, behaviour: str, more: dict[str, Any]
) -> None:
    payment = await looked_into(await unreadably_paid(hasty, behaviour, more, DECLINED))
    assert (payment.status, payment.failure_reason) == (PaymentStatus.FAILED, "insufficient_funds")
    assert [attempt.gateway for attempt in (await story_of(payment)).attempts] == ["stripe"]
    assert await hasty.kept(payment) == []
