"""What the outcome of an operation changes, in one transaction: operation, attempt, ledger, events. Safe to repeat."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from msgspec import structs

from orchestrator.events import EventType
from orchestrator.gateways.base import OperationKind
from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.registry import KINDS
from orchestrator.notifications.service import record
from orchestrator.payments import kept, store
from orchestrator.payments.outcomes import believed, consequences, counts, takes_money
from orchestrator.payments.postings import enter
from orchestrator.payments.records import (
    IN_PART,
    AttemptRow,
    AttemptStatus,
    Cause,
    OperationRow,
    OperationState,
    SettledBy,
    Story,
)
from orchestrator.payments.states import AUTHORISING
from orchestrator.payments.tidying import given_up
from routing.outcomes import Outcome, OutcomeKind


async def settle(story: Story, operation_id: str, outcome: Outcome, by: SettledBy, now: datetime) -> Story | None:
    """Apply an outcome to an operation of a payment that the caller has locked.

    Returns the story as it stands after it; None when it changes nothing.
    """
    operation = story.operation(operation_id)
    if not counts(operation, outcome, by):
        return None
    attempt = story.attempt(operation.attempt_id)
    outcome = believed(operation, outcome, confirmed=_is_last_word(attempt, by))
    outcome = _with_end(attempt, operation, outcome, now)
    booked = structs.replace(operation, captures=takes_money(story, operation))
    await enter(story, attempt, booked, outcome, now)
    changed = consequences(story, operation, outcome, by, now)
    for row, values in changed.operations:
        await store.update_operation(row, values)
    if changed.attempt_values:
        await store.update_attempt(attempt.id, changed.attempt_values, now)
    await kept.note(story, attempt, operation, outcome, now)
    await _tell(story, attempt, operation, outcome, by, now)
    return changed.in_story(story)


def _is_last_word(attempt: AttemptRow, by: SettledBy) -> bool:
    """Whether nothing better can be asked: a gateway that can be read is read before a part of it is undone."""
    return by is SettledBy.LOOK_UP or not KINDS[attempt.gateway].capabilities.can(Verb.LOOK_UP)


def _with_end(attempt: AttemptRow, operation: OperationRow, outcome: Outcome, now: datetime) -> Outcome:
    """The end of the authorisation: the gateway's own, else as long as its documentation says that one lives."""
    approves = operation.kind in AUTHORISING and outcome.kind is OutcomeKind.APPROVED and not operation.captures
    if not approves or outcome.capture_before is not None or attempt.capture_before is not None:
        return outcome
    days = KINDS[attempt.gateway].capabilities.authorisation.days
    return replace(outcome, capture_before=now + timedelta(days=days))


async def _tell(
    story: Story, attempt: AttemptRow, operation: OperationRow, outcome: Outcome, by: SettledBy, now: datetime
) -> None:
    """Incidents, and what became of captures and refunds; of payments the driver tells."""
    merchant_id, payment_id = story.payment.merchant_id, story.payment.id
    data = {"operation": operation.id, "kind": operation.kind.value, "gateway": attempt.gateway}
    if outcome.decline is not None and outcome.decline.reason == IN_PART and not operation.in_part:
        await record(EventType.AUTHORISED_IN_PART, merchant_id, payment_id, data | {"detail": outcome.detail}, now)
    if outcome.kind is not OutcomeKind.DECLINED and _is_late(story, attempt, operation, outcome):
        await record(EventType.LATE_SUCCESS, merchant_id, payment_id, data | {"was": operation.outcome}, now)
    if outcome.kind is OutcomeKind.DECLINED:
        if operation.captures and (by is not SettledBy.REPLY or operation.approved):
            await record(EventType.PAYMENT_CAPTURE_FAILED, merchant_id, payment_id, data, now)
        elif operation.cause is Cause.SURPLUS:  # money that must not be kept, and the gateway does not take it back
            await record(EventType.PAYMENT_NEEDS_REVIEW, merchant_id, payment_id, data, now)
    if operation.kind is not OperationKind.REFUND:
        return
    if outcome.kind is OutcomeKind.APPROVED:
        await record(EventType.REFUND_SUCCEEDED, merchant_id, payment_id, {"operation": operation.id}, now)
    elif outcome.kind in (OutcomeKind.DECLINED, OutcomeKind.NOT_REACHED):
        await record(EventType.REFUND_FAILED, merchant_id, payment_id, {"operation": operation.id}, now)


def _is_late(story: Story, attempt: AttemptRow, operation: OperationRow, outcome: Outcome) -> bool:
    """Whether a success comes after the payment, or the attempt, was taken to be without one."""
    if operation.state is OperationState.SETTLED and operation.outcome is not OutcomeKind.ACTION_REQUIRED:
        return True
    takes = operation.kind in AUTHORISING or operation.captures
    after_the_end = given_up(story.payment) or attempt.status is AttemptStatus.ABANDONED
    return outcome.kind is OutcomeKind.APPROVED and takes and after_the_end
