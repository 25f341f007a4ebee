"""Giving money back: never more than was captured, whatever is asked at the same time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from currency.money import Money
from orchestrator import clock_port
from orchestrator.access import audit
from orchestrator.access.store import bind_idempotency
from orchestrator.approvals import service as approvals
from orchestrator.db import transaction
from orchestrator.errors import ClearwayError, Conflict, InvalidField, NotFound
from orchestrator.gateways.base import OperationKind
from orchestrator.ids import new_id
from orchestrator.ledger import store as ledger
from orchestrator.payments import answering, driver
from orchestrator.payments import store as payment_store
from orchestrator.payments.amounts import captures_of, left_minor
from orchestrator.payments.records import OperationRow, OperationState, Story
from orchestrator.payments.tidying import winner_of
from orchestrator.refunds import limits, store
from orchestrator.refunds.store import RefundRow
from routing.outcomes import OutcomeKind


class RefundStatus(StrEnum):
    """Where a refund stands."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    PARTLY_SUCCEEDED = "partly_succeeded"  # of a refund out of several captures some were refused
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
    given_back_minor: int = 0  # so far


async def create(
    merchant_id: str,
    payment_id: str,
    amount_minor: int | None,
    reason: str,
    idempotency_id: str | None = None,
    *,
    approval_id: str | None = None,
) -> RefundView:
    """Give back `amount_minor` of a captured payment; None means all that is left.

    Raises ApprovalNeeded above the merchant's limit without `approval_id`, which is then used up; NotFound, Conflict
    (nothing captured), PaymentDisputed, InvalidField (more than is left to give back).
    """
    async with transaction():
        payment = await payment_store.lock_payment(payment_id)
        if payment is None or payment.merchant_id != merchant_id:
            raise NotFound("payment", payment_id)
        story = await payment_store.story_of(payment)
        captures = refundable(story)
        if not captures:
            status = payment.status.value
            raise Conflict(f"The payment is {status}: nothing is captured that could be given back.")
        if await ledger.withheld_minor(payment_id) > 0:
            raise PaymentDisputed
        left = refundable_minor(story)
        amount = Money(left if amount_minor is None else amount_minor, payment.currency)
        if not 0 < amount.minor <= left:
            raise InvalidField("amount", f"must be between 1 and the {left} that are left to give back")
        if approval_id is None:
            await limits.refuse_alone(payment, reserved_minor(story), amount.minor)
        now = clock_port.now()
        errands = [
            await driver.send(
                story,
                story.attempt(capture.attempt_id),
                OperationKind.REFUND,
                part,
                now,
                target_operation_id=capture.id,
            )
            for capture, part in allocate(story, captures, amount)
        ]
        first, *more = [errand.operation.id for errand in errands]
        refund = RefundRow(new_id("ref"), payment_id, first, amount.minor, amount.currency, reason, now, more)
        await store.insert(refund)
        if idempotency_id:
            await bind_idempotency(idempotency_id, refund.id)
        if approval_id:
            await approvals.executed(approval_id, refund.id, now)
        said = {"payment_id": payment_id, "amount_minor": amount.minor, "currency": amount.currency, "reason": reason}
        await audit.record(merchant_id, audit.Action.REFUND_CREATED, refund.id, now, after=said)
    await asyncio.gather(*(answering.answer(payment_id, errand) for errand in errands))
    return await view(refund)


def refundable(story: Story) -> list[OperationRow]:
    """The captures that a refund may come out of: the winner's, for what was taken beside it goes back by itself."""
    winner = winner_of(story)
    return captures_of(story, winner.id if winner is not None else None)


def refundable_minor(story: Story) -> int:
    """What is left to give back; a refund that is under way counts until it is known to have failed."""
    return sum(left_minor(story, capture) for capture in refundable(story))


def allocate(story: Story, captures: list[OperationRow], amount: Money) -> list[tuple[OperationRow, Money]]:
    """Which capture gives back how much: the one that has it all, the oldest first, else one after the other.

    A gateway gives back no more of a capture than it took by it. The captures must have `amount` in all.
    """
    left = {capture.id: left_minor(story, capture) for capture in captures}
    whole = next((capture for capture in captures if left[capture.id] >= amount.minor), None)
    if whole is not None:
        return [(whole, amount)]
    parts, rest = [], amount.minor
    for capture in captures:
        part = min(rest, left[capture.id])
        if part:
            parts.append((capture, Money(part, amount.currency)))
        rest -= part
    return parts


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
    parts = [await payment_store.operation(id) for id in (refund.operation_id, *refund.more_operation_ids)]
    operations = [part for part in parts if part is not None]
    given = sum(op.amount_minor for op in operations if op.approved)
    return RefundView(refund, _status(operations), given)


def reserved_minor(story: Story) -> int:
    """What refunds have given back or may still give back: an open one counts until it is known to have failed."""
    return sum(
        op.amount_minor for op in story.operations if op.kind is OperationKind.REFUND and (op.open or op.approved)
    )


def _status(operations: list[OperationRow]) -> RefundStatus:
    if any(op.state is OperationState.NEEDS_REVIEW for op in operations):
        return RefundStatus.NEEDS_REVIEW
    if any(op.open for op in operations):
        return RefundStatus.PENDING
    succeeded = [op for op in operations if op.outcome is OutcomeKind.APPROVED]
    if len(succeeded) == len(operations):
        return RefundStatus.SUCCEEDED
    return RefundStatus.PARTLY_SUCCEEDED if succeeded else RefundStatus.FAILED
