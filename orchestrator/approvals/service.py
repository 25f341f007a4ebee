"""A second pair of eyes: what one actor asks for, another has to approve before it is done.

An actor is a key, a user, or the machine's shell. Nobody approves a request of their own, and nobody who was made after
it: else whoever stole a session could make the second person. A key's maker has seen its secret, so that a key is its
maker's own: neither approves for the other, nor do two keys of one maker.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from orchestrator import clock_port, outbox
from orchestrator.access import actor
from orchestrator.access.actor import Actor, ActorKind
from orchestrator.approvals import store
from orchestrator.approvals.states import ApprovalKind, ApprovalState
from orchestrator.approvals.store import ApprovalRow
from orchestrator.db import transaction
from orchestrator.errors import ClearwayError, Conflict, NotFound
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.notifications.service import record
from orchestrator.settings import get_settings

TOPIC, MAIL = "approval.look", "approval.mail"
# Of these every admin is told by mail, at each step.
_MAILED = frozenset({ApprovalKind.BANK_DETAILS, ApprovalKind.POLICY})


class OwnRequest(ClearwayError):
    """Whoever asked cannot be whoever approves, nor have made the key that does."""

    status = 403
    code = "approval_own_request"

    def __init__(self) -> None:
        super().__init__(
            "You asked for this yourself, or one of you made the other's API key: another user, or a key that neither "
            "made, has to approve it. You may withdraw it."
        )


class ApproverTooNew(ClearwayError):
    """The approver was made after the request, or is no member of the merchant."""

    status = 403
    code = "approver_too_new"

    def __init__(self) -> None:
        super().__init__("Only a user or key that was there before the request may approve it.")


def actor_name(who: Actor | None = None) -> str:
    """Who acts, as it is stored: `key:key_…`, `user:usr_…`, `shell:`."""
    acting = who or actor.current()
    return f"{acting.kind.value}:{acting.id}"


async def ask(
    kind: ApprovalKind, merchant_id: str, subject: str, payload: dict[str, Any], event_data: dict[str, Any]
) -> ApprovalRow:
    """Keep a request of the present actor, in the caller's transaction. `event_data` is what is told to the outside.

    Raises Conflict while another request for the same thing is open.
    """
    if await store.open_one(merchant_id, kind, subject) is not None:
        raise Conflict("A request for this is open already: approve it, or reject it and ask again.")
    now = clock_port.now()
    row = ApprovalRow(
        id=new_id("apr"),
        merchant_id=merchant_id,
        kind=kind,
        subject=subject,
        payload={**payload, "told": event_data},
        state=ApprovalState.PENDING,
        requested_by=actor_name(),
        requested_at=now,
        expires_at=now + timedelta(hours=get_settings().limits.approval_open_h),
    )
    await store.insert(row)
    await outbox.enqueue(TOPIC, row.id, row.expires_at)
    await _tell(EventType.APPROVAL_REQUESTED, row, now)
    return row


async def get(merchant_id: str, approval_id: str) -> ApprovalRow:
    """Raises NotFound, also for another merchant's."""
    row = await store.approval(approval_id)
    if row is None or row.merchant_id != merchant_id:
        raise NotFound("approval", approval_id)
    return row


async def approve(merchant_id: str, approval_id: str, note: str = "") -> ApprovalRow:
    """The present actor approves. It is done at `due_at`: at once, or after the time in which it can be stopped.

    Raises NotFound, Conflict (not pending any more), OwnRequest, ApproverTooNew.
    """
    now, who = clock_port.now(), actor.current()
    async with transaction():
        row = await _locked(merchant_id, approval_id)
        if row.state is not ApprovalState.PENDING or row.expires_at <= now:
            raise _not_open(row, now)
        since = await _since(who, merchant_id)
        if since is None or since > row.requested_at:
            raise ApproverTooNew
        mine = await store.hands_of(merchant_id, actor_name(who))
        if mine & await store.hands_of(merchant_id, row.requested_by):
            raise OwnRequest
        due_at = now + _cooling(row.kind)
        await store.approve(row.id, actor_name(who), now, note, due_at)
        await outbox.postpone(TOPIC, row.id, due_at)
        await _tell(EventType.APPROVAL_APPROVED, row, now)
    return await get(merchant_id, approval_id)


async def reject(merchant_id: str, approval_id: str, note: str = "") -> ApprovalRow:
    """Whoever may decide rejects it, or its author withdraws it; also after the approval, until it is done.

    Raises NotFound, Conflict.
    """
    now = clock_port.now()
    async with transaction():
        row = await _locked(merchant_id, approval_id)
        if row.state not in (ApprovalState.PENDING, ApprovalState.APPROVED):
            raise _not_open(row, now)
        await store.reject(row.id, actor_name(), now, note)
        await outbox.dismiss(TOPIC, row.id)
        await _tell(EventType.APPROVAL_REJECTED, row, now)
    return await get(merchant_id, approval_id)


async def expire(row: ApprovalRow, now: datetime) -> None:
    """Nobody decided in time."""
    async with transaction():
        if await store.finish(row.id, ApprovalState.PENDING, ApprovalState.EXPIRED, now):
            await _tell(EventType.APPROVAL_EXPIRED, row, now)


async def executed(approval_id: str, result_id: str, now: datetime) -> None:
    """It is done, in the transaction that does it, which ends in Conflict when another did it first."""
    row = await store.approval(approval_id, lock=True)
    if row is None or row.due_at is None or row.due_at > now:
        raise Conflict("This is not approved, or not yet to be done.")
    if not await store.finish(
        approval_id, ApprovalState.APPROVED, ApprovalState.EXECUTED, now, result_id=result_id or None
    ):
        raise Conflict("This was done already, or stopped.")
    await _tell(EventType.APPROVAL_EXECUTED, row, now)


async def failed(row: ApprovalRow, why: str, now: datetime) -> None:
    """It was approved and cannot be done any more."""
    async with transaction():
        if await store.finish(row.id, ApprovalState.APPROVED, ApprovalState.FAILED, now, failure=why[:500]):
            await _tell(EventType.APPROVAL_FAILED, row, now)


async def _locked(merchant_id: str, approval_id: str) -> ApprovalRow:
    row = await store.approval(approval_id, lock=True)
    if row is None or row.merchant_id != merchant_id:
        raise NotFound("approval", approval_id)
    return row


def _not_open(row: ApprovalRow, now: datetime) -> Conflict:
    late = row.state is ApprovalState.PENDING and row.expires_at <= now
    return Conflict(f"The request is {ApprovalState.EXPIRED if late else row.state}: nothing is left to decide.")


async def _since(who: Actor, merchant_id: str) -> datetime | None:
    match who.kind:
        case ActorKind.KEY:
            return await store.key_since(who.id, merchant_id)
        case ActorKind.USER:
            return await store.user_since(who.id, merchant_id)
        case ActorKind.SHELL:  # whoever has the machine could change the tables as well
            return datetime.fromtimestamp(0, clock_port.now().tzinfo)
        case _:
            return None


def _cooling(kind: ApprovalKind) -> timedelta:
    hours = get_settings().limits.bank_details_cooling_h if kind is ApprovalKind.BANK_DETAILS else 0
    return timedelta(hours=hours)


async def _tell(event: EventType, row: ApprovalRow, now: datetime) -> None:
    data = {"kind": row.kind.value, "subject": row.subject, "requested_by": row.requested_by, **row.payload["told"]}
    if event is not EventType.APPROVAL_REQUESTED:
        data["by"] = actor_name()
    await record(event, row.merchant_id, row.id, data, now)
    if row.kind in _MAILED:
        await outbox.enqueue(MAIL, f"{row.id}/{event.value.removeprefix('approval.')}", now)
