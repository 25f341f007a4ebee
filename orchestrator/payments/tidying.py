"""What must not be kept is undone: voids and refunds that nobody asked for, and which attempt's money is kept. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestrator.gateways.base import OperationKind
from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.credentials import Agreement
from orchestrator.gateways.registry import KINDS
from orchestrator.payments.amounts import captures_of, left_minor
from orchestrator.payments.instruments import Card, Instrument, KeptMethod, Usage
from orchestrator.payments.records import (
    AttemptRow,
    AttemptStatus,
    Cause,
    OnUnknown,
    OperationRow,
    OperationState,
    PaymentRow,
    Story,
)
from orchestrator.payments.states import AUTHORISING, GIVEN_UP, HOLDS_MONEY
from orchestrator.payments.steps import Rest, Send, Wait
from routing.outcomes import OutcomeKind

RETRY_PAUSE_S = (1, 5, 30, 120, 600, 1800)  # between tries of what did not reach the gateway
CHALLENGE_LASTS_S = 3 * 3600  # a shopper who has to act and does not has left: PayPal's orders live that long as well
UNHEARD_WAIT_S = 900  # for news of an unknown that nobody wants any more, before it is canceled unheard
EXPIRY_GRACE_S = 3600  # after an authorisation's end: the gateway's own message of it should come first


def winner_of(story: Story) -> AttemptRow | None:
    """The attempt whose money is kept: the first one captured or with a capture under way, else the first authorised.

    One that is being undone is none; so it stays the same one whatever is heard later.
    """
    holders = [a for a in story.attempts if a.status in HOLDS_MONEY and not _is_being_undone(story, a)]
    taken = [op for op in story.operations if op.captures and (op.open or op.approved)]
    for capture in sorted(taken, key=lambda op: (not op.approved, op.settled_at or op.sent_at)):
        for attempt in holders:
            if attempt.id == capture.attempt_id:
                return attempt
    return holders[0] if holders else None


def _is_being_undone(story: Story, attempt: AttemptRow) -> bool:
    """What is captured is undone by a refund, never by a void: that only lets go of its rest."""
    if attempt.status is AttemptStatus.CAPTURED:
        refunds = story.operations_of(attempt.id, OperationKind.REFUND)
        return any(op.cause is Cause.SURPLUS and (op.open or op.approved) for op in refunds)
    return any(op.open for op in story.operations_of(attempt.id, OperationKind.VOID))


def paid_minor(story: Story) -> int:
    """What counts as paid: taken by the attempt whose money is kept. What was taken twice, or came after the payment
    was given up, is on its way back."""
    winner = winner_of(story)
    if winner is None or given_up(story.payment):
        return 0
    return sum(op.amount_minor for op in captures_of(story, winner.id))


def undone_for(story: Story, attempt: AttemptRow, *causes: Cause) -> bool:
    """Whether a void for one of these causes is confirmed."""
    return any(op.approved and op.cause in causes for op in story.operations_of(attempt.id, OperationKind.VOID))


def ran_out(story: Story, attempt: AttemptRow) -> bool:
    """Whether the attempt's authorisation is proven to be gone because its time was over."""
    return undone_for(story, attempt, Cause.EXPIRED, Cause.LAPSED)


def is_renewal(story: Story, attempt: AttemptRow) -> bool:
    """Whether the attempt takes the place of an authorisation that ran out: the customer is not there."""
    return any(ran_out(story, earlier) for earlier in story.attempts if earlier.position < attempt.position)


def is_rechargeable(instrument: Instrument | None, usage: Usage) -> bool:
    """Whether it can be authorised again without the customer: a card of the vault (without its CVC, which does not
    outlive the first authorisation), or a kept method with an agreement for charges by the merchant."""
    if isinstance(instrument, KeptMethod):
        return usage.agreement in (Agreement.SUBSCRIPTION, Agreement.UNSCHEDULED)
    return isinstance(instrument, Card)


def undo_unknown(story: Story, blocking: list[OperationRow], now: datetime) -> Send | Wait | None:
    """Cancel what is held in part, and what nobody knows where that is to be undone. Only a confirmed cancel lets the
    payment go on; one that is refused (not found, too late) proves nothing."""
    for op in blocking:
        cause = _undone_as(story, op, now)
        if cause is not None:
            step = send_or_wait(story, _void(story, story.attempt(op.attempt_id), cause), now)
            return None if isinstance(step, Rest) else step
    return None


def _undone_as(story: Story, op: OperationRow, now: datetime) -> Cause | None:
    """Why an unknown authorisation is canceled; None where it is only asked about.

    Asking may never end: a request that cannot be sent again (the vault has forgotten the CVC) stays unanswered. So an
    authorisation that nobody waits for any more is canceled. A gateway that cannot be read (Adyen) is not even asked,
    and takes the cancel by our reference (https://docs.adyen.com/api-explorer/Checkout/71/post/cancels).
    """
    if op.kind not in AUTHORISING or op.state not in (OperationState.UNKNOWN, OperationState.NEEDS_REVIEW):
        return None
    if op.in_part:
        return Cause.SURPLUS
    is_left_alone = op.state is OperationState.NEEDS_REVIEW
    if story.payment.on_unknown is OnUnknown.CANCEL_THEN_FAILOVER:
        return Cause.UNKNOWN if op.tries or is_left_alone else None
    if op.captures or op.review is not None or op.outcome is OutcomeKind.PENDING:
        return None
    can_be_read = KINDS[story.attempt(op.attempt_id).gateway].capabilities.can(Verb.LOOK_UP)
    unwanted = given_up(story.payment) and op.tries and op.sent_at + timedelta(seconds=UNHEARD_WAIT_S) <= now
    return Cause.UNKNOWN if unwanted or (is_left_alone and not can_be_read) else None


def tidy_up(story: Story, now: datetime) -> list[Send | Wait | Rest]:
    """Undo what must not be kept: all but the winner's, and that too when the payment is given up or its time over."""
    winner = winner_of(story)
    steps: list[Send | Wait | Rest] = []
    for attempt in story.attempts:
        surplus = given_up(story.payment) or attempt is not winner
        match attempt.status:
            case AttemptStatus.AUTHORISED if surplus or _has_lapsed(attempt, now):
                captures = story.operations_of(attempt.id, OperationKind.CAPTURE)
                if not any(op.open or op.approved for op in captures):
                    cause = Cause.SURPLUS if surplus else Cause.EXPIRED
                    steps.append(send_or_wait(story, _void(story, attempt, cause), now))
            case AttemptStatus.CAPTURED if surplus:
                steps += [send_or_wait(story, send, now) for send in _give_back(story, attempt)]
            case AttemptStatus.ACTION_REQUIRED if given_up(story.payment) or _is_left(story, attempt, now):
                cause = Cause.CANCELED if given_up(story.payment) else Cause.TIMED_OUT
                steps.append(send_or_wait(story, _void(story, attempt, cause), now))
            case _:
                pass
    return [step for step in steps if step != Rest()]  # refused, and a person has taken note of it


def _void(story: Story, attempt: AttemptRow, cause: Cause) -> Send:
    return Send(OperationKind.VOID, attempt, story.payment.amount_minor, cause=cause)


def _give_back(story: Story, attempt: AttemptRow) -> list[Send]:
    """A refund of what is left of each capture; of one that is under way or refused its own amount, to wait for it."""
    sends = []
    for capture in captures_of(story, attempt.id):
        refunds = _surplus_refunds(story, attempt, capture.id)
        standing = [op for op in refunds if op.open or op.outcome is OutcomeKind.DECLINED]
        amount_minor = standing[-1].amount_minor if standing else left_minor(story, capture)
        if amount_minor:
            target = capture.id
            sends.append(
                Send(OperationKind.REFUND, attempt, amount_minor, cause=Cause.SURPLUS, target_operation_id=target)
            )
    return sends


def _surplus_refunds(story: Story, attempt: AttemptRow, capture_id: str | None) -> list[OperationRow]:
    refunds = story.operations_of(attempt.id, OperationKind.REFUND)
    return [op for op in refunds if op.cause is Cause.SURPLUS and op.target_operation_id == capture_id]


def _has_lapsed(attempt: AttemptRow, now: datetime) -> bool:
    end = attempt.capture_before
    return end is not None and end + timedelta(seconds=EXPIRY_GRACE_S) <= now


def _is_left(story: Story, attempt: AttemptRow, now: datetime) -> bool:
    """Whether the shopper had to act, has had the time, and is not on the way back."""
    ends_at = challenge_ends_at(story, attempt)
    return ends_at is not None and ends_at <= now


def challenge_ends_at(story: Story, attempt: AttemptRow) -> datetime | None:
    if attempt.status is not AttemptStatus.ACTION_REQUIRED:
        return None
    asked = [op for op in story.operations_of(attempt.id) if op.outcome is OutcomeKind.ACTION_REQUIRED]
    since = asked[-1].settled_at if asked else attempt.updated_at
    return (since or attempt.updated_at) + timedelta(seconds=CHALLENGE_LASTS_S)


def given_up(payment: PaymentRow) -> bool:
    """Whether a success that comes from now on is given back (design rule 3)."""
    return payment.cancel_requested or payment.status in GIVEN_UP


def refused_by(attempt: AttemptRow, operation: OperationRow) -> Rest:
    message = f"{attempt.gateway} refused the {operation.kind.value}; see operation {operation.id}"
    return Rest("gateway_refused", message)


def send_or_wait(story: Story, send: Send, now: datetime) -> Send | Wait | Rest:
    """Send, unless one is on its way or was refused, or the last try did not reach the gateway a moment ago."""
    if send.kind is OperationKind.REFUND:
        earlier = _surplus_refunds(story, send.attempt, send.target_operation_id)
    else:
        earlier = story.operations_of(send.attempt.id, send.kind)
    if any(op.open for op in earlier):
        return Wait(None)
    refused = next((op for op in earlier if op.outcome is OutcomeKind.DECLINED and not _is_past(op, send)), None)
    if refused is not None:
        return Rest() if refused.noted else refused_by(send.attempt, refused)
    return after_pause(send, earlier, now)


def after_pause(send: Send, earlier: list[OperationRow], now: datetime) -> Send | Wait:
    """Send, unless the last of the tries that did not reach the gateway was a moment ago."""
    if earlier:
        pause_s = RETRY_PAUSE_S[min(len(earlier), len(RETRY_PAUSE_S)) - 1]
        again_at = (earlier[-1].settled_at or now) + timedelta(seconds=pause_s)
        if again_at > now:
            return Wait(again_at)
    return send


def _is_past(earlier: OperationRow, send: Send) -> bool:
    """A void that was refused while there was nothing to void yet says nothing of one for another cause."""
    return send.kind is OperationKind.VOID and earlier.cause is not send.cause
