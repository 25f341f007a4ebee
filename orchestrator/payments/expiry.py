"""A gateway let an authorisation go by itself: kept as a void that nobody had to send, so that it counts once."""

from __future__ import annotations

from datetime import datetime

from msgspec import structs

from orchestrator.gateways.base import CaptureMode, OperationKind
from orchestrator.ids import new_id
from orchestrator.payments import store
from orchestrator.payments.records import (
    AttemptRow,
    AttemptStatus,
    Cause,
    OperationRow,
    OperationState,
    SettledBy,
    Story,
    operation_for,
)
from orchestrator.payments.settling import settle
from routing.outcomes import Outcome, OutcomeKind

KINDS = frozenset({"payment.expired", "payment.canceled"})  # of messages by which a gateway tells of it
_HELD = frozenset({AttemptStatus.AUTHORISED, AttemptStatus.CAPTURED})


def is_news(story: Story, attempt: AttemptRow, message_kind: str) -> bool:
    """Whether the message tells of an end that no operation of ours explains."""
    voids = story.operations_of(attempt.id, OperationKind.VOID)
    captures = story.operations_of(attempt.id, OperationKind.CAPTURE)
    explained = any(op.open or op.approved for op in voids) or any(op.final and op.approved for op in captures)
    held = attempt.status in _HELD and attempt.capture_mode is CaptureMode.MANUAL
    return message_kind in KINDS and held and not explained


async def hear(story: Story, attempt: AttemptRow, now: datetime, *, signed: bool) -> Story:
    """Write the end down in the caller's transaction, with the payment locked.

    `signed`: what the message says is all that there is, so it is believed. Else it is asked about, at once.
    """
    operation = ended(story, attempt, new_id("op"), now)
    await store.insert_operation(operation)
    story = Story(story.payment, story.attempts, [*story.operations, operation])
    if not signed:
        return story
    outcome = Outcome(OutcomeKind.APPROVED, operation.amount, detail="the gateway told that it let it go")
    return await settle(story, operation.id, outcome, SettledBy.WEBHOOK, now) or story


async def let_go(story: Story, attempt: AttemptRow, amount_minor: int, now: datetime) -> Story:
    """The merchant wants no more of it, and the gateway lets the rest go by itself: nothing is sent."""
    operation = structs.replace(
        ended(story, attempt, new_id("op"), now),
        state=OperationState.SETTLED,
        outcome=OutcomeKind.APPROVED,
        amount_minor=amount_minor,
        cause=Cause.RELEASED,
        detail=f"nothing was sent: {attempt.gateway} lets go of what a partial capture leaves by itself",
        settled_at=now,
    )
    await store.insert_operation(operation)
    return Story(story.payment, story.attempts, [*story.operations, operation])


def ended(story: Story, attempt: AttemptRow, operation_id: str, now: datetime) -> OperationRow:
    """The void that stands for it, still to be asked about."""
    void = operation_for(attempt, OperationKind.VOID, story.payment.amount, operation_id, now)
    return structs.replace(void, state=OperationState.UNKNOWN, cause=Cause.LAPSED)
