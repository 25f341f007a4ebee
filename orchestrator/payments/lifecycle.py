"""The states of a payment and its attempts as data, and the one decision: what happens next. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestrator.gateways.base import OperationKind
from orchestrator.payments.records import (
    AttemptRow,
    AttemptStatus,
    OperationRow,
    OperationState,
    PaymentRow,
    PaymentStatus,
    SettledBy,
    Story,
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
from routing.outcomes import Decline, OutcomeKind, RetryAction

# What an operation's outcome makes of its attempt. What is not listed leaves the attempt as it is: a refund says
# nothing of the authorisation, a capture that was not reached is tried again.
ATTEMPT_AFTER: dict[tuple[OperationKind, OutcomeKind], AttemptStatus] = {
    (OperationKind.CREATE, OutcomeKind.APPROVED): AttemptStatus.CREATED,
    (OperationKind.CREATE, OutcomeKind.DECLINED): AttemptStatus.DECLINED,
    (OperationKind.CREATE, OutcomeKind.NOT_REACHED): AttemptStatus.NOT_REACHED,
    # no money can move by a create, so a lost answer to one may fail over like a closed door (design rule 3)
    (OperationKind.CREATE, OutcomeKind.UNKNOWN): AttemptStatus.NOT_REACHED,
    (OperationKind.CONFIRM, OutcomeKind.APPROVED): AttemptStatus.AUTHORISED,
    (OperationKind.CONFIRM, OutcomeKind.DECLINED): AttemptStatus.DECLINED,
    (OperationKind.CONFIRM, OutcomeKind.ACTION_REQUIRED): AttemptStatus.ACTION_REQUIRED,
    (OperationKind.CONFIRM, OutcomeKind.PENDING): AttemptStatus.PENDING,
    (OperationKind.CONFIRM, OutcomeKind.UNKNOWN): AttemptStatus.UNKNOWN,
    (OperationKind.CONFIRM, OutcomeKind.NOT_REACHED): AttemptStatus.NOT_REACHED,
    (OperationKind.COMPLETE, OutcomeKind.APPROVED): AttemptStatus.AUTHORISED,
    (OperationKind.COMPLETE, OutcomeKind.DECLINED): AttemptStatus.DECLINED,
    (OperationKind.COMPLETE, OutcomeKind.ACTION_REQUIRED): AttemptStatus.ACTION_REQUIRED,
    (OperationKind.COMPLETE, OutcomeKind.PENDING): AttemptStatus.PENDING,
    (OperationKind.COMPLETE, OutcomeKind.UNKNOWN): AttemptStatus.UNKNOWN,
    (OperationKind.CAPTURE, OutcomeKind.APPROVED): AttemptStatus.CAPTURED,
    (OperationKind.VOID, OutcomeKind.APPROVED): AttemptStatus.VOIDED,
}

AUTHORISING = frozenset({OperationKind.CONFIRM, OperationKind.COMPLETE})
HOLDS_MONEY = frozenset({AttemptStatus.AUTHORISED, AttemptStatus.CAPTURED})
RETRY_PAUSE_S = (1, 5, 30, 120, 600, 1800)  # between tries of a capture or void that did not reach the gateway
GIVEN_UP = frozenset({PaymentStatus.CANCELED, PaymentStatus.FAILED})  # told to the merchant, so it stays
_ASKED_ABOUT = frozenset({OperationState.SENT, OperationState.UNKNOWN, OperationState.PENDING})

# How a payment's status may change. It is derived anew at each step (`status_of`); this table is what the properties
# hold it to, and what the diagram in the docs shows.
TRANSITIONS: dict[PaymentStatus, frozenset[PaymentStatus]] = {
    PaymentStatus.REQUIRES_PAYMENT_METHOD: frozenset(
        # authorised: a try that we had taken for refused was approved after all
        {PaymentStatus.PROCESSING, PaymentStatus.AUTHORISED, PaymentStatus.CANCELED}
    ),
    PaymentStatus.PROCESSING: frozenset(
        {
            PaymentStatus.REQUIRES_ACTION,
            PaymentStatus.REQUIRES_PAYMENT_METHOD,
            PaymentStatus.AUTHORISED,
            PaymentStatus.FAILED,
            PaymentStatus.CANCELED,
            PaymentStatus.NEEDS_REVIEW,
        }
    ),
    PaymentStatus.REQUIRES_ACTION: frozenset(
        {
            PaymentStatus.PROCESSING,
            PaymentStatus.REQUIRES_PAYMENT_METHOD,
            PaymentStatus.AUTHORISED,
            PaymentStatus.FAILED,
            PaymentStatus.CANCELED,
        }
    ),
    PaymentStatus.AUTHORISED: frozenset(
        {
            PaymentStatus.PARTIALLY_CAPTURED,
            PaymentStatus.CAPTURED,
            PaymentStatus.PROCESSING,  # it is being voided
            PaymentStatus.NEEDS_REVIEW,
        }
    ),
    # the gateway took the capture back; authorised: while a call of another attempt is still out
    PaymentStatus.PARTIALLY_CAPTURED: frozenset({PaymentStatus.AUTHORISED, PaymentStatus.NEEDS_REVIEW}),
    PaymentStatus.CAPTURED: frozenset({PaymentStatus.AUTHORISED, PaymentStatus.NEEDS_REVIEW}),
    # a capture that had been refused turned out to have happened
    PaymentStatus.CANCELED: frozenset({PaymentStatus.PARTIALLY_CAPTURED, PaymentStatus.CAPTURED}),
    PaymentStatus.FAILED: frozenset({PaymentStatus.PARTIALLY_CAPTURED, PaymentStatus.CAPTURED}),
    PaymentStatus.NEEDS_REVIEW: frozenset(PaymentStatus) - {PaymentStatus.NEEDS_REVIEW},  # the truth came out
}


@dataclass(frozen=True, slots=True)
class StartAttempt:
    """Open the next attempt at this account, because of `why`."""

    account_id: str
    gateway: str
    why: str


@dataclass(frozen=True, slots=True)
class Send:
    """Send this operation for the attempt."""

    kind: OperationKind
    attempt: AttemptRow
    amount_minor: int
    action_result: dict[str, str] | None = None  # COMPLETE again: what the shopper brought back the first time


@dataclass(frozen=True, slots=True)
class Resolve:
    """Ask what became of this operation."""

    operation: OperationRow


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until`; None: until news comes (a webhook, the shopper, the merchant)."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class Rest:
    """The payment has come to rest: `reason` and `message` say why where it failed."""

    reason: str | None = None
    message: str | None = None


Step = StartAttempt | Send | Resolve | Wait | Rest


def winner_of(story: Story) -> AttemptRow | None:
    """The attempt whose money is kept: the one with a capture under way or done, else the first that is authorised."""
    voiding = {op.attempt_id for op in story.operations if op.kind is OperationKind.VOID and op.open}
    holders = [a for a in story.attempts if a.status in HOLDS_MONEY and a.id not in voiding]
    for attempt in holders:
        captures = story.operations_of(attempt.id, OperationKind.CAPTURE)
        if any(op.open or op.approved for op in captures):
            return attempt
    return holders[0] if holders else None


def next_step(
    story: Story, policy: FailoverPolicy, steps_of: dict[str, tuple[OperationKind, ...]], now: datetime
) -> Step:
    """What to do next for a payment. `steps_of` gives each gateway's steps of an authorisation.

    Order matters: first what may already have happened is settled, then money is tidied up, only then anything new
    begins. So an unknown outcome can never be followed by another attempt (design rule 2).
    """
    settling = _settle_first(story, now)
    if settling is not None:
        return settling
    tidying = _tidy_up(story, now)
    sending = next((step for step in tidying if isinstance(step, Send)), None)
    if sending is not None:
        return sending
    onward = _go_on(story, policy, steps_of, now)
    # a void that waits or was refused keeps the payment from its rest, but never the winner from its capture
    return tidying[0] if tidying and isinstance(onward, Rest) else onward


def wake_at(story: Story, step: Step) -> datetime | None:
    """When somebody must look at the payment again though no news has come; None: only news can change anything."""
    moments = [op.expires_at for op in story.operations if op.state in _ASKED_ABOUT]
    if isinstance(step, Wait) and step.until is not None:
        moments.append(step.until)
    return min(moments, default=None)


def _settle_first(story: Story, now: datetime) -> Step | None:
    """Resolve what is due. SENT: its caller has until expires_at; else expires_at is when to ask (again)."""
    for op in story.operations:
        if op.state in _ASKED_ABOUT and op.expires_at <= now:
            return Resolve(op)
    # what gives money back says nothing of what may be charged; what is pending holds up its own attempt only
    blocking = [op for op in story.operations if op.kind not in (OperationKind.REFUND, OperationKind.VOID)]
    waits = [op.expires_at for op in blocking if op.state in (OperationState.SENT, OperationState.UNKNOWN)]
    if waits:
        return Wait(min(waits))
    if any(op.state is OperationState.NEEDS_REVIEW for op in blocking):
        return Wait(None)
    return None


def _tidy_up(story: Story, now: datetime) -> list[Step]:
    """Void what must not be kept: every authorisation but the winner's, and that too when the payment is given up."""
    winner = winner_of(story)
    steps: list[Step] = []
    for attempt in story.attempts:
        if attempt.status is not AttemptStatus.AUTHORISED or (attempt is winner and not given_up(story.payment)):
            continue
        if not any(op.open or op.approved for op in story.operations_of(attempt.id, OperationKind.CAPTURE)):
            steps.append(_send_or_wait(story, attempt, OperationKind.VOID, story.payment.amount_minor, now))
    return steps


def given_up(payment: PaymentRow) -> bool:
    """Whether a success that comes from now on is given back (design rule 3)."""
    return payment.cancel_requested or payment.status in GIVEN_UP


def _go_on(story: Story, policy: FailoverPolicy, steps_of: dict[str, tuple[OperationKind, ...]], now: datetime) -> Step:
    payment = story.payment
    if given_up(payment):
        return Rest(payment.failure_reason, payment.failure_message)
    winner = winner_of(story)
    if winner is not None:
        return _capture(story, winner, now)
    if any(op.open for op in story.operations if op.kind in AUTHORISING):
        return Wait(None)  # pending: it may still be approved
    current = _current(story)
    last = current[-1] if current else None
    if last is not None and last.status in (AttemptStatus.STARTED, AttemptStatus.CREATED):
        return _authorise(story, last, steps_of)
    if last is not None and last.status is AttemptStatus.ACTION_REQUIRED:
        return _complete_again(story, last, now)
    if payment.card is None or payment.plan is None:
        return Wait(None)
    return _fail_over(story, current, policy, now)


def _complete_again(story: Story, attempt: AttemptRow, now: datetime) -> Step:
    """The shopper was back but the gateway could not be told; else it is for the shopper to act."""
    completions = story.operations_of(attempt.id, OperationKind.COMPLETE)
    if not completions or completions[-1].outcome is not OutcomeKind.NOT_REACHED:
        return Wait(None)
    step = _send_or_wait(story, attempt, OperationKind.COMPLETE, story.payment.amount_minor, now)
    return replace(step, action_result=completions[-1].action_result) if isinstance(step, Send) else step


def _authorise(story: Story, attempt: AttemptRow, steps_of: dict[str, tuple[OperationKind, ...]]) -> Step:
    steps = steps_of[attempt.gateway]
    kind = steps[0] if attempt.status is AttemptStatus.STARTED else steps[-1]
    return Send(kind, attempt, story.payment.amount_minor)


def _capture(story: Story, winner: AttemptRow, now: datetime) -> Step:
    captures = story.operations_of(winner.id, OperationKind.CAPTURE)
    if any(op.approved for op in captures):
        return Rest()
    if story.payment.capture_method == "automatic":
        return _send_or_wait(story, winner, OperationKind.CAPTURE, story.payment.amount_minor, now)
    # the merchant who asked for it heard what the reply was; what the gateway told later nobody was waiting for
    told_late = [op for op in captures if op.outcome is OutcomeKind.DECLINED and op.settled_by is not SettledBy.REPLY]
    return _refused(winner, told_late[-1]) if told_late else Rest()


def _refused(attempt: AttemptRow, operation: OperationRow) -> Rest:
    message = f"{attempt.gateway} refused the {operation.kind.value}; see operation {operation.id}"
    return Rest("gateway_refused", message)


def _send_or_wait(story: Story, attempt: AttemptRow, kind: OperationKind, amount_minor: int, now: datetime) -> Step:
    """Send, unless one is on its way or was refused, or the last try did not reach the gateway a moment ago."""
    earlier = story.operations_of(attempt.id, kind)
    if any(op.open for op in earlier):
        return Wait(None)
    refused = next((op for op in earlier if op.outcome is OutcomeKind.DECLINED), None)
    if refused is not None:
        return _refused(attempt, refused)
    if earlier:
        pause_s = RETRY_PAUSE_S[min(len(earlier), len(RETRY_PAUSE_S)) - 1]
        again_at = (earlier[-1].settled_at or now) + timedelta(seconds=pause_s)
        if again_at > now:
            return Wait(again_at)
    return Send(kind, attempt, amount_minor)


def _fail_over(story: Story, current: list[AttemptRow], policy: FailoverPolicy, now: datetime) -> Step:
    payment = story.payment
    assert payment.plan is not None
    began = current[0].created_at if current else now
    answer = failover_next(
        policy,
        RoutePlan.from_json(payment.plan),
        [_result(attempt) for attempt in current],
        customer_present=True,
        elapsed_s=(now - began).total_seconds(),
    )
    match answer:
        case TryNext(account_id=account_id, why=why):
            steps = RoutePlan.from_json(payment.plan).steps
            gateway = next(step.gateway for step in steps if step.account_id == account_id)
            return StartAttempt(account_id, gateway, why)
        case GiveUp(why=why):
            decline = current[-1].decline if current else None
            return Rest(str(decline["reason"]) if decline else "no_gateway", why)
        case AwaitCustomer() | AwaitNews() | Succeed():
            return Wait(None)


def _result(attempt: AttemptRow) -> AttemptResult:
    kinds = {
        AttemptStatus.DECLINED: OutcomeKind.DECLINED,
        AttemptStatus.NOT_REACHED: OutcomeKind.NOT_REACHED,
        AttemptStatus.ACTION_REQUIRED: OutcomeKind.ACTION_REQUIRED,
        AttemptStatus.PENDING: OutcomeKind.PENDING,
        AttemptStatus.AUTHORISED: OutcomeKind.APPROVED,
        AttemptStatus.CAPTURED: OutcomeKind.APPROVED,
        # voided by itself after a late success, or left by the shopper: it took nothing, and nothing may follow it
        AttemptStatus.VOIDED: OutcomeKind.DECLINED,
        AttemptStatus.ABANDONED: OutcomeKind.DECLINED,
    }
    kind = kinds.get(attempt.status, OutcomeKind.UNKNOWN)
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


def captured_minor(story: Story) -> int:
    """What is captured, summed from the operations, so that repeated or reordered news changes nothing."""
    return sum(op.amount_minor for op in story.operations if op.kind is OperationKind.CAPTURE and op.approved)


def refunded_minor(story: Story) -> int:
    """What was given back, summed likewise."""
    return sum(op.amount_minor for op in story.operations if op.kind is OperationKind.REFUND and op.approved)


def status_of(story: Story, step: Step) -> PaymentStatus:
    """The payment's status, derived from what happened and what comes next."""
    payment = story.payment
    captured = captured_minor(story)
    if captured:
        return PaymentStatus.CAPTURED if captured >= payment.amount_minor else PaymentStatus.PARTIALLY_CAPTURED
    if payment.status in GIVEN_UP:
        return payment.status
    if any(op.state is OperationState.NEEDS_REVIEW for op in story.operations):
        return PaymentStatus.NEEDS_REVIEW
    if isinstance(step, Rest) and step.reason == "gateway_refused":
        return PaymentStatus.NEEDS_REVIEW
    if winner_of(story) is not None and not payment.cancel_requested:
        return PaymentStatus.AUTHORISED
    if isinstance(step, Rest):
        return _rest_status(payment)
    # a date to look again means that it is ours to act, though the shopper did: the gateway could not be told
    if step == Wait(None) and any(a.status is AttemptStatus.ACTION_REQUIRED for a in _current(story)):
        return PaymentStatus.REQUIRES_ACTION
    return PaymentStatus.REQUIRES_PAYMENT_METHOD if payment.card is None else PaymentStatus.PROCESSING


def _rest_status(payment: PaymentRow) -> PaymentStatus:
    if payment.cancel_requested:
        return PaymentStatus.CANCELED
    if payment.hosted:
        return PaymentStatus.REQUIRES_PAYMENT_METHOD
    return PaymentStatus.FAILED


def _current(story: Story) -> list[AttemptRow]:
    return [attempt for attempt in story.attempts if attempt.round == story.payment.round]
