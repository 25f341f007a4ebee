"""The states of a payment and its attempts as data, and the one decision: what happens next. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.gateways.base import OperationKind
from orchestrator.payments.records import (
    AttemptRow,
    AttemptStatus,
    OperationRow,
    OperationState,
    PaymentRow,
    PaymentStatus,
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
    next_step as failover_next,
)
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

HOLDS_MONEY = frozenset({AttemptStatus.AUTHORISED, AttemptStatus.CAPTURED})
RETRY_PAUSE_S = (1, 5, 30, 120, 600, 1800)  # between tries of a capture or void that did not reach the gateway
FINAL = frozenset({PaymentStatus.CAPTURED, PaymentStatus.CANCELED, PaymentStatus.FAILED})


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
    holders = [attempt for attempt in story.attempts if attempt.status in HOLDS_MONEY]
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
    return (
        _settle_first(story, now)
        or _tidy_up(story, now)
        or _go_on(story, policy, steps_of, now)
    )


def _settle_first(story: Story, now: datetime) -> Step | None:
    waits: list[datetime] = []
    for op in story.operations:
        # SENT: its caller has until expires_at; UNKNOWN: expires_at is when to ask again
        if op.state in (OperationState.SENT, OperationState.UNKNOWN):
            if op.expires_at <= now:
                return Resolve(op)
            waits.append(op.expires_at)
    if waits:
        return Wait(min(waits))
    if any(op.state is OperationState.NEEDS_REVIEW for op in story.operations):
        return Wait(None)
    return None


def _tidy_up(story: Story, now: datetime) -> Step | None:
    """Void what must not be kept: every authorisation but the winner's, and that one too when the payment is canceled."""
    winner = winner_of(story)
    # once a payment was told to have failed, a success that comes late is given back (design rule 3)
    given_up = story.payment.cancel_requested or story.payment.status is PaymentStatus.FAILED
    for attempt in story.attempts:
        if attempt.status is not AttemptStatus.AUTHORISED:
            continue
        captures = [op for op in story.operations_of(attempt.id, OperationKind.CAPTURE) if op.open or op.approved]
        unwanted = attempt is not winner or given_up
        if unwanted and not captures:
            return _send_or_wait(story, attempt, OperationKind.VOID, story.payment.amount_minor, now)
    return None


def _go_on(
    story: Story, policy: FailoverPolicy, steps_of: dict[str, tuple[OperationKind, ...]], now: datetime
) -> Step:
    payment = story.payment
    winner = winner_of(story)
    if winner is not None:
        return _capture(story, winner, now)
    if payment.cancel_requested or payment.status is PaymentStatus.FAILED:
        return Rest(payment.failure_reason, payment.failure_message)
    current = [attempt for attempt in story.attempts if attempt.round == payment.round]
    if current and current[-1].status in (AttemptStatus.STARTED, AttemptStatus.CREATED):
        return _authorise(story, current[-1], steps_of)
    if payment.card is None or payment.plan is None:
        return Wait(None)
    return _fail_over(story, current, policy, now)


def _authorise(story: Story, attempt: AttemptRow, steps_of: dict[str, tuple[OperationKind, ...]]) -> Step:
    steps = steps_of[attempt.gateway]
    kind = steps[0] if attempt.status is AttemptStatus.STARTED else steps[-1]
    return Send(kind, attempt, story.payment.amount_minor)


def _capture(story: Story, winner: AttemptRow, now: datetime) -> Step:
    if story.payment.capture_method == "manual":
        return Rest()
    captures = story.operations_of(winner.id, OperationKind.CAPTURE)
    if any(op.approved for op in captures):
        return Rest()
    return _send_or_wait(story, winner, OperationKind.CAPTURE, story.payment.amount_minor, now)


def _send_or_wait(
    story: Story, attempt: AttemptRow, kind: OperationKind, amount_minor: int, now: datetime
) -> Step:
    """Send, unless one is on its way or was refused, or the last try did not reach the gateway a moment ago."""
    earlier = story.operations_of(attempt.id, kind)
    if any(op.open for op in earlier):
        return Wait(None)
    if any(op.outcome is OutcomeKind.DECLINED for op in earlier):
        return Rest("gateway_refused", f"{attempt.gateway} refused the {kind.value}; see the operation's detail")
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
            gateway = next(step.gateway for step in RoutePlan.from_json(payment.plan).steps if step.account_id == account_id)
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
    if any(op.state is OperationState.NEEDS_REVIEW for op in story.operations):
        return PaymentStatus.NEEDS_REVIEW
    if payment.status is PaymentStatus.FAILED:
        return PaymentStatus.FAILED
    winner = winner_of(story)
    if winner is not None and not payment.cancel_requested:
        refused = isinstance(step, Rest) and step.reason == "gateway_refused"
        return PaymentStatus.NEEDS_REVIEW if refused else PaymentStatus.AUTHORISED
    if isinstance(step, Rest):
        return _rest_status(payment, step)
    if any(attempt.status is AttemptStatus.ACTION_REQUIRED for attempt in _current(story)):
        return PaymentStatus.REQUIRES_ACTION
    return PaymentStatus.REQUIRES_PAYMENT_METHOD if payment.card is None else PaymentStatus.PROCESSING


def _rest_status(payment: PaymentRow, rest: Rest) -> PaymentStatus:
    if rest.reason == "gateway_refused":
        return PaymentStatus.NEEDS_REVIEW
    if payment.cancel_requested:
        return PaymentStatus.CANCELED
    if payment.hosted:
        return PaymentStatus.REQUIRES_PAYMENT_METHOD
    return PaymentStatus.FAILED


def _current(story: Story) -> list[AttemptRow]:
    return [attempt for attempt in story.attempts if attempt.round == story.payment.round]
