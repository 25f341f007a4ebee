"""Settles operations whose answer was lost: reads first, then sends the identical request again while that is safe.

Design rule 3. "Not found" is never taken as proof. A repeated request proves something only by an answer that the
gateway gives for the original; a closed door or a refused key says nothing of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never

from orchestrator.gateways.base import Lookup, OperationCall
from orchestrator.gateways.connections import Connection
from orchestrator.payments import store
from orchestrator.payments.records import OperationRow, OperationState, SettledBy
from routing.outcomes import Outcome, OutcomeKind

PAUSES_S = (1, 2, 5, 15, 30, 60, 300, 900, 3600)  # then hourly
GIVE_UP_AFTER_S = 48 * 3600  # look-ups go on this long after the re-send window; then a person decides

# Declines that are about our request or our keys, not about the card: an issuer never saw the request that got one,
# so it says nothing of the original request.
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


async def claim(operation: OperationRow, until: datetime) -> None:
    """Mark that somebody is asking, so that no one else does before `until`. In the caller's transaction."""
    await store.update_operation(
        operation.id,
        operation.state,
        {"state": OperationState.UNKNOWN.value, "expires_at": until, "tries": operation.tries + 1},
    )


async def put_off(operation: OperationRow, now: datetime) -> None:
    """Still unknown: ask again after a pause that grows, or hand it to a person when no way is left to ask."""
    if operation.state is not OperationState.UNKNOWN:
        return
    if (now - operation.sent_at).total_seconds() > GIVE_UP_AFTER_S:
        values: dict[str, object] = {"state": OperationState.NEEDS_REVIEW.value}
    else:
        pause_s = PAUSES_S[min(max(operation.tries, 1), len(PAUSES_S)) - 1]
        values = {"expires_at": now + timedelta(seconds=pause_s)}
    await store.update_operation(operation.id, OperationState.UNKNOWN, values)


async def ask(
    connection: Connection, operation: OperationRow, call: OperationCall, now: datetime
) -> tuple[Outcome | None, SettledBy]:
    """What became of the operation: by looking it up, else by the identical request inside the gateway's key window."""
    found = await connection.look_up(call)
    match found.state:
        case Lookup.SETTLED:
            return found.outcome, SettledBy.LOOK_UP
        case Lookup.OPEN | Lookup.UNAVAILABLE:
            pass
        case _:
            assert_never(found.state)
    age_s = (now - operation.sent_at).total_seconds()
    if age_s > connection.resend_window_s:
        return None, SettledBy.LOOK_UP
    again = await connection.perform(call)
    return (again if _is_proof(again) else None), SettledBy.RESEND


def _is_proof(outcome: Outcome) -> bool:
    match outcome.kind:
        case OutcomeKind.APPROVED | OutcomeKind.ACTION_REQUIRED | OutcomeKind.PENDING:
            return True
        case OutcomeKind.DECLINED:
            return outcome.decline is not None and outcome.decline.reason not in _PROVES_NOTHING
        case OutcomeKind.UNKNOWN | OutcomeKind.NOT_REACHED:
            return False
        case _:
            assert_never(outcome.kind)
