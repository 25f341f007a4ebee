"""What became of a call about a dispute: by its answer, by what the gateway shows later, or left to a person."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from msgspec import structs

from orchestrator.disputes import store
from orchestrator.disputes.booking import tell
from orchestrator.disputes.records import ActionKind, ActionRow, ActionState, DisputeRow
from orchestrator.events import EventType
from orchestrator.gateways.facets import Answer, DisputeStatus
from routing.outcomes import Decline, OutcomeKind

_SHOWN_BY = {
    ActionKind.ACCEPT: frozenset({DisputeStatus.ACCEPTED, DisputeStatus.LOST, DisputeStatus.CLOSED}),
    ActionKind.EVIDENCE: frozenset({DisputeStatus.UNDER_REVIEW, DisputeStatus.WON}),
}
_OPEN_STILL = (OutcomeKind.UNKNOWN, OutcomeKind.PENDING, OutcomeKind.ACTION_REQUIRED)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What became of an action, and how we know."""

    outcome: OutcomeKind
    detail: str = ""
    decline: Decline | None = None
    exchange: dict[str, object] = field(default_factory=dict)


def of_answer(answer: Answer[None]) -> Conclusion:
    detail = answer.detail or (answer.decline.gateway_message if answer.decline else "")
    return Conclusion(answer.kind, detail, answer.decline, answer.exchange)


def shows(kind: ActionKind, status: DisputeStatus) -> bool:
    """Whether a dispute that stands so has had this done to it."""
    return status in _SHOWN_BY[kind]


async def conclude(row: DisputeRow, action: ActionRow, found: Conclusion, now: datetime) -> ActionRow:
    """Settle an action of a dispute that the caller has locked. What is still not known stays open, as unknown."""
    values: dict[str, Any] = {
        "outcome": found.outcome,
        "detail": found.detail[:500],
        "decline": asdict(found.decline) if found.decline else None,
        "exchange": found.exchange or action.exchange,
    }
    if found.outcome in _OPEN_STILL:
        values["state"] = ActionState.UNKNOWN
    else:
        values.update(state=ActionState.SETTLED, settled_at=now)
    if not await store.update_action(action.id, action.state, values):
        return action
    if found.outcome is OutcomeKind.APPROVED and action.kind is ActionKind.EVIDENCE:
        await tell(EventType.DISPUTE_EVIDENCE_SUBMITTED, row, now, action=action.id)
    return structs.replace(action, **values)


async def leave_to_a_person(row: DisputeRow, action: ActionRow, now: datetime) -> None:
    """The gateway does not show what became of it, and will not any more."""
    if await store.update_action(action.id, action.state, {"state": ActionState.NEEDS_REVIEW}):
        await tell(EventType.DISPUTE_NEEDS_REVIEW, row, now, action=action.id)
