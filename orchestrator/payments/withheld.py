"""A dispute has taken the money already: what would give it back a second time is not sent, but left to a person."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from msgspec import structs

from currency.money import Money
from orchestrator.events import EventType
from orchestrator.gateways.base import OperationKind
from orchestrator.ids import new_id
from orchestrator.ledger import store as ledger
from orchestrator.notifications.service import record
from orchestrator.payments import store
from orchestrator.payments.records import Cause, OperationRow, OperationState, Story, operation_for
from orchestrator.payments.steps import Send, Step
from routing.outcomes import Decline, OutcomeKind, RetryAction

DISPUTED = "payment_disputed"
_WHY = "never sent: a dispute has withdrawn money of this payment, and this would give it back a second time"


async def is_to_be_held_back(story: Story, step: Step) -> bool:
    """Whether the step is a refund that nobody asked for, while a dispute holds or has taken money of the payment.

    The caller has locked the payment, as whoever books a dispute has, so that neither can overlook the other.
    """
    if not isinstance(step, Send) or step.kind is not OperationKind.REFUND or step.cause is not Cause.SURPLUS:
        return False
    return await ledger.withheld_minor(story.payment.id) > 0


async def hold_back(story: Story, send: Send, now: datetime) -> Story:
    """Keep the refund as one that was refused, for a person to look at, and tell. In the caller's transaction."""
    amount = Money(send.amount_minor, story.payment.currency)
    operation = structs.replace(
        operation_for(send.attempt, send.kind, amount, new_id("op"), now),
        state=OperationState.SETTLED,
        outcome=OutcomeKind.DECLINED,
        target_operation_id=send.target_operation_id,
        decline=asdict(Decline(DISPUTED, RetryAction.NONE, RetryAction.NONE, "")),
        detail=_WHY,
        settled_at=now,
        cause=send.cause,
    )
    await store.insert_operation(operation)
    data = {"operation": operation.id, "kind": operation.kind.value, "gateway": send.attempt.gateway}
    await record(EventType.PAYMENT_NEEDS_REVIEW, story.payment.merchant_id, story.payment.id, data, now)
    return Story(story.payment, story.attempts, [*story.operations, operation])


def was_held_back(operation: OperationRow) -> bool:
    """Whether it was never sent, for a dispute's sake."""
    return operation.settled_by is None and (operation.decline or {}).get("reason") == DISPUTED
