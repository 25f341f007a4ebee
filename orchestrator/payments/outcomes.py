"""What an outcome says of its operation, and what it makes of the rows: believed or not, and by which tables. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from msgspec import structs

from orchestrator.gateways.base import OperationKind
from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.registry import KINDS
from orchestrator.payments.amounts import captures_of
from orchestrator.payments.authentication import result_values
from orchestrator.payments.records import (
    IN_PART,
    AttemptRow,
    AttemptStatus,
    OperationRow,
    OperationState,
    SettledBy,
    Story,
)
from orchestrator.payments.states import AUTHORISING, attempt_after
from routing.outcomes import Decline, Outcome, OutcomeKind, RetryAction

FIRST_LOOK_S = 1  # an unknown is asked about this soon; the pauses then grow, see resolver
PENDING_LOOK_S = 60  # what a gateway said is pending is asked about after this, should its webhook not come first
_GATEWAYS_WORD = (SettledBy.WEBHOOK, SettledBy.LOOK_UP)  # of how things stand, not of one request for them

# Declines that are about our request or our keys, not about the card: an issuer never saw the request that got one,
# so it says nothing of another copy of the same request.
_ABOUT_OUR_QUESTION = frozenset(
    {"merchant_config", "rate_limited", "invalid_request", "invalid_state", "gateway_unavailable"}
)
_CLOSED = "canceled"  # the adapters' word for an object that is voided: that is an answer, and the end
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
# A bank or gateway gave the money back to the payer after it had been taken: nothing is tried again by itself.
TAKEN_BACK = "taken_back"
_PART = Decline(IN_PART, RetryAction.CUSTOMER_ACTION, RetryAction.HARD_NEVER, "")
_UNDONE = "it was undone before its outcome was known"


@dataclass(frozen=True, slots=True)
class Consequences:
    """The rows that change, each with its new values; an attempt's may be none."""

    operations: list[tuple[OperationRow, dict[str, Any]]]
    attempt: AttemptRow
    attempt_values: dict[str, Any]

    def in_story(self, story: Story) -> Story:
        """The story as it stands after it."""
        for row, values in self.operations:
            story = story.with_operation(structs.replace(row, **values))
        return story.with_attempt(structs.replace(self.attempt, **self.attempt_values))


def consequences(story: Story, operation: OperationRow, outcome: Outcome, by: SettledBy, now: datetime) -> Consequences:
    """What an outcome that counts and is believed changes."""
    attempt = story.attempt(operation.attempt_id)
    values = operation_values(operation, outcome, by, now)
    if operation.captures and not takes_money(story, operation):
        values["captures"] = False
    changes = [(operation, values)]
    if operation.kind is OperationKind.VOID and outcome.kind is OutcomeKind.APPROVED:
        undone: dict[str, Any] = {"state": OperationState.SETTLED, "outcome": OutcomeKind.NOT_REACHED, "settled_by": by}
        undone |= {"settled_at": now, "detail": _UNDONE}
        open_ones = [op for op in story.operations_of(attempt.id) if op.kind in AUTHORISING and op.open]
        if attempt.status is not AttemptStatus.ACTION_REQUIRED:
            changes += [(op, _refused_in_part(op, undone) if op.in_part else undone) for op in open_ones]
    if operation.kind is OperationKind.VOID and outcome.kind is OutcomeKind.DECLINED:
        asked_again = {"state": OperationState.UNKNOWN, "expires_at": now}
        changes += [(op, asked_again) for op in _paid_perhaps(story, attempt)]
    learned = attempt_values(story, attempt, operation, outcome) | result_values(attempt, operation, outcome, now)
    if learned.get("status") is AttemptStatus.VOIDED:
        in_part = [op.decline for op, _ in changes if op.kind in AUTHORISING and op.in_part]
        learned |= {"status": AttemptStatus.DECLINED, "decline": in_part[-1]} if in_part else {}
    return Consequences(changes, attempt, learned)


def _refused_in_part(operation: OperationRow, undone: dict[str, Any]) -> dict[str, Any]:
    """The part is undone: to the payment that is a decline."""
    return undone | {"outcome": OutcomeKind.DECLINED, "detail": f"{operation.detail}; the part was canceled"[:500]}


def _paid_perhaps(story: Story, attempt: AttemptRow) -> list[OperationRow]:
    """The challenge whose cancel is refused: the shopper may have paid, and no message may have come through. Where
    nothing can be read (Adyen) the signed message is what tells, and its sender repeats it for days."""
    if attempt.status is not AttemptStatus.ACTION_REQUIRED or not KINDS[attempt.gateway].capabilities.can(Verb.LOOK_UP):
        return []
    authorising = [op for op in story.operations_of(attempt.id) if op.kind in AUTHORISING]
    asked = [op for op in authorising if op.outcome is OutcomeKind.ACTION_REQUIRED]
    return asked[-1:] if not any(op.open for op in authorising) else []


def takes_money(story: Story, operation: OperationRow) -> bool:
    """Whether the operation's approval is money of its own: a confirm and its completion take the same money once."""
    others = [op for op in captures_of(story, operation.attempt_id) if op.id != operation.id]
    return operation.captures and not (operation.kind in AUTHORISING and any(op.kind in AUTHORISING for op in others))


def counts(operation: OperationRow, outcome: Outcome, by: SettledBy) -> bool:
    """Whether this news changes what is known of the operation.

    Once the resolver may have sent a second copy, one copy that was turned away at the door says nothing of the other.
    """
    if by is SettledBy.PERSON:
        return True
    if operation.state is OperationState.SETTLED:
        is_known_part = operation.in_part and is_part(operation, outcome)
        return not is_known_part and _overturns(operation, outcome, by)
    if by is SettledBy.REPLY and operation.tries and operation.kind is not OperationKind.CREATE:
        return is_proof(outcome)
    return True


def _overturns(operation: OperationRow, outcome: Outcome, by: SettledBy) -> bool:
    """What is settled stays settled, with three exceptions.

    An action that was asked of the shopper ends, and the gateway may tell us before they do. An approval after what
    we had taken for refused or not reached is believed, because money moved: an incident, and the lifecycle gives it
    back where it must not be kept. And a gateway may take back a capture or refund that it had reported (Adyen's
    CAPTURE_FAILED, https://docs.adyen.com/online-payments/capture/failed-captures); that is its last word, also
    where it comes before the report.
    """
    if operation.kind is OperationKind.CREATE:  # no money can move by it, and the next attempt has begun since
        return False
    if operation.outcome is OutcomeKind.ACTION_REQUIRED:
        return outcome.kind in (OutcomeKind.APPROVED, OutcomeKind.DECLINED)
    if operation.moves_money:
        if operation.outcome is OutcomeKind.APPROVED:
            return outcome.kind is OutcomeKind.DECLINED and by in _GATEWAYS_WORD
        if operation.outcome is OutcomeKind.DECLINED and operation.settled_by in _GATEWAYS_WORD:
            # of a way to pay that takes the money at once, an approval after a refusal is money that moved
            return operation.kind in AUTHORISING and not was_taken_back(operation)
    return outcome.kind is OutcomeKind.APPROVED and operation.outcome is not OutcomeKind.APPROVED


def was_taken_back(operation: OperationRow) -> bool:
    return operation.decline is not None and operation.decline.get("reason") == TAKEN_BACK


def is_proof(outcome: Outcome) -> bool:
    """Whether the answer to one copy of a request tells what became of the request."""
    match outcome.kind:
        case OutcomeKind.APPROVED | OutcomeKind.ACTION_REQUIRED | OutcomeKind.PENDING:
            return True
        case OutcomeKind.DECLINED:
            return outcome.decline is not None and outcome.decline.reason not in _PROVES_NOTHING
        case OutcomeKind.UNKNOWN | OutcomeKind.NOT_REACHED:
            return False
        case _:
            assert_never(outcome.kind)


def believed(operation: OperationRow, outcome: Outcome, *, confirmed: bool = True) -> Outcome:
    """The outcome, or what it really says where it is not what it seems: UNKNOWN, or an action that is still open.

    Another amount than was asked is not an approval (design rule 1). Once it is `confirmed` that a part is held, the
    operation stays UNKNOWN, with a decline that says so, until that part is undone. A decline such as "duplicate
    transaction" says that the payment may exist already: it is asked about before anything else happens. And a refusal
    of our question how the shopper fared says nothing of the shopper.
    """
    decline = outcome.decline
    closed = decline is not None and decline.gateway_code == _CLOSED
    refused_question = decline is not None and decline.reason in _ABOUT_OUR_QUESTION and not closed
    if operation.kind is OperationKind.COMPLETE and refused_question:
        return replace(outcome, kind=OutcomeKind.ACTION_REQUIRED, decline=None)
    if confirmed and is_part(operation, outcome):
        named = decline if decline is not None and decline.reason == IN_PART else _PART
        return replace(outcome, kind=OutcomeKind.UNKNOWN, amount=None, decline=named)
    other_amount = outcome.kind is OutcomeKind.APPROVED and outcome.amount not in (None, operation.amount)
    other_amount = other_amount and operation.kind is not OperationKind.VOID  # which undoes all there is, be it a part
    inquire = outcome.decline is not None and outcome.decline.action_cit is RetryAction.UNKNOWN_INQUIRE
    if not other_amount and not (inquire and operation.kind in AUTHORISING):
        return outcome
    detail = f"approved {outcome.amount} where {operation.amount} was asked" if other_amount else outcome.detail
    return replace(outcome, kind=OutcomeKind.UNKNOWN, amount=None, decline=None, detail=detail)


def is_part(operation: OperationRow, outcome: Outcome) -> bool:
    """Whether less than was asked is held. What was taken at once has nothing to undo: that is for a person."""
    holds = operation.kind in AUTHORISING and not operation.captures
    if not holds or outcome.kind not in (OutcomeKind.APPROVED, OutcomeKind.UNKNOWN):
        return False
    if outcome.decline is not None and outcome.decline.reason == IN_PART:
        return True
    said = outcome.amount
    return said is not None and said.currency == operation.currency and 0 < said.minor < operation.amount_minor


def operation_values(operation: OperationRow, outcome: Outcome, by: SettledBy, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {
        "outcome": outcome.kind,
        "settled_by": by,
        "decline": asdict(outcome.decline) if outcome.decline else None,
        "detail": outcome.detail[:500],
        "exchange": outcome.exchange or None,
    }
    if operation.moves_money and is_taken_back(operation, outcome) and outcome.decline is not None:
        values["decline"] = asdict(replace(outcome.decline, reason=TAKEN_BACK))
    if outcome.gateway_operation_id:
        values["gateway_operation_id"] = outcome.gateway_operation_id
    match outcome.kind:
        case OutcomeKind.UNKNOWN if operation.kind is not OperationKind.CREATE:
            in_part = outcome.decline is not None and outcome.decline.reason == IN_PART  # and its cancel comes next
            look_s = PENDING_LOOK_S if in_part else FIRST_LOOK_S
            values.update(state=OperationState.UNKNOWN, expires_at=now + timedelta(seconds=look_s))
        case OutcomeKind.PENDING:
            values.update(state=OperationState.PENDING, expires_at=now + timedelta(seconds=PENDING_LOOK_S))
        case _:
            values.update(state=OperationState.SETTLED, settled_at=now)
    return values


def attempt_values(story: Story, attempt: AttemptRow, operation: OperationRow, outcome: Outcome) -> dict[str, Any]:
    values: dict[str, Any] = {}
    status, decline = attempt_after(attempt, operation, outcome), outcome.decline
    if operation.captures and is_taken_back(operation, outcome):
        others = [op for op in captures_of(story, attempt.id) if op.id != operation.id]
        status = AttemptStatus.CAPTURED if others else AttemptStatus.AUTHORISED
        if operation.kind in AUTHORISING:
            status = AttemptStatus.DECLINED
            code = decline.gateway_code if decline else ""
            decline = Decline(TAKEN_BACK, RetryAction.CUSTOMER_ACTION, RetryAction.CUSTOMER_ACTION, code)
    if status is not None:
        values["status"] = status
        values["decline"] = asdict(decline) if decline else None
        values["next_action"] = _next_action(attempt, status, outcome)
    if _names_the_payment(attempt, operation, outcome):
        values["gateway_payment_id"] = outcome.gateway_payment_id
    if operation.kind in AUTHORISING and outcome.gateway_operation_id:
        values["gateway_authorisation_id"] = outcome.gateway_operation_id
    if operation.kind in AUTHORISING and outcome.capture_before is not None:
        values["capture_before"] = outcome.capture_before
    return values


def _names_the_payment(attempt: AttemptRow, operation: OperationRow, outcome: Outcome) -> bool:
    """Whether the outcome tells the id by which the gateway knows the payment.

    What follows an authorisation acts on that id; where it brings another one, it is that of its own reply.
    """
    if not outcome.gateway_payment_id:
        return False
    if operation.kind is OperationKind.CREATE or operation.kind in AUTHORISING:
        return True
    return not attempt.gateway_payment_id and outcome.kind in (OutcomeKind.APPROVED, OutcomeKind.PENDING)


def _next_action(attempt: AttemptRow, status: AttemptStatus, outcome: Outcome) -> dict[str, Any] | None:
    if outcome.next_action is not None:
        return asdict(outcome.next_action)
    return attempt.next_action if status is AttemptStatus.ACTION_REQUIRED else None


def is_taken_back(operation: OperationRow, outcome: Outcome) -> bool:
    """`operation` as it was before `outcome`."""
    return operation.approved and outcome.kind is OutcomeKind.DECLINED
