"""What tests of late money share: news of an operation as a webhook brings it, and a second charge that came late."""

from __future__ import annotations

from typing import Any

from payment_shop import Shop, euros, story_of

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.gateways.base import OperationKind
from orchestrator.ids import new_id
from orchestrator.ledger import service as ledger
from orchestrator.notifications import store as events
from orchestrator.payments import driver, service, store
from orchestrator.payments.records import OperationRow, PaymentRow, SettledBy
from orchestrator.payments.service import NewPayment
from orchestrator.payments.settling import settle
from orchestrator.payments.tables import Attempt, Operation
from routing.outcomes import Decline, Outcome, OutcomeKind, RetryAction

REFUSED = Decline("unmapped", RetryAction.CUSTOMER_ACTION, RetryAction.CUSTOMER_ACTION, "x")


async def hear(payment: PaymentRow, operation_id: str, kind: OutcomeKind) -> PaymentRow:
    """News of an operation, as a webhook brings it, and what the driver makes of it."""
    outcome = Outcome(kind, decline=REFUSED if kind is OutcomeKind.DECLINED else None)
    async with transaction():
        locked = await store.lock_payment(payment.id)
        assert locked is not None
        story = await store.story_of(locked)
        now = clock_port.now()
        changed = await settle(story, operation_id, outcome, SettledBy.WEBHOOK, now)
        errand = await driver.proceed(changed or story, now)
    return await driver.drive(payment.id, errand)


async def told(payment: PaymentRow) -> list[str]:
    return [row.type for row in await events.events_of(payment.merchant_id, limit=100, object_id=payment.id)]


async def balance(shop: Shop, kind: str) -> int:
    return sum(row.balance_minor for row in await ledger.balances(shop.merchant_id) if row.kind == kind)


async def operation(payment: PaymentRow, kind: OperationKind) -> OperationRow:
    return next(op for op in (await story_of(payment)).operations if op.kind is kind)


async def refused_beside(shop: Shop, payment: PaymentRow) -> str:
    """Another attempt of the payment, of a way to pay that takes the money at once, of which a refusal was heard though
    the money is at the gateway. The id of its confirmation."""
    other = await service.create(NewPayment(shop.merchant_id, payment.amount, instrument=await shop.card()))
    charged = (await story_of(other)).attempts[0]  # a charge that really is there, to be refunded
    capture = await operation(other, OperationKind.CAPTURE)
    late = {"id": new_id("att"), "position": 9, "status": "declined", "capture_mode": "automatic"}
    async with transaction():
        await Attempt.insert(Attempt(**{**await _row(Attempt, charged.id), **late, "payment_id": payment.id}))
        row = {**await _row(Operation, capture.id), "id": new_id("op"), "attempt_id": late["id"]}
        row |= {"payment_id": payment.id, "kind": "confirm", "outcome": "declined", "settled_by": "reply"}
        await Operation.insert(Operation(**row))
    return str(row["id"])


async def paid(shop: Shop, **more: Any) -> PaymentRow:
    return await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card(), **more))


async def _row(table: Any, id: str) -> dict[str, Any]:
    row = await table.select().where(table.id == id).first()
    assert row is not None
    return dict(row)
