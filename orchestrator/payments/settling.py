"""What the outcome of an operation changes, in one transaction: operation, attempt, ledger, events. Safe to repeat."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from msgspec import structs

from orchestrator.events import EventType
from orchestrator.gateways.base import OperationKind
from orchestrator.notifications.service import record
from orchestrator.payments import store
from orchestrator.payments.lifecycle import ATTEMPT_AFTER, AUTHORISING
from orchestrator.payments.postings import MOVES_MONEY, enter, is_taken_back
from orchestrator.payments.records import (
    AttemptRow,
    AttemptStatus,
    OperationRow,
    OperationState,
    SettledBy,
    Story,
)
from routing.outcomes import Outcome, OutcomeKind, RetryAction

FIRST_LOOK_S = 1  # an unknown is asked about this soon; the pauses then grow, see resolver
PENDING_LOOK_S = 60  # what a gateway said is pending is asked about after this, should its webhook not come first
_PAST_AUTHORISING = (AttemptStatus.AUTHORISED, AttemptStatus.CAPTURED, AttemptStatus.VOIDED)
_GATEWAYS_WORD = (SettledBy.WEBHOOK, SettledBy.LOOK_UP)  # of how things stand, not of one request for them

# Declines that are about our request or our keys, not about the card: an issuer never saw the request that got one,
# so it says nothing of another copy of the same request.
_ABOUT_OUR_QUESTION = frozenset(
    {"merchant_config", "rate_limited", "invalid_request", "invalid_state", "gateway_unavailable"}
)
_PROVES_NOTHING = frozenset(
    {
        "merchant_config",
        "rate_limited",
        "invalid_request",
        "invalid_state",
        "gateway_unavailable",
        "currency_not_supported",
        "token_invalid",
        "unknown_outcome",
        "duplicate_transaction",
        "unmapped",
    }
)


async def settle(story: Story, operation_id: str, outcome: Outcome, by: SettledBy, now: datetime) -> Story | None:
    """Apply an outcome to an operation of a payment that the caller has locked.

    Returns the story as it stands after it; None when it changes nothing.
    """
    operation = story.operation(operation_id)
    if not counts(operation, outcome, by):
        return None
    outcome = believed(operation, outcome)
    values = operation_values(operation, outcome, by, now)
    attempt = story.attempt(operation.attempt_id)
    moved = attempt_values(attempt, operation, outcome)
    await enter(story, attempt, operation, outcome, now)
    await store.update_operation(operation, values)
    if moved:
        await store.update_attempt(attempt.id, moved, now)
    await _tell(story, attempt, operation, outcome, now)
    return story.with_operation(structs.replace(operation, **values)).with_attempt(structs.replace(attempt, **moved))


def counts(operation: OperationRow, outcome: Outcome, by: SettledBy) -> bool:
    """Whether this news changes what is known of the operation.

    Once the resolver may have sent a second copy, one copy that was turned away at the door says nothing of the other.
    """
    if operation.state is OperationState.SETTLED:
        return _overturns(operation, outcome, by)
    if by is SettledBy.REPLY and operation.tries and operation.kind is not OperationKind.CREATE:
        return is_proof(outcome)
    return True


def _overturns(operation: OperationRow, outcome: Outcome, by: SettledBy) -> bool:
    """What is settled stays settled, with three exceptions.

    An action that was asked of the shopper ends, and the gateway may tell us before they do. An approval after what
    we had taken for refused or not reached is believed, because money moved: an incident, and the lifecycle gives it
    back where it must not be kept. And a gateway may take back a capture or refund that it had reported (Adyen's
    CAPTURE_FAILED, https://docs.adyen.com/online-payments/capture/failed-captures); that is its last word, also
    where it comes before the report.
    """
    if operation.kind is OperationKind.CREATE:  # no money can move by it, and the next attempt has begun since
        return False
    if operation.outcome is OutcomeKind.ACTION_REQUIRED:
        return outcome.kind in (OutcomeKind.APPROVED, OutcomeKind.DECLINED)
    if operation.kind in MOVES_MONEY:
        if operation.outcome is OutcomeKind.APPROVED:
            return outcome.kind is OutcomeKind.DECLINED and by in _GATEWAYS_WORD
        if operation.outcome is OutcomeKind.DECLINED and operation.settled_by in _GATEWAYS_WORD:
            return False
    return outcome.kind is OutcomeKind.APPROVED and operation.outcome is not OutcomeKind.APPROVED


def is_proof(outcome: Outcome) -> bool:
    """Whether the answer to one copy of a request tells what became of the request."""
    match outcome.kind:
        case OutcomeKind.APPROVED | OutcomeKind.ACTION_REQUIRED | OutcomeKind.PENDING:
            return True
        case OutcomeKind.DECLINED:
            return outcome.decline is not None and outcome.decline.reason not in _PROVES_NOTHING
        case OutcomeKind.UNKNOWN | OutcomeKind.NOT_REACHED:
            return False
        case _:
            assert_never(outcome.kind)


def believed(operation: OperationRow, outcome: Outcome) -> Outcome:
    """The outcome, or what it really says where it is not what it seems: UNKNOWN, or an action that is still open.

    Another amount than was asked is not an approval (design rule 1). A decline such as "duplicate transaction" says
    that the payment may exist already: it is asked about before anything else happens. And a refusal of our question
    how the shopper fared says nothing of the shopper.
    """
    refused_question = outcome.decline is not None and outcome.decline.reason in _ABOUT_OUR_QUESTION
    if operation.kind is OperationKind.COMPLETE and refused_question:
        return replace(outcome, kind=OutcomeKind.ACTION_REQUIRED, decline=None)
    other_amount = outcome.kind is OutcomeKind.APPROVED and outcome.amount not in (None, operation.amount)
    inquire = outcome.decline is not None and outcome.decline.action_cit is RetryAction.UNKNOWN_INQUIRE
    if not other_amount and not (inquire and operation.kind in AUTHORISING):
        return outcome
    detail = f"approved {outcome.amount} where {operation.amount} was asked" if other_amount else outcome.detail
    return replace(outcome, kind=OutcomeKind.UNKNOWN, amount=None, decline=None, detail=detail)


def operation_values(operation: OperationRow, outcome: Outcome, by: SettledBy, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {
        "outcome": outcome.kind,
        "settled_by": by,
        "decline": asdict(outcome.decline) if outcome.decline else None,
        "detail": outcome.detail[:500],
        "exchange": outcome.exchange or None,
    }
    if outcome.gateway_operation_id:
        values["gateway_operation_id"] = outcome.gateway_operation_id
    match outcome.kind:
        case OutcomeKind.UNKNOWN if operation.kind is not OperationKind.CREATE:
            values.update(state=OperationState.UNKNOWN, expires_at=now + timedelta(seconds=FIRST_LOOK_S))
        case OutcomeKind.PENDING:
            values.update(state=OperationState.PENDING, expires_at=now + timedelta(seconds=PENDING_LOOK_S))
        case _:
            values.update(state=OperationState.SETTLED, settled_at=now)
    return values


def attempt_values(attempt: AttemptRow, operation: OperationRow, outcome: Outcome) -> dict[str, Any]:
    values: dict[str, Any] = {}
    status = ATTEMPT_AFTER.get((operation.kind, outcome.kind))
    if operation.kind in AUTHORISING and attempt.status in _PAST_AUTHORISING:
        status = None
    if operation.kind is OperationKind.CAPTURE and is_taken_back(operation, outcome):
        status = AttemptStatus.AUTHORISED
    if status is not None:
        values["status"] = status
        values["decline"] = asdict(outcome.decline) if outcome.decline else None
        values["next_action"] = _next_action(attempt, status, outcome)
    if outcome.gateway_payment_id:
        values["gateway_payment_id"] = outcome.gateway_payment_id
    if operation.kind in AUTHORISING and outcome.gateway_operation_id:
        values["gateway_authorisation_id"] = outcome.gateway_operation_id
    return values


def _next_action(attempt: AttemptRow, status: AttemptStatus, outcome: Outcome) -> dict[str, Any] | None:
    if outcome.next_action is not None:
        return asdict(outcome.next_action)
    return attempt.next_action if status is AttemptStatus.ACTION_REQUIRED else None


async def _tell(story: Story, attempt: AttemptRow, operation: OperationRow, outcome: Outcome, now: datetime) -> None:
    """Incidents, and what became of refunds; of payments the driver tells."""
    merchant_id, payment_id = story.payment.merchant_id, story.payment.id
    data = {"operation": operation.id, "was": operation.outcome, "gateway": attempt.gateway}
    late = operation.state is OperationState.SETTLED and operation.outcome is not OutcomeKind.ACTION_REQUIRED
    if late and outcome.kind is not OutcomeKind.DECLINED:
        await record(EventType.LATE_SUCCESS, merchant_id, payment_id, data, now)
    if operation.kind is not OperationKind.REFUND:
        return
    if outcome.kind is OutcomeKind.APPROVED:
        await record(EventType.REFUND_SUCCEEDED, merchant_id, payment_id, {"operation": operation.id}, now)
    elif outcome.kind in (OutcomeKind.DECLINED, OutcomeKind.NOT_REACHED):
        await record(EventType.REFUND_FAILED, merchant_id, payment_id, {"operation": operation.id}, now)
