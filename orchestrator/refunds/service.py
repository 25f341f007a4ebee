"""Giving money back: never more than was captured, whatever is asked at the same time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from currency.money import Money
from orchestrator import clock_port
from orchestrator.access.store import bind_idempotency
from orchestrator.db import transaction
from orchestrator.errors import ClearwayError, Conflict, InvalidField, NotFound
from orchestrator.gateways.base import OperationKind
from orchestrator.ids import new_id
from orchestrator.ledger import store as ledger
from orchestrator.payments import driver
from orchestrator.payments import service as payments
from orchestrator.payments import store as payment_store
from orchestrator.payments.records import OperationRow, OperationState, Story
from orchestrator.refunds import store
from orchestrator.refunds.store import RefundRow
from routing.outcomes import OutcomeKind


class RefundStatus(StrEnum):
    """Where a refund stands."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NEEDS_REVIEW = "needs_review"


class PaymentDisputed(ClearwayError):
    """The customer has the money by a dispute, or will have it: a refund would be a second time."""

    status = 409
    code = "payment_disputed"

    def __init__(self) -> None:
        super().__init__(
            "The gateway has withdrawn money of this payment for a dispute. Accept the dispute instead of "
            "refunding, or answer it; once it is won a refund is possible again."
        )


@dataclass(frozen=True, slots=True)
class RefundView:
    """A refund with its present status."""

    refund: RefundRow
    status: RefundStatus


async def create(
    merchant_id: str, payment_id: str, amount_minor: int | None, reason: str, idempotency_id: str | None = None
) -> RefundView:
    """Give back `amount_minor` of a captured payment; None means all that is left.

    Raises NotFound, Conflict (nothing captured), PaymentDisputed, InvalidField (more than is left to give back).
    """
    async with transaction():
        payment = await payment_store.lock_payment(payment_id)
        if payment is None or payment.merchant_id != merchant_id:
            raise NotFound("payment", payment_id)
        story = await payment_store.story_of(payment)
        captured = _captured_operation(story)
        if await ledger.withheld_minor(payment_id) > 0:
            raise PaymentDisputed
        left = captured.amount_minor - reserved_minor(story)
        amount = Money(left if amount_minor is None else amount_minor, payment.currency)
        if not 0 < amount.minor <= left:
            raise InvalidField("amount", f"must be between 1 and the {left} that are left to give back")
        now = clock_port.now()
        errand = await driver.send(
            story,
            story.attempt(captured.attempt_id),
            OperationKind.REFUND,
            amount,
            now,
            target_operation_id=captured.id,
        )
        refund = RefundRow(new_id("ref"), payment_id, errand.operation.id, amount.minor, amount.currency, reason, now)
        await store.insert(refund)
        if idempotency_id:
            await bind_idempotency(idempotency_id, refund.id)
    await payments.answer(payment_id, errand)
    return await view(refund)


async def get(merchant_id: str, refund_id: str) -> RefundView:
    """Raises NotFound, also for another merchant's refund."""
    refund = await store.refund(refund_id)
    payment = await payment_store.payment(refund.payment_id) if refund else None
    if refund is None or payment is None or payment.merchant_id != merchant_id:
        raise NotFound("refund", refund_id)
    return await view(refund)


async def of_payment(payment_id: str) -> list[RefundView]:
    return [await view(refund) for refund in await store.refunds_of(payment_id)]


async def view(refund: RefundRow) -> RefundView:
    """The refund with the status that its operation has by now."""
    operation = await payment_store.operation(refund.operation_id)
    assert operation is not None
    return RefundView(refund, _status(operation))


def reserved_minor(story: Story) -> int:
    """What refunds have given back or may still give back: an open one counts until it is known to have failed."""
    return sum(
        op.amount_minor for op in story.operations if op.kind is OperationKind.REFUND and (op.open or op.approved)
    )


def _captured_operation(story: Story) -> OperationRow:
    captures = [op for op in story.operations if op.kind is OperationKind.CAPTURE and op.approved]
    if not captures:
        raise Conflict(f"The payment is {story.payment.status.value}: nothing is captured that could be given back.")
    return captures[0]


def _status(operation: OperationRow) -> RefundStatus:
    if operation.state is OperationState.NEEDS_REVIEW:
        return RefundStatus.NEEDS_REVIEW
    if operation.open:
        return RefundStatus.PENDING
    return RefundStatus.SUCCEEDED if operation.outcome is OutcomeKind.APPROVED else RefundStatus.FAILED
