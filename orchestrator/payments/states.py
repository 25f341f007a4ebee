"""The states of a payment and its attempts as tables: what may follow what. The docs draw their diagrams from here."""

from __future__ import annotations

from orchestrator.gateways.base import OperationKind
from orchestrator.payments.records import AttemptRow, AttemptStatus, Cause, OperationRow, PaymentStatus
from routing.outcomes import Outcome, OutcomeKind

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
}

# What a confirmed void makes of an attempt in each state; in every other it stays what it is (part of it is captured,
# or there was nothing to undo).
ATTEMPT_AFTER_VOID: dict[AttemptStatus, AttemptStatus] = {
    AttemptStatus.AUTHORISED: AttemptStatus.VOIDED,
    AttemptStatus.UNKNOWN: AttemptStatus.VOIDED,
    AttemptStatus.PENDING: AttemptStatus.VOIDED,
    AttemptStatus.ACTION_REQUIRED: AttemptStatus.ABANDONED,
}

AUTHORISING = frozenset({OperationKind.CONFIRM, OperationKind.COMPLETE})
HOLDS_MONEY = frozenset({AttemptStatus.AUTHORISED, AttemptStatus.CAPTURED})
PAST_AUTHORISING = frozenset({AttemptStatus.AUTHORISED, AttemptStatus.CAPTURED, AttemptStatus.VOIDED})
GIVEN_UP = frozenset({PaymentStatus.CANCELED, PaymentStatus.FAILED})  # told to the merchant, so it stays

# For these a gateway that will not cancel ends the wait for the shopper all the same: what may still succeed is given
# back by itself. Where the shopper wants to pay in another way only a confirmed cancel does.
_ENDS_ANYWAY = frozenset({Cause.CANCELED, Cause.TIMED_OUT, Cause.SURPLUS})

# How a payment's status may change. It is derived anew at each step (`lifecycle.status_of`); this table is what the
# properties hold it to, and what the diagram in the docs shows.
TRANSITIONS: dict[PaymentStatus, frozenset[PaymentStatus]] = {
    PaymentStatus.REQUIRES_PAYMENT_METHOD: frozenset(
        {
            PaymentStatus.PROCESSING,
            # a try that we had taken for refused, or left, was approved after all
            PaymentStatus.AUTHORISED,
            PaymentStatus.CAPTURED,
            PaymentStatus.CANCELED,
        }
    ),
    PaymentStatus.PROCESSING: frozenset(
        {
            PaymentStatus.REQUIRES_ACTION,
            PaymentStatus.REQUIRES_PAYMENT_METHOD,
            PaymentStatus.AUTHORISED,
            PaymentStatus.CAPTURED,  # a way to pay that takes the money at once
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
            PaymentStatus.CAPTURED,
            PaymentStatus.FAILED,
            PaymentStatus.CANCELED,
            PaymentStatus.NEEDS_REVIEW,
        }
    ),
    PaymentStatus.AUTHORISED: frozenset(
        {
            PaymentStatus.PARTIALLY_CAPTURED,
            PaymentStatus.CAPTURED,
            PaymentStatus.PROCESSING,  # it is being voided, or authorised again
            PaymentStatus.CANCELED,  # its time is over
            PaymentStatus.NEEDS_REVIEW,
        }
    ),
    # back: the gateway took a capture back
    PaymentStatus.PARTIALLY_CAPTURED: frozenset(
        {PaymentStatus.CAPTURED, PaymentStatus.AUTHORISED, PaymentStatus.CANCELED, PaymentStatus.NEEDS_REVIEW}
    ),
    PaymentStatus.CAPTURED: frozenset(
        {
            PaymentStatus.PARTIALLY_CAPTURED,
            PaymentStatus.AUTHORISED,
            PaymentStatus.NEEDS_REVIEW,
            # a bank took a debit back; what was taken beside it may still be on its way back
            PaymentStatus.PROCESSING,
            PaymentStatus.FAILED,
            PaymentStatus.REQUIRES_PAYMENT_METHOD,
        }
    ),
    # what comes later is given back, and the status stays as it was told
    PaymentStatus.CANCELED: frozenset(),
    PaymentStatus.FAILED: frozenset(),
    PaymentStatus.NEEDS_REVIEW: frozenset(PaymentStatus) - {PaymentStatus.NEEDS_REVIEW},  # the truth came out
}


def attempt_after(attempt: AttemptRow, operation: OperationRow, outcome: Outcome) -> AttemptStatus | None:
    """What the outcome makes of the attempt, by the tables above; None where it stays what it is."""
    if operation.kind is OperationKind.VOID:
        if outcome.kind is OutcomeKind.APPROVED:
            return ATTEMPT_AFTER_VOID.get(attempt.status)
        ends = outcome.kind is OutcomeKind.DECLINED and operation.cause in _ENDS_ANYWAY
        return AttemptStatus.ABANDONED if ends and attempt.status is AttemptStatus.ACTION_REQUIRED else None
    if operation.kind in AUTHORISING:
        if operation.captures and outcome.kind is OutcomeKind.APPROVED:
            return AttemptStatus.CAPTURED
        if attempt.status in PAST_AUTHORISING:
            return None
        if attempt.status is AttemptStatus.ABANDONED and outcome.kind is OutcomeKind.ACTION_REQUIRED:
            return None  # that it could still be acted upon does not take it up again
    return ATTEMPT_AFTER.get((operation.kind, outcome.kind))
