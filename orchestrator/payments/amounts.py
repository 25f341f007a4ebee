"""What is captured, given back, and left of either: summed from the operations, so that no news counts twice. Pure."""

from __future__ import annotations

from datetime import datetime

from currency.money import Money
from orchestrator.gateways.base import CaptureMode, OperationKind
from orchestrator.payments.records import AttemptRow, OperationRow, Story
from orchestrator.payments.states import HOLDS_MONEY


def captures_of(story: Story, attempt_id: str | None = None) -> list[OperationRow]:
    """The approved operations by which money was taken, oldest first."""
    return [op for op in story.operations if op.captures and op.approved and attempt_id in (None, op.attempt_id)]


def captured_minor(story: Story) -> int:
    """All that was taken, also where it was taken twice."""
    return sum(op.amount_minor for op in captures_of(story))


def refunded_minor(story: Story) -> int:
    """All that was given back."""
    return sum(op.amount_minor for op in story.operations if op.kind is OperationKind.REFUND and op.approved)


def captured_beside(story: Story, operation: OperationRow) -> Money:
    """What the other captures of the same attempt took: gateways tell their sum."""
    others = [op for op in captures_of(story, operation.attempt_id) if op.id != operation.id]
    return Money(sum(op.amount_minor for op in others), operation.currency)


def left_minor(story: Story, capture: OperationRow) -> int:
    """What of a capture was not given back; a refund that is under way counts until it is known to have failed."""
    given = [op for op in story.operations if op.kind is OperationKind.REFUND and op.target_operation_id == capture.id]
    return max(0, capture.amount_minor - sum(op.amount_minor for op in given if op.open or op.approved))


def capturable_minor(story: Story, attempt: AttemptRow, now: datetime) -> int:
    """What may still be captured of an authorisation; 0 once the last capture is sent, or it is voided or over."""
    if attempt.status not in HOLDS_MONEY or attempt.capture_mode is CaptureMode.AUTOMATIC or is_over(attempt, now):
        return 0
    standing = [op for op in story.operations_of(attempt.id) if op.open or op.approved]
    captures = [op for op in standing if op.kind is OperationKind.CAPTURE]
    if any(op.kind is OperationKind.VOID for op in standing) or any(op.final for op in captures):
        return 0
    return max(0, story.payment.amount_minor - sum(op.amount_minor for op in captures))


def is_over(attempt: AttemptRow, now: datetime) -> bool:
    """Whether the authorisation's time is over, as far as we know."""
    return attempt.capture_before is not None and attempt.capture_before <= now
