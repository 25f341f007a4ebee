"""What the outcome of an operation changes, in one transaction: operation, attempt, ledger, events. Safe to repeat."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from currency.money import Money
from orchestrator.events import EventType
from orchestrator.gateways.base import OperationKind
from orchestrator.ledger.service import AccountKey, AccountKind, Entry, JournalKind, References, post
from orchestrator.notifications.service import record
from orchestrator.payments import store
from orchestrator.payments.lifecycle import ATTEMPT_AFTER
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
_AUTHORISING = (OperationKind.CONFIRM, OperationKind.COMPLETE)
_PAST_AUTHORISING = (AttemptStatus.AUTHORISED, AttemptStatus.CAPTURED, AttemptStatus.VOIDED)


async def settle(story: Story, operation_id: str, outcome: Outcome, by: SettledBy, now: datetime) -> bool:
    """Apply an outcome to an operation of a payment that the caller has locked. False when it changes nothing.

    What is settled stays settled, with one exception: an approval that comes after we had taken the operation for
    refused or not reached is believed, because it means that money moved; it is an incident, and the lifecycle
    gives the money back where it must not be kept.
    """
    operation = story.operation(operation_id)
    if operation.state is OperationState.SETTLED and not _overturns(operation, outcome):
        return False
    outcome = _believed(operation, outcome)
    values = _operation_values(operation, outcome, by, now)
    if not await store.update_operation(operation_id, operation.state, values):
        return False
    attempt = story.attempt(operation.attempt_id)
    await _move_attempt(attempt, operation, outcome, now)
    if operation.state is OperationState.SETTLED and operation.outcome is not OutcomeKind.ACTION_REQUIRED:
        await record(
            EventType.LATE_SUCCESS,
            story.payment.merchant_id,
            story.payment.id,
            {"operation": operation.id, "was": operation.outcome, "gateway": attempt.gateway},
            now,
        )
    if outcome.kind is OutcomeKind.APPROVED:
        await _post(story, attempt, operation, outcome, now)
    if operation.kind is OperationKind.REFUND and outcome.kind in (OutcomeKind.APPROVED, OutcomeKind.DECLINED):
        kind = EventType.REFUND_SUCCEEDED if outcome.kind is OutcomeKind.APPROVED else EventType.REFUND_FAILED
        await record(kind, story.payment.merchant_id, story.payment.id, {"operation": operation.id}, now)
    return True


def _overturns(operation: OperationRow, outcome: Outcome) -> bool:
    if operation.outcome is OutcomeKind.ACTION_REQUIRED:  # the shopper acted, and the gateway tells us before they do
        return outcome.kind in (OutcomeKind.APPROVED, OutcomeKind.DECLINED)
    return outcome.kind is OutcomeKind.APPROVED and operation.outcome is not OutcomeKind.APPROVED


def _believed(operation: OperationRow, outcome: Outcome) -> Outcome:
    """The outcome, or UNKNOWN where it is not what it seems.

    Another amount than was asked is not an approval (design rule 1). A decline such as "duplicate transaction" says
    that the payment may exist already: it is asked about before anything else happens.
    """
    other_amount = outcome.kind is OutcomeKind.APPROVED and outcome.amount not in (None, operation.amount)
    inquire = outcome.decline is not None and outcome.decline.action_cit is RetryAction.UNKNOWN_INQUIRE
    if not other_amount and not (inquire and operation.kind in _AUTHORISING):
        return outcome
    detail = f"approved {outcome.amount} where {operation.amount} was asked" if other_amount else outcome.detail
    return replace(outcome, kind=OutcomeKind.UNKNOWN, amount=None, decline=None, detail=detail)


def _operation_values(operation: OperationRow, outcome: Outcome, by: SettledBy, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {
        "outcome": outcome.kind.value,
        "settled_by": by.value,
        "decline": asdict(outcome.decline) if outcome.decline else None,
        "detail": outcome.detail[:500],
        "exchange": outcome.exchange or None,
    }
    if outcome.gateway_operation_id:
        values["gateway_operation_id"] = outcome.gateway_operation_id
    match outcome.kind:
        case OutcomeKind.UNKNOWN if operation.kind is not OperationKind.CREATE:
            values.update(state=OperationState.UNKNOWN.value, expires_at=now + timedelta(seconds=FIRST_LOOK_S))
        case OutcomeKind.PENDING:
            values.update(state=OperationState.PENDING.value)
        case _:
            values.update(state=OperationState.SETTLED.value, settled_at=now)
    return values


async def _move_attempt(attempt: AttemptRow, operation: OperationRow, outcome: Outcome, now: datetime) -> None:
    values: dict[str, Any] = {}
    status = ATTEMPT_AFTER.get((operation.kind, outcome.kind))
    if operation.kind in _AUTHORISING and attempt.status in _PAST_AUTHORISING:
        status = None
    if status is not None:
        values["status"] = status.value
        values["decline"] = asdict(outcome.decline) if outcome.decline else None
        values["next_action"] = asdict(outcome.next_action) if outcome.next_action else None
    if outcome.gateway_payment_id:
        values["gateway_payment_id"] = outcome.gateway_payment_id
    if operation.kind in _AUTHORISING and outcome.gateway_operation_id:
        values["gateway_authorisation_id"] = outcome.gateway_operation_id
    if values:
        await store.update_attempt(attempt.id, values, now)


async def _post(
    story: Story, attempt: AttemptRow, operation: OperationRow, outcome: Outcome, now: datetime
) -> None:
    """The ledger's side of money that moved; other operations move none."""
    clearing = AccountKey(AccountKind.GATEWAY_CLEARING, attempt.gateway_account_id)
    amount: Money = operation.amount
    if operation.kind is OperationKind.CAPTURE:
        credit = AccountKey(AccountKind(story.payment.credit_kind))
        kind, entry = JournalKind.PAYMENT, Entry(debit=clearing, credit=credit, amount=amount)
    elif operation.kind is OperationKind.REFUND:
        kind, entry = JournalKind.REFUND, Entry(debit=AccountKey(AccountKind.REFUNDS), credit=clearing, amount=amount)
    else:
        return
    await post(
        f"{operation.kind.value}:{operation.id}",
        [entry],
        merchant_id=story.payment.merchant_id,
        kind=kind,
        at=now,
        memo=f"{operation.kind.value} at {attempt.gateway}",
        references=References(
            gateway_account_id=attempt.gateway_account_id,
            payment_id=story.payment.id,
            attempt_id=attempt.id,
            operation_id=operation.id,
            gateway_payment_id=outcome.gateway_payment_id or attempt.gateway_payment_id,
            gateway_operation_id=outcome.gateway_operation_id or operation.gateway_operation_id,
        ),
    )
