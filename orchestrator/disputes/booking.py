"""What a dispute's standing changes, in the caller's transaction: the row, the ledger, events. Safe to repeat."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import structs

from currency.money import Money
from orchestrator import outbox
from orchestrator.disputes import store
from orchestrator.disputes.errors import ImpossibleNews
from orchestrator.disputes.lifecycle import OVER, TRANSITIONS, Held, Move, MoveKind, Standing, moves
from orchestrator.disputes.records import DisputeRow
from orchestrator.events import EventType
from orchestrator.gateways.base import OperationKind
from orchestrator.gateways.facets import DisputeStatus
from orchestrator.ledger.service import AccountKey, AccountKind, Entry, JournalKind, References, post
from orchestrator.notifications.service import record
from orchestrator.payments.amounts import captured_minor
from orchestrator.payments.records import Story

WATCH = "dispute.watch"  # topic: deadlines, and calls whose answer was lost

_EVENT_OF = {
    DisputeStatus.WON: EventType.DISPUTE_WON,
    DisputeStatus.LOST: EventType.DISPUTE_LOST,
    DisputeStatus.ACCEPTED: EventType.DISPUTE_ACCEPTED,
}


async def bring_up(
    row: DisputeRow, standing: Standing, facts: dict[str, Any], story: Story | None, now: datetime, *, is_new: bool
) -> DisputeRow:
    """Make the dispute stand so, with `facts` (other columns), and book and tell what that means.

    The caller has locked the payment, if it is known, and the dispute. Raises ImpossibleNews.
    """
    _require_possible(row, standing, is_new)
    held = Held(row.kind, row.withdrawals, row.withdrawn_minor, row.written_off_minor)
    due, held = moves(held, standing)
    values: dict[str, Any] = {
        **facts,
        "kind": standing.kind,
        "status": standing.status,
        "amount_minor": standing.amount.minor,
        "currency": standing.amount.currency,
        "withdrawals": held.withdrawals,
        "withdrawn_minor": held.withdrawn_minor,
        "written_off_minor": held.written_off_minor,
        "postings": row.postings + len(due),
        "closed_at": (row.closed_at or now) if standing.status in OVER else None,
    }
    after = structs.replace(row, **values)
    if after == row and not is_new:
        return row
    after = structs.replace(after, version=row.version + 1, updated_at=now)
    stored = {**values, "kind": standing.kind.value, "status": standing.status.value, "version": after.version}
    await store.update(row.id, stored, now)
    for number, move in enumerate(due, row.postings + 1):
        await _post(after, move, number, now)
    await _tell(None if is_new else row, after, now)
    is_news = any(move.kind is MoveKind.WITHDRAWN for move in due) or after.payment_id != row.payment_id
    if story is not None and held.withdrawn_minor and is_news:
        await _look_for_refunds(after, story, now)
    await outbox.enqueue(WATCH, row.id, now)
    return after


def _require_possible(row: DisputeRow, standing: Standing, is_new: bool) -> None:
    if is_new:
        return
    if standing.status is not row.status and standing.status not in TRANSITIONS[row.status]:
        raise ImpossibleNews(f"dispute {row.id} is {row.status}: it cannot become {standing.status}")
    if standing.amount.currency != row.currency and row.postings:
        raise ImpossibleNews(f"dispute {row.id} is in {row.currency}: it cannot be in {standing.amount.currency} now")


async def _post(dispute: DisputeRow, move: Move, number: int, now: datetime) -> None:
    clearing = AccountKey(AccountKind.GATEWAY_CLEARING, dispute.gateway_account_id)
    disputed = AccountKey(AccountKind.DISPUTES, dispute.gateway_account_id)
    lost = AccountKey(AccountKind.CHARGEBACKS)
    kind, debit, credit = {
        MoveKind.WITHDRAWN: (JournalKind.DISPUTE, disputed, clearing),
        MoveKind.RETURNED: (JournalKind.DISPUTE_REVERSAL, clearing, disputed),
        MoveKind.LOST: (JournalKind.DISPUTE_LOSS, lost, disputed),
        MoveKind.RECOVERED: (JournalKind.DISPUTE_LOSS, disputed, lost),
    }[move.kind]
    await post(
        f"dispute:{dispute.id}:{number}:{move.kind.value}",
        [Entry(debit, credit, Money(move.minor, dispute.currency))],
        merchant_id=dispute.merchant_id,
        kind=kind,
        at=now,
        memo=f"dispute {dispute.gateway_dispute_id} at {dispute.gateway}: {move.kind.value}",
        references=References(
            gateway_account_id=dispute.gateway_account_id,
            payment_id=dispute.payment_id or "",
            attempt_id=dispute.attempt_id or "",
            gateway_payment_id=dispute.gateway_payment_id,
            gateway_operation_id=dispute.gateway_dispute_id,
        ),
    )


async def _tell(before: DisputeRow | None, after: DisputeRow, now: datetime) -> None:
    """One event for each new status, and one for what else a merchant would want to know."""
    if before is None:
        await tell(EventType.DISPUTE_OPENED, after, now)
        if after.payment_id is None:
            await tell(EventType.DISPUTE_UNMATCHED, after, now)
    if after.status in _EVENT_OF:
        if before is None or before.status is not after.status:
            await tell(_EVENT_OF[after.status], after, now)
    elif before is not None and shown(before) != shown(after):
        await tell(EventType.DISPUTE_UPDATED, after, now)


def shown(row: DisputeRow) -> dict[str, Any]:
    """A dispute in an event."""
    return {
        "payment_id": row.payment_id,
        "gateway": row.gateway,
        "gateway_dispute_id": row.gateway_dispute_id,
        "kind": row.kind.value,
        "status": row.status.value,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "funds_withdrawn": bool(row.withdrawn_minor),
        "reason": row.reason,
        "evidence_due_at": row.evidence_due_at.isoformat() if row.evidence_due_at else None,
    }


async def tell(event: EventType, row: DisputeRow, now: datetime, **more: Any) -> None:
    await record(event, row.merchant_id, row.id, {**shown(row), **more}, now)


async def _look_for_refunds(dispute: DisputeRow, story: Story, now: datetime) -> None:
    """A refund that is given or on its way, and now the money is withdrawn too: the customer would get it twice."""
    refunds = [op for op in story.operations if op.kind is OperationKind.REFUND and (op.open or op.approved)]
    captured = captured_minor(story)
    given = sum(op.amount_minor for op in refunds)
    comparable = dispute.currency == story.payment.currency
    if not refunds or (comparable and given + dispute.withdrawn_minor <= captured):
        return
    data = {**shown(dispute), "dispute_id": dispute.id, "refund_operations": [op.id for op in refunds]}
    await record(EventType.REFUND_AND_DISPUTE, dispute.merchant_id, story.payment.id, data, now)
