"""Settles operations whose answer was lost: reads first, then sends the identical request again while that is safe.

Design rule 3. "Not found" is never taken as proof. A repeated request proves something only by an answer that the
gateway gives for the original; a closed door or a refused key says nothing of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, assert_never

from msgspec import structs

from orchestrator.events import EventType
from orchestrator.gateways.base import Lookup, OperationCall, OperationKind
from orchestrator.gateways.connections import Connection
from orchestrator.installation import service as installation
from orchestrator.ledger import store as ledger
from orchestrator.notifications.service import record
from orchestrator.payments import store
from orchestrator.payments.outcomes import is_part, is_proof
from orchestrator.payments.records import (
    Cause,
    OperationRow,
    OperationState,
    PaymentStatus,
    SettledBy,
    Story,
)
from routing.outcomes import Decline, Outcome, OutcomeKind, RetryAction

PAUSES_S = (1, 2, 5, 15, 30, 60, 300, 900, 3600)  # then hourly
PENDING_PAUSES_S = (60, 300, 900, 3600)
GIVE_UP_AFTER_S = 48 * 3600  # of asking about an unknown; then a person decides
PENDING_GIVE_UP_AFTER_S = 5 * 24 * 3600  # the gateway has it and is slow: some captures take days

EVIDENCE_MAX = 20
EVIDENCE_CHARS_MAX = 300

_STILL_HELD = Outcome(
    OutcomeKind.DECLINED,
    decline=Decline("invalid_state", RetryAction.NONE, RetryAction.NONE, ""),
    detail="the gateway still holds the authorisation",
)

# These statuses stay when an operation needs a person, so the operation itself must tell.
_SAYS_NOTHING_OF_IT = frozenset(
    {PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_CAPTURED, PaymentStatus.CANCELED, PaymentStatus.FAILED}
)


async def claim(operation: OperationRow, until: datetime) -> None:
    """Mark that somebody is asking, so that no one else does before `until`. In the caller's transaction."""
    values: dict[str, Any] = {"expires_at": until, "tries": operation.tries + 1}
    if operation.state is OperationState.SENT:
        values["state"] = OperationState.UNKNOWN
    await store.update_operation(operation, values)


async def put_off(story: Story, operation_id: str, by: SettledBy, said: str, now: datetime) -> Story:
    """Still open: ask again after a pause that grows, or hand it to a person when no way is left to ask."""
    operation = story.operation(operation_id)
    if operation.state not in (OperationState.UNKNOWN, OperationState.PENDING):
        return story
    pending = operation.state is OperationState.PENDING
    values: dict[str, Any] = {"evidence": with_evidence(operation, by, said, now)}
    asked_for_s = (now - operation.sent_at).total_seconds()
    a_person_had_it_asked = operation.review is not None
    if a_person_had_it_asked or asked_for_s > (PENDING_GIVE_UP_AFTER_S if pending else GIVE_UP_AFTER_S):
        values["state"] = OperationState.NEEDS_REVIEW
        if story.payment.status in _SAYS_NOTHING_OF_IT:
            data = {"operation": operation.id, "kind": operation.kind.value}
            await record(EventType.PAYMENT_NEEDS_REVIEW, story.payment.merchant_id, story.payment.id, data, now)
    else:
        pauses_s = PENDING_PAUSES_S if pending else PAUSES_S
        pause_s = pauses_s[min(max(operation.tries, 1), len(pauses_s)) - 1]
        values["expires_at"] = now + timedelta(seconds=pause_s)
    await store.update_operation(operation, values)
    return story.with_operation(structs.replace(operation, **values))


def with_evidence(operation: OperationRow, by: SettledBy, said: str, now: datetime) -> list[dict[str, Any]]:
    """What was asked so far and what was answered, with this: the first ones and the latest, for a person to judge."""
    told = [
        *(operation.evidence or []),
        {"at": now.isoformat(), "asked": by.value, "answer": said[:EVIDENCE_CHARS_MAX]},
    ]
    return told if len(told) <= EVIDENCE_MAX else [*told[: EVIDENCE_MAX // 2], *told[-EVIDENCE_MAX // 2 :]]


async def look_now(story: Story, operation: OperationRow, now: datetime) -> Story:
    """There is news of an operation: it is asked about at once, also one that had been left to a person."""
    values: dict[str, Any] = {"expires_at": now}
    if operation.state in (OperationState.NEEDS_REVIEW, OperationState.SETTLED):
        values["state"] = OperationState.UNKNOWN
    await store.update_operation(operation, values)
    return story.with_operation(structs.replace(operation, **values))


async def ask(
    connection: Connection, operation: OperationRow, call: OperationCall, now: datetime
) -> tuple[Outcome | None, SettledBy, str]:
    """What became of the operation: by looking it up, else by the identical request inside the gateway's key window.

    With what was heard, in a line, for the case that it proves nothing.
    """
    found = await connection.look_up(call)
    match found.state:
        case Lookup.SETTLED:
            return found.outcome, SettledBy.LOOK_UP, found.detail
        case Lookup.OPEN | Lookup.UNAVAILABLE if operation.in_part:
            return None, SettledBy.LOOK_UP, found.detail  # as it was known: its cancel is what ends it
        case Lookup.OPEN | Lookup.UNAVAILABLE if found.outcome is not None and is_part(operation, found.outcome):
            return found.outcome, SettledBy.LOOK_UP, found.detail
        case Lookup.OPEN | Lookup.UNAVAILABLE:
            pass
        case _:
            assert_never(found.state)
    if operation.cause is Cause.LAPSED and found.state is Lookup.OPEN:
        return _STILL_HELD, SettledBy.LOOK_UP, found.detail  # the message spoke of something else: nothing is undone
    in_window = (now - operation.sent_at).total_seconds() <= connection.resend_window_s
    in_window = in_window and operation.cause is not Cause.LAPSED  # which was never sent
    may_go_out = in_window and _may_send_again(connection, operation, found.state)
    if not may_go_out or await _is_held_up(operation):
        return _given_up(call), SettledBy.LOOK_UP, f"{found.state.value} {found.detail}".strip()
    again = await connection.perform(call)
    if call.kind is OperationKind.CREATE:  # no money can move by it: whatever came of it, the payment may go on
        return again, SettledBy.RESEND, again.detail
    said = f"{again.kind.value} {again.detail}".strip()
    tells = is_proof(again) or (is_part(operation, again) and not connection.gateway.can_look_up)
    return (again if tells else None), SettledBy.RESEND, said


async def _is_held_up(operation: OperationRow) -> bool:
    """A frozen installation sends nothing; nor is money sent back that a dispute has taken meanwhile."""
    if await installation.why_frozen():
        return True
    return operation.kind is OperationKind.REFUND and await ledger.withheld_minor(operation.payment_id) > 0


def _may_send_again(connection: Connection, operation: OperationRow, found: Lookup) -> bool:
    if operation.settled_at is not None:  # it had an answer: what a person or a message has us ask is only read
        return False
    match operation.state:
        case OperationState.SENT | OperationState.UNKNOWN:
            return True
        case OperationState.PENDING:
            # the gateway has it: where there is no id to read it by, the same request shows how it stands. Adyen
            # would only say "received" again (https://docs.adyen.com/development-resources/api-idempotency)
            return found is Lookup.UNAVAILABLE and connection.gateway.can_look_up
        case OperationState.SETTLED | OperationState.NEEDS_REVIEW:
            return False  # one that was not reached would be carried out now
        case _:
            assert_never(operation.state)


def _given_up(call: OperationCall) -> Outcome | None:
    if call.kind is OperationKind.CREATE:
        return Outcome(OutcomeKind.NOT_REACHED, detail="never answered; no money can move by it")
    return None
