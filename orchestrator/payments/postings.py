"""The ledger's side of a payment's operations: money that moved, or that had not moved after all."""

from __future__ import annotations

from datetime import datetime

from orchestrator.gateways.base import OperationKind
from orchestrator.ledger.service import AccountKey, AccountKind, Entry, JournalKind, References, post, reversal_key
from orchestrator.payments.records import AttemptRow, OperationRow, Story
from routing.outcomes import Outcome, OutcomeKind

MOVES_MONEY = (OperationKind.CAPTURE, OperationKind.REFUND)


async def enter(story: Story, attempt: AttemptRow, operation: OperationRow, outcome: Outcome, now: datetime) -> None:
    """The ledger's side of money that moved, or that had not moved after all; other operations move none."""
    taken_back = is_taken_back(operation, outcome)
    if operation.kind not in MOVES_MONEY or not (outcome.kind is OutcomeKind.APPROVED or taken_back):
        return
    clearing = AccountKey(AccountKind.GATEWAY_CLEARING, attempt.gateway_account_id)
    if operation.kind is OperationKind.CAPTURE:
        credit = AccountKey(AccountKind(story.payment.credit_kind))
        kind, entry = JournalKind.PAYMENT, Entry(debit=clearing, credit=credit, amount=operation.amount)
    else:
        debit = AccountKey(AccountKind.REFUNDS)
        kind, entry = JournalKind.REFUND, Entry(debit=debit, credit=clearing, amount=operation.amount)
    key, memo = f"{operation.kind.value}:{operation.id}", f"{operation.kind.value} at {attempt.gateway}"
    if taken_back:
        entry = Entry(debit=entry.credit, credit=entry.debit, amount=entry.amount)
        kind, key, memo = JournalKind.REVERSAL, reversal_key(key), f"{memo} taken back"
    await post(
        key,
        [entry],
        merchant_id=story.payment.merchant_id,
        kind=kind,
        at=now,
        memo=memo,
        references=References(
            gateway_account_id=attempt.gateway_account_id,
            payment_id=story.payment.id,
            attempt_id=attempt.id,
            operation_id=operation.id,
            gateway_payment_id=outcome.gateway_payment_id or attempt.gateway_payment_id,
            gateway_operation_id=outcome.gateway_operation_id or operation.gateway_operation_id,
        ),
    )


def is_taken_back(operation: OperationRow, outcome: Outcome) -> bool:
    """`operation` as it was before `outcome`."""
    return operation.approved and outcome.kind is OutcomeKind.DECLINED
