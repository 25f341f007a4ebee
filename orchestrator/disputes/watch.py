"""What becomes due about a dispute: reminders of the deadline, calls whose answer was lost, a payment not found yet."""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.disputes import news, store
from orchestrator.disputes.booking import tell
from orchestrator.disputes.errors import Unread
from orchestrator.disputes.records import ActionKind, ActionRow, ActionState, DisputeKind, DisputeRow
from orchestrator.disputes.settling import Conclusion, conclude, leave_to_a_person
from orchestrator.events import EventType
from orchestrator.gateways import connections
from orchestrator.outbox import Later
from routing.outcomes import OutcomeKind

REMIND_DAYS = (3, 1)  # before the evidence is due
ASK_AGAIN = timedelta(minutes=5)
SURE_AFTER = timedelta(minutes=10)  # an answer that the gateway does not show by then never reached it
GIVE_UP_AFTER = timedelta(hours=24)  # of asking; then a person looks
UNMATCHED_PAUSE = timedelta(hours=1)
UNMATCHED_GIVE_UP_AFTER = timedelta(days=3)


async def watch(dispute_id: str) -> Later | None:
    """Look at the dispute, do what is due, and say when to look again. Safe to repeat, and to break off anywhere."""
    row = await store.dispute(dispute_id)
    if row is None:
        return None
    now = clock_port.now()
    times = [await _settle_open(row, now), await _match(row, now), await _remind(dispute_id, now)]
    due = [at for at in times if at is not None]
    return Later(min(due)) if due else None


async def _settle_open(row: DisputeRow, now: datetime) -> datetime | None:
    """Ask what became of a call of which nobody can still hear the answer."""
    opened = [action for action in await store.actions_of(row.id) if action.open]
    if not opened:
        return None
    action = opened[-1]
    if action.state is ActionState.SENT and action.expires_at > now:
        return action.expires_at
    is_read = await _read(row)  # which settles it where the gateway shows it
    async with transaction():
        held = await store.lock(row.id)
        assert held is not None
        (present,) = [found for found in await store.actions_of(row.id) if found.id == action.id]
        if not present.open:
            return None
        return await _judge(held, present, now, is_read=is_read)


async def _judge(row: DisputeRow, action: ActionRow, now: datetime, *, is_read: bool) -> datetime | None:
    """The gateway does not show it: it never arrived, or that cannot be seen there."""
    age = now - action.sent_at
    # an inquiry looks the same with and without an answer; whether a chargeback was answered, or given in, shows
    shows_it = action.kind is ActionKind.ACCEPT or row.kind is DisputeKind.CHARGEBACK
    if is_read and row.awaits_answer and shows_it and age >= SURE_AFTER and action.expires_at <= now:
        await conclude(row, action, Conclusion(OutcomeKind.NOT_REACHED, "the gateway shows no trace of it"), now)
        return None
    if age >= GIVE_UP_AFTER or (is_read and not row.awaits_answer):
        await leave_to_a_person(row, action, now)
        return None
    if action.state is ActionState.SENT:
        await conclude(row, action, Conclusion(OutcomeKind.UNKNOWN, "no answer came"), now)
    return now + ASK_AGAIN


async def _match(row: DisputeRow, now: datetime) -> datetime | None:
    """A dispute that came before we knew its capture finds its payment when it is read again."""
    if row.payment_id is not None or now - row.created_at > UNMATCHED_GIVE_UP_AFTER:
        return None
    if now - row.created_at < UNMATCHED_PAUSE:
        return row.created_at + UNMATCHED_PAUSE
    await _read(row)
    return now + UNMATCHED_PAUSE


async def _read(row: DisputeRow) -> bool:
    """Whether the gateway told how the dispute stands now; what it told is applied."""
    connection = await connections.connect(row.gateway_account_id)
    if not news.can_be_read(connection.gateway):
        return False
    try:
        await news.read(connection, row.gateway_dispute_id)
    except Unread:
        return False
    return True


async def _remind(dispute_id: str, now: datetime) -> datetime | None:
    """Tell of a deadline that is near, once for each of REMIND_DAYS; the next time to look."""
    async with transaction():
        row = await store.lock(dispute_id)
        assert row is not None
        due_at = row.evidence_due_at
        if due_at is None or not row.awaits_answer or due_at <= now:
            return None
        actions = await store.actions_of(row.id)
        if row.kind is DisputeKind.INQUIRY and any(one.kind is ActionKind.EVIDENCE and one.approved for one in actions):
            return None  # an inquiry that was answered looks like one that was not
        told = row.reminded_days if row.reminded_for == due_at else None
        near = [days for days in REMIND_DAYS if now >= due_at - timedelta(days=days)]
        if near and (told is None or min(near) < told):
            days = min(near)
            await store.update(row.id, {"reminded_for": due_at, "reminded_days": days}, row.updated_at)
            await tell(EventType.DISPUTE_EVIDENCE_DUE_SOON, row, now, days_left=days)
        later = [at for days in REMIND_DAYS if (at := due_at - timedelta(days=days)) > now]
        return min(later) if later else None
