"""Recipients' parts of a payment: what of each operation is whose.

The parts of an operation are fixed in its row before it is sent, so that it is the same request each time; from then on
ledger, transfers and refunds go by what is written there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from currency.money import Money
from orchestrator.gateways import registry
from orchestrator.gateways.base import OperationKind, Split
from orchestrator.payments.records import AttemptRow, OperationRow, Story
from orchestrator.recipients import service as recipients
from orchestrator.recipients.records import Part
from orchestrator.recipients.shares import OURS, next_parts


async def parts_of(
    story: Story, attempt: AttemptRow, kind: OperationKind, amount: Money, target_operation_id: str | None = None
) -> list[Part] | None:
    """Whose parts the next operation of an attempt moves; None where the payment has no splits, or it moves none."""
    if not story.payment.splits or kind is OperationKind.VOID:
        return None
    match kind:
        case OperationKind.CAPTURE:
            shares = _of_capture(story, attempt, amount)
        case OperationKind.REFUND:
            shares = _of_refund(story, amount, target_operation_id)
        case _:
            shares = {part.recipient_id: part.amount_minor for part in story.payment.splits}
    ids = await _gateway_ids(story, attempt)
    return [Part(name, minor, None, ids.get(name, "")) for name, minor in shares.items() if minor and name != OURS]


def _of_capture(story: Story, attempt: AttemptRow, amount: Money) -> dict[str, int]:
    """Each capture of the attempt gets on towards the whole: after the last one everybody has exactly its part."""
    whole = _with_ours(story.payment.splits, story.payment.amount_minor)
    earlier = [op for op in story.operations_of(attempt.id, OperationKind.CAPTURE) if op.open or op.approved]
    return next_parts(amount.minor, whole, _moved(earlier, whole))


def _of_refund(story: Story, amount: Money, target_operation_id: str | None) -> dict[str, int]:
    """In proportion to the capture that is given back; when all of it is, everybody has given all of theirs back."""
    capture = story.operation(target_operation_id or "")
    whole = _with_ours(capture.splits, capture.amount_minor)
    earlier = [
        op
        for op in story.operations
        if op.kind is OperationKind.REFUND and op.target_operation_id == capture.id and (op.open or op.approved)
    ]
    return next_parts(amount.minor, whole, _moved(earlier, whole))


def _with_ours(parts: Sequence[Part] | None, amount_minor: int) -> dict[str, int]:
    shares = {part.recipient_id: part.amount_minor for part in parts or ()}
    return {**shares, OURS: amount_minor - sum(shares.values())}


def _moved(operations: Sequence[OperationRow], whole: Mapping[str, int]) -> dict[str, int]:
    moved = dict.fromkeys(whole, 0)
    for operation in operations:
        for name, minor in _with_ours(operation.splits, operation.amount_minor).items():
            moved[name] += minor
    return moved


async def _gateway_ids(story: Story, attempt: AttemptRow) -> dict[str, str]:
    """The recipients' ids at the attempt's account: as its first operation had them, whatever was changed since."""
    for operation in story.operations_of(attempt.id):
        if operation.splits:
            return {part.recipient_id: part.gateway_recipient_id for part in operation.splits}
    names = [part.recipient_id for part in story.payment.splits or ()]
    return await recipients.gateway_ids(names, attempt.gateway_account_id)


def follow_the_capture(gateway: str) -> bool:
    """Whether a gateway's recipients are paid by transfers after the capture, not with the payment."""
    return registry.kind_of(gateway).splits_after_capture


def splits_of_call(attempt: AttemptRow, operation: OperationRow) -> tuple[Split, ...]:
    """The parts as they go into the request; none where transfers follow."""
    if not operation.splits or follow_the_capture(attempt.gateway):
        return ()
    return tuple(
        Split(part.gateway_recipient_id, Money(part.amount_minor, operation.currency), part.recipient_id)
        for part in operation.splits
    )
