"""The ledger's side of a payment's operations: money that moved, or that had not moved after all."""

from __future__ import annotations

from datetime import datetime

from currency.money import Money
from orchestrator.gateways.base import OperationKind
from orchestrator.ledger import rules
from orchestrator.ledger.chart import AccountKind
from orchestrator.ledger.entries import Entry, References
from orchestrator.ledger.service import JournalKind, post, reversal_key
from orchestrator.payments import split_transfers
from orchestrator.payments.records import AttemptRow, Cause, OperationRow, Story
from orchestrator.payments.splitting import follow_the_capture
from routing.outcomes import Outcome, OutcomeKind

MOVES_MONEY = (OperationKind.CAPTURE, OperationKind.REFUND)


async def enter(story: Story, attempt: AttemptRow, operation: OperationRow, outcome: Outcome, now: datetime) -> None:
    """The ledger's side of money that moved, or that had not moved after all; other operations move none.

    Where recipients have parts of it, they are posted with it, and sent or taken back after it.
    """
    taken_back = is_taken_back(operation, outcome)
    moves = operation.kind in MOVES_MONEY or operation.moves_money
    if not moves or not (outcome.kind is OutcomeKind.APPROVED or taken_back):
        return
    kind, entries = _entries(story, attempt, operation)
    references = _references(story, attempt, operation, outcome)
    memo = f"{operation.kind.value} at {attempt.gateway}"
    await _post(story, f"{kind_of_key(operation)}:{operation.id}", kind, entries, memo, references, now, taken_back)
    if not operation.splits:
        return
    if not follow_the_capture(attempt.gateway):  # the gateway did it in the same movement
        key, given = f"split:{operation.id}", _given(attempt, operation)
        memo = f"recipients' parts at {attempt.gateway}"
        await _post(story, key, JournalKind.SPLIT_TRANSFER, given, memo, references, now, taken_back)
    else:
        await split_transfers.plan(story, attempt, operation, outcome, now, taken_back=taken_back)


def is_taken_back(operation: OperationRow, outcome: Outcome) -> bool:
    """`operation` as it was before `outcome`."""
    return operation.approved and outcome.kind is OutcomeKind.DECLINED


def kind_of_key(operation: OperationRow) -> str:
    """What the key of its journal begins with: an authorisation that takes the money at once is a capture too."""
    return "refund" if operation.kind is OperationKind.REFUND else "capture"


def _parts(operation: OperationRow) -> dict[str, Money]:
    return {part.recipient_id: Money(part.amount_minor, operation.currency) for part in operation.splits or ()}


def _entries(story: Story, attempt: AttemptRow, operation: OperationRow) -> tuple[JournalKind, list[Entry]]:
    account_id, parts = attempt.gateway_account_id, _parts(operation)
    credit = AccountKind(story.payment.credit_kind)
    if operation.kind is OperationKind.REFUND:
        debit = credit if operation.cause is Cause.SURPLUS else AccountKind.REFUNDS
        return JournalKind.REFUND, rules.refunded(operation.amount, account_id, parts, debit)
    return JournalKind.PAYMENT, rules.captured(operation.amount, account_id, credit, parts)


def _given(attempt: AttemptRow, operation: OperationRow) -> list[Entry]:
    given = rules.handed_over(attempt.gateway_account_id, _parts(operation))
    return rules.taken_back(given) if operation.kind is OperationKind.REFUND else given


def _references(story: Story, attempt: AttemptRow, operation: OperationRow, outcome: Outcome) -> References:
    return References(
        gateway_account_id=attempt.gateway_account_id,
        payment_id=story.payment.id,
        attempt_id=attempt.id,
        operation_id=operation.id,
        gateway_payment_id=outcome.gateway_payment_id or attempt.gateway_payment_id,
        gateway_operation_id=outcome.gateway_operation_id or operation.gateway_operation_id,
    )


async def _post(
    story: Story,
    key: str,
    kind: JournalKind,
    entries: list[Entry],
    memo: str,
    references: References,
    now: datetime,
    taken_back: bool,
) -> None:
    if taken_back:
        entries, kind = rules.taken_back(entries), JournalKind.REVERSAL
        key, memo = reversal_key(key), f"{memo} taken back"
    await post(key, entries, merchant_id=story.payment.merchant_id, kind=kind, at=now, memo=memo, references=references)
