"""The one decision: what happens next for a payment, from what its rows say. Pure; the tables are in `states`."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import takewhile

from orchestrator.gateways.base import OperationKind
from orchestrator.payments.amounts import capturable_minor, captured_minor, captures_of, is_over
from orchestrator.payments.authentication import returned_at, step_up_of, without_stepped_up
from orchestrator.payments.instruments import sends_away
from orchestrator.payments.records import (
    AttemptRow,
    AttemptStatus,
    Cause,
    OnUnknown,
    OperationRow,
    OperationState,
    PaymentRow,
    PaymentStatus,
    SettledBy,
    Story,
)
from orchestrator.payments.states import AUTHORISING, GIVEN_UP
from orchestrator.payments.steps import Resolve, Rest, Send, StartAttempt, Step, Wait
from orchestrator.payments.tidying import (
    EXPIRY_GRACE_S,
    after_pause,
    challenge_ends_at,
    given_up,
    is_rechargeable,
    paid_minor,
    ran_out,
    refused_by,
    send_or_wait,
    tidy_up,
    undo_unknown,
    undone_for,
    winner_of,
)
from routing.decision import RoutePlan
from routing.failover import (
    AttemptResult,
    AwaitCustomer,
    AwaitNews,
    FailoverPolicy,
    GiveUp,
    Succeed,
    TryNext,
)
from routing.failover import next_step as failover_next
from routing.network_limits import Ceiling
from routing.outcomes import Decline, OutcomeKind, RetryAction

EXPIRY_WARNING_S = 24 * 3600  # before its end the merchant is told that an authorisation is not captured yet
REAUTHORISATIONS_MAX = 3  # of one payment
EXPIRED, ABANDONED = "authorisation_expired", "challenge_abandoned"  # reasons of an end, beside those of declines
NETWORK_LIMIT = "network_limit"  # the card may not be tried now, at any gateway
_ASKED_ABOUT = frozenset({OperationState.SENT, OperationState.UNKNOWN, OperationState.PENDING})
_IN_FLIGHT = frozenset({OperationState.SENT, OperationState.UNKNOWN})


def next_step(
    story: Story,
    policy: FailoverPolicy,
    steps_of: dict[str, tuple[OperationKind, ...]],
    now: datetime,
    ceiling: Ceiling | None = None,
) -> Step:
    """What to do next for a payment. `steps_of` gives each gateway's steps of an authorisation.

    Who is told StartAttempt looks whether the card networks allow one, and asks again with the `ceiling` if not.
    Order matters: first what may already have happened is settled, then money is tidied up, only then anything new
    begins. So an unknown outcome can never be followed by another attempt (design rule 2).
    """
    settling = _settle_first(story, now)
    if settling is not None:
        return settling
    tidying = tidy_up(story, now)
    sending = next((step for step in tidying if isinstance(step, Send)), None)
    if sending is not None:
        return sending
    onward = _go_on(story, policy, steps_of, now, ceiling)
    # a void that waits or was refused keeps the payment from its rest, but never the winner from its capture
    return tidying[0] if tidying and isinstance(onward, Rest) else onward


def wake_at(story: Story, step: Step, now: datetime) -> datetime | None:
    """When somebody must look at the payment again though no news has come; None: only news can change anything."""
    moments = [op.expires_at for op in story.operations if op.state in _ASKED_ABOUT]
    if isinstance(step, Wait) and step.until is not None:
        moments.append(step.until)
    deadlines = [ends for a in story.attempts if (ends := challenge_ends_at(story, a)) is not None]
    winner = winner_of(story)
    if winner is not None and winner.capture_before is not None and capturable_minor(story, winner, now):
        deadlines.append(winner.capture_before + timedelta(seconds=EXPIRY_GRACE_S))
        if winner.expiry_told_at is None:
            deadlines.append(winner.capture_before - timedelta(seconds=EXPIRY_WARNING_S))
    return min([*moments, *(at for at in deadlines if at > now)], default=None)


def expiring(story: Story, now: datetime) -> AttemptRow | None:
    """The attempt of which the merchant is to be told now that its authorisation ends soon and is not captured."""
    winner = winner_of(story)
    if winner is None or winner.capture_before is None or winner.expiry_told_at is not None:
        return None
    if given_up(story.payment) or not capturable_minor(story, winner, now):
        return None
    return winner if winner.capture_before - timedelta(seconds=EXPIRY_WARNING_S) <= now else None


def _settle_first(story: Story, now: datetime) -> Step | None:
    """Resolve what is due. SENT: its caller has until expires_at; else expires_at is when to ask (again)."""
    for op in story.operations:
        if op.state in _ASKED_ABOUT and op.expires_at <= now:
            return Resolve(op)
    # what gives money back says nothing of what may be charged; what is pending holds up its own attempt only
    blocking = [op for op in story.operations if op.kind not in (OperationKind.REFUND, OperationKind.VOID)]
    undoing = undo_unknown(story, blocking, now)
    if isinstance(undoing, Send):
        return undoing
    waits = [op.expires_at for op in blocking if op.state in _IN_FLIGHT]
    if undoing is not None and undoing.until is not None:
        waits.append(undoing.until)
    if waits:
        return Wait(min(waits))
    if any(op.state is OperationState.NEEDS_REVIEW for op in blocking):
        return Wait(None)
    return None


def _go_on(
    story: Story,
    policy: FailoverPolicy,
    steps_of: dict[str, tuple[OperationKind, ...]],
    now: datetime,
    ceiling: Ceiling | None,
) -> Step:
    payment = story.payment
    if given_up(payment):
        return Rest(payment.failure_reason, payment.failure_message)
    winner = winner_of(story)
    if winner is not None:
        return _capture(story, winner, now)
    if any(op.open for op in story.operations if op.kind in AUTHORISING or op.captures):
        return Wait(None)  # pending: it may still be approved, though its authorisation is over
    if any(attempt.status is AttemptStatus.AUTHORISED for attempt in story.attempts):
        return Wait(None)  # it is being voided: until that is done nothing else is held
    current = _current(story)
    last = current[-1] if current else None
    match last.status if last is not None else None:
        case AttemptStatus.STARTED | AttemptStatus.CREATED if last is not None:
            return _authorise(story, last, steps_of)
        case AttemptStatus.ACTION_REQUIRED if last is not None:
            return _complete_again(story, last, now)
        case AttemptStatus.VOIDED if last is not None and ran_out(story, last):
            return _authorise_again(story, last, ceiling)
        case AttemptStatus.ABANDONED:
            return Rest(ABANDONED, "the shopper was asked to act and has not")
        case _:
            pass
    if payment.instrument is None or payment.plan is None:
        return Wait(None)
    return _fail_over(story, current, policy, now, ceiling)


def _authorise_again(story: Story, expired: AttemptRow, ceiling: Ceiling | None) -> Step:
    """The old authorisation is proven to be gone: another one at the same account, where the payment agreed to it."""
    again = sum(ran_out(story, attempt) for attempt in story.attempts)
    agreed = story.payment.reauthorise and is_rechargeable(story.payment.instrument, story.payment.usage)
    if agreed and again <= REAUTHORISATIONS_MAX and not captured_minor(story) and ceiling is None:
        why = "authorised again: the authorisation before ran out"
        return StartAttempt(expired.gateway_account_id, expired.gateway, why)
    return Rest(EXPIRED, f"the authorisation at {expired.gateway} ran out before it was captured")


def _complete_again(story: Story, attempt: AttemptRow, now: datetime) -> Step:
    """The shopper was back but the gateway could not be told; else it is for the shopper to act."""
    completions = story.operations_of(attempt.id, OperationKind.COMPLETE)
    called = any(op.open for op in story.operations_of(attempt.id))  # the challenge is being canceled
    if called or not completions or completions[-1].outcome is not OutcomeKind.NOT_REACHED:
        return Wait(None)
    send = Send(OperationKind.COMPLETE, attempt, story.payment.amount_minor, completions[-1].action_result)
    return send_or_wait(story, send, now)


def _authorise(story: Story, attempt: AttemptRow, steps_of: dict[str, tuple[OperationKind, ...]]) -> Step:
    steps = steps_of[attempt.gateway]
    kind = steps[0] if attempt.status is AttemptStatus.STARTED else steps[-1]
    return Send(kind, attempt, story.payment.amount_minor)


def _capture(story: Story, winner: AttemptRow, now: datetime) -> Step:
    captures = story.operations_of(winner.id, OperationKind.CAPTURE)
    wished = captures[-1] if captures else None
    if wished is not None and wished.outcome is OutcomeKind.NOT_REACHED:
        return _capture_again(story, winner, wished, now)
    if captures_of(story, winner.id) or is_over(winner, now):
        return Rest()
    if story.payment.capture_method == "automatic":
        return send_or_wait(story, Send(OperationKind.CAPTURE, winner, story.payment.amount_minor), now)
    # the merchant who asked for it heard what the reply was; what the gateway told later nobody was waiting for
    told_late = [op for op in captures if op.outcome is OutcomeKind.DECLINED and op.settled_by is not SettledBy.REPLY]
    return refused_by(winner, told_late[-1]) if told_late and not told_late[-1].noted else Rest()


def _capture_again(story: Story, winner: AttemptRow, wished: OperationRow, now: datetime) -> Step:
    """A capture that never reached the gateway is still wanted, whoever asked for it, as long as it can be made."""
    if wished.amount_minor > capturable_minor(story, winner, now):
        return Rest()
    captures = story.operations_of(winner.id, OperationKind.CAPTURE)
    tries = list(takewhile(lambda op: op.outcome is OutcomeKind.NOT_REACHED, reversed(captures)))[::-1]
    send = Send(OperationKind.CAPTURE, winner, wished.amount_minor, final=wished.final)
    return after_pause(send, tries, now)


def _fail_over(
    story: Story, current: list[AttemptRow], policy: FailoverPolicy, now: datetime, ceiling: Ceiling | None
) -> Step:
    payment = story.payment
    assert payment.plan is not None
    if payment.failure_reason == NETWORK_LIMIT:  # it stays so for this card, though the limit's time goes by
        return Rest(payment.failure_reason, payment.failure_message)
    again = step_up_of(story, current)
    if again is not None and ceiling is None:
        why = f"asked again with a challenge: {again.gateway} declined without one"
        return StartAttempt(again.gateway_account_id, again.gateway, why)
    results, began = without_stepped_up(_since_expiry(story, current)), now
    if results:
        began = max(results[0].created_at, *_undone_at(story, results), *returned_at(story, results))
    away = _sent_away(story, results)
    if away is not None:
        reason = str(away.decline["reason"]) if away.decline else "canceled"
        return Rest(reason, f"the shopper had been sent to {away.gateway}'s page: they choose again")
    answer = failover_next(
        policy,
        RoutePlan.from_json(payment.plan),
        [_result(story, attempt) for attempt in results],
        customer_present=not payment.usage.by_merchant and not any(ran_out(story, attempt) for attempt in current),
        elapsed_s=(now - began).total_seconds(),
        ceiling=ceiling,
    )
    match answer:
        case TryNext(account_id=account_id, why=why):
            steps = RoutePlan.from_json(payment.plan).steps
            gateway = next(step.gateway for step in steps if step.account_id == account_id)
            return StartAttempt(account_id, gateway, why)
        case GiveUp(why=why) if ceiling is not None:
            return Rest(NETWORK_LIMIT, why)
        case GiveUp(why=why):
            decline = current[-1].decline if current else None
            return Rest(str(decline["reason"]) if decline else "no_gateway", why)
        case AwaitCustomer() | AwaitNews() | Succeed():
            return Wait(None)


def _sent_away(story: Story, attempts: list[AttemptRow]) -> AttemptRow | None:
    """The attempt whose page the shopper had come to, where they approve there and nowhere else.

    After that it is theirs to choose. What was refused in the very answer to our request had no page yet.
    """
    if story.payment.instrument is None or not sends_away(story.payment.instrument):
        return None
    for attempt in attempts:
        for op in story.operations_of(attempt.id):
            later = op.kind is OperationKind.CONFIRM and op.settled_by is not SettledBy.REPLY
            if attempt.status is AttemptStatus.DECLINED and (later or op.kind is OperationKind.COMPLETE):
                return attempt
    return None


def _since_expiry(story: Story, current: list[AttemptRow]) -> list[AttemptRow]:
    """The attempts after the last authorisation that ran out: what was before it does not count against them."""
    ended = [n for n, attempt in enumerate(current, 1) if ran_out(story, attempt)]
    return current[ended[-1] :] if ended else current


def _undone_at(story: Story, attempts: list[AttemptRow]) -> list[datetime]:
    """Whoever chose to wait for a cancel and go on then is not held to the time that a shopper waits: `now` begins anew
    with each cancel."""
    return [
        op.settled_at or op.sent_at
        for attempt in attempts
        for op in story.operations_of(attempt.id, OperationKind.VOID)
        if op.approved and op.cause is Cause.UNKNOWN
    ] or [attempts[0].created_at]


def _result(story: Story, attempt: AttemptRow) -> AttemptResult:
    kinds = {
        AttemptStatus.DECLINED: OutcomeKind.DECLINED,
        AttemptStatus.NOT_REACHED: OutcomeKind.NOT_REACHED,
        AttemptStatus.ACTION_REQUIRED: OutcomeKind.ACTION_REQUIRED,
        AttemptStatus.PENDING: OutcomeKind.PENDING,
        AttemptStatus.AUTHORISED: OutcomeKind.APPROVED,
        # voided by itself after a late success, or left by the shopper: it took nothing, and nothing may follow it
        AttemptStatus.VOIDED: OutcomeKind.DECLINED,
        AttemptStatus.ABANDONED: OutcomeKind.DECLINED,
        AttemptStatus.CAPTURED: OutcomeKind.DECLINED,  # beside the one that won, so its money went back
    }
    kind = kinds.get(attempt.status, OutcomeKind.UNKNOWN)
    goes_on = story.payment.on_unknown is OnUnknown.CANCEL_THEN_FAILOVER  # else it ends there, however late that is
    if goes_on and attempt.status is AttemptStatus.VOIDED and undone_for(story, attempt, Cause.UNKNOWN):
        kind = OutcomeKind.NOT_REACHED  # proven to have taken nothing, and to take nothing any more
    return AttemptResult(attempt.gateway_account_id, kind, decline_from(attempt.decline))


def decline_from(stored: dict[str, object] | None) -> Decline | None:
    """A stored decline as a value again."""
    if stored is None:
        return None
    return Decline(
        reason=str(stored["reason"]),
        action_cit=RetryAction(str(stored["action_cit"])),
        action_mit=RetryAction(str(stored["action_mit"])),
        gateway_code=str(stored["gateway_code"]),
        gateway_message=str(stored.get("gateway_message", "")),
        advice_code=str(stored.get("advice_code", "")),
    )


def status_of(story: Story, step: Step) -> PaymentStatus:
    """The payment's status, derived from what happened and what comes next."""
    payment = story.payment
    if payment.status in GIVEN_UP:
        return payment.status
    captured = paid_minor(story)
    if captured:
        return PaymentStatus.CAPTURED if captured >= payment.amount_minor else PaymentStatus.PARTIALLY_CAPTURED
    if any(op.state is OperationState.NEEDS_REVIEW for op in story.operations):
        return PaymentStatus.NEEDS_REVIEW
    if isinstance(step, Rest) and step.reason == "gateway_refused":
        return PaymentStatus.NEEDS_REVIEW
    if winner_of(story) is not None and not payment.cancel_requested:
        return PaymentStatus.AUTHORISED
    if isinstance(step, Rest):
        return _rest_status(payment, step)
    # a date to look again means that it is ours to act, though the shopper did: the gateway could not be told
    asked = any(a.status is AttemptStatus.ACTION_REQUIRED for a in _current(story))
    if step == Wait(None) and asked and not payment.cancel_requested:
        return PaymentStatus.REQUIRES_ACTION
    return PaymentStatus.REQUIRES_PAYMENT_METHOD if payment.instrument is None else PaymentStatus.PROCESSING


def _rest_status(payment: PaymentRow, rest: Rest) -> PaymentStatus:
    if payment.cancel_requested or rest.reason == EXPIRED:
        return PaymentStatus.CANCELED
    if payment.hosted:
        return PaymentStatus.REQUIRES_PAYMENT_METHOD
    return PaymentStatus.FAILED


def _current(story: Story) -> list[AttemptRow]:
    return [attempt for attempt in story.attempts if attempt.round == story.payment.round]
