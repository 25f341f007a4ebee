"""What comes next for a payment: each situation and its step."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from payment_model import AMOUNT, HARD, SOFT, START, STEPS, new_attempt, new_operation, new_payment, says

from orchestrator.gateways.base import OperationKind as Kind
from orchestrator.payments import lifecycle
from orchestrator.payments.outcomes import counts
from orchestrator.payments.records import (
    AttemptRow,
    AttemptStatus,
    Cause,
    OperationRow,
    OperationState,
    PaymentStatus,
    SettledBy,
    Story,
)
from orchestrator.payments.steps import Resolve, Rest, Send, StartAttempt, Step, Wait
from routing.failover import FailoverPolicy
from routing.outcomes import Outcome, OutcomeKind

NOW = START + timedelta(seconds=10)
SOON, PAST = NOW + timedelta(seconds=5), NOW - timedelta(seconds=5)
APPROVED, DECLINED, NOT_REACHED = OutcomeKind.APPROVED, OutcomeKind.DECLINED, OutcomeKind.NOT_REACHED


def attempt(number: int, status: AttemptStatus, gateway: str = "stripe", **more: Any) -> AttemptRow:
    return new_attempt(number, gateway, status=status, **more)


def settled(number: int, attempt_number: int, kind: Kind, outcome: OutcomeKind, **more: Any) -> OperationRow:
    values = {"settled_at": NOW, "settled_by": SettledBy.REPLY} | more
    return new_operation(number, f"att_{attempt_number}", kind, state=OperationState.SETTLED, outcome=outcome, **values)


def still(number: int, attempt_number: int, kind: Kind, state: OperationState, **more: Any) -> OperationRow:
    return new_operation(number, f"att_{attempt_number}", kind, state=state, **({"expires_at": SOON} | more))


def story(attempts: list[AttemptRow], operations: list[OperationRow], **payment: Any) -> Story:
    return Story(new_payment(**payment), attempts, operations)


def step_of(told: Story) -> Step:
    return lifecycle.next_step(told, FailoverPolicy(), STEPS, NOW)


SOFT_DECLINED = attempt(1, AttemptStatus.DECLINED, decline=asdict(SOFT))
AUTHORISED = attempt(1, AttemptStatus.AUTHORISED)
CONFIRMED = settled(1, 1, Kind.CONFIRM, APPROVED)
LATE = [AUTHORISED, attempt(2, AttemptStatus.CAPTURED, "adyen")]
LATE_OPS = [CONFIRMED, settled(2, 2, Kind.CAPTURE, APPROVED)]

SITUATIONS: dict[str, tuple[Story, Step]] = {
    "nothing yet: the first of the plan": (story([], []), StartAttempt("ga_stripe", "stripe", "first in the plan")),
    "a started attempt takes its first step": (
        story([attempt(1, AttemptStatus.STARTED)], []),
        Send(Kind.CREATE, attempt(1, AttemptStatus.STARTED), AMOUNT.minor),
    ),
    "a created one is confirmed": (
        story([attempt(1, AttemptStatus.CREATED)], [settled(1, 1, Kind.CREATE, APPROVED)]),
        Send(Kind.CONFIRM, attempt(1, AttemptStatus.CREATED), AMOUNT.minor),
    ),
    "a call is out: wait for its reply": (
        story([attempt(1, AttemptStatus.CREATED)], [still(1, 1, Kind.CONFIRM, OperationState.SENT)]),
        Wait(SOON),
    ),
    "nobody can still hear the reply: resolve": (
        story([attempt(1, AttemptStatus.CREATED)], [still(1, 1, Kind.CONFIRM, OperationState.SENT, expires_at=PAST)]),
        Resolve(still(1, 1, Kind.CONFIRM, OperationState.SENT, expires_at=PAST)),
    ),
    "an unknown outcome never fails over": (
        story([attempt(1, AttemptStatus.UNKNOWN)], [still(1, 1, Kind.CONFIRM, OperationState.UNKNOWN)]),
        Wait(SOON),
    ),
    "what needs a person waits for one": (
        story([attempt(1, AttemptStatus.UNKNOWN)], [still(1, 1, Kind.CONFIRM, OperationState.NEEDS_REVIEW)]),
        Wait(None),
    ),
    "pending: wait for the webhook": (
        story([attempt(1, AttemptStatus.PENDING)], [still(1, 1, Kind.CONFIRM, OperationState.PENDING)]),
        Wait(None),
    ),
    "pending for long: look": (
        story([AUTHORISED], [CONFIRMED, still(2, 1, Kind.CAPTURE, OperationState.PENDING, expires_at=PAST)]),
        Resolve(still(2, 1, Kind.CAPTURE, OperationState.PENDING, expires_at=PAST)),
    ),
    "a soft decline goes to the next account": (
        story([SOFT_DECLINED], [settled(1, 1, Kind.CONFIRM, DECLINED)]),
        StartAttempt("ga_adyen", "adyen", "ga_stripe declined: do_not_honor"),
    ),
    "a hard decline ends it": (
        story([attempt(1, AttemptStatus.DECLINED, decline=asdict(HARD))], []),
        Rest("stolen_card", "declined: stolen_card"),
    ),
    "authorised: capture": (story([AUTHORISED], [CONFIRMED]), Send(Kind.CAPTURE, AUTHORISED, AMOUNT.minor)),
    "authorised for manual capture: rest": (story([AUTHORISED], [CONFIRMED], capture_method="manual"), Rest()),
    "captured: rest": (story([LATE[1]], [LATE_OPS[1]]), Rest()),
    "a capture that was not reached is sent again after a pause": (
        story([AUTHORISED], [CONFIRMED, settled(2, 1, Kind.CAPTURE, NOT_REACHED)]),
        Wait(NOW + timedelta(seconds=1)),
    ),
    "so is one that the merchant asked for: part of it, and the rest may follow": (
        story(
            [AUTHORISED],
            [CONFIRMED, settled(2, 1, Kind.CAPTURE, NOT_REACHED, amount_minor=700, final=False, settled_at=PAST)],
            capture_method="manual",
        ),
        Send(Kind.CAPTURE, AUTHORISED, 700, final=False),
    ),
    "also after another part was taken": (
        story(
            [AUTHORISED],
            [
                CONFIRMED,
                settled(2, 1, Kind.CAPTURE, APPROVED, amount_minor=700, final=False, captures=True),
                settled(3, 1, Kind.CAPTURE, NOT_REACHED, amount_minor=300, settled_at=PAST),
            ],
            capture_method="manual",
        ),
        Send(Kind.CAPTURE, AUTHORISED, 300),
    ),
    "but not of a rest that was let go since": (
        story(
            [AUTHORISED],
            [
                CONFIRMED,
                settled(2, 1, Kind.CAPTURE, APPROVED, amount_minor=700, final=False, captures=True),
                settled(3, 1, Kind.CAPTURE, NOT_REACHED, amount_minor=300, settled_at=PAST),
                settled(4, 1, Kind.VOID, APPROVED),
            ],
            capture_method="manual",
        ),
        Rest(),
    ),
    "nor of a payment that was canceled since": (
        story(
            [AUTHORISED],
            [CONFIRMED, settled(2, 1, Kind.CAPTURE, NOT_REACHED, amount_minor=700, settled_at=PAST)],
            capture_method="manual",
            cancel_requested=True,
        ),
        Send(Kind.VOID, AUTHORISED, AMOUNT.minor, cause=Cause.SURPLUS),
    ),
    "a late success beside the winner is voided": (
        story(LATE, LATE_OPS),
        Send(Kind.VOID, AUTHORISED, AMOUNT.minor, cause=Cause.SURPLUS),
    ),
    "a late success after the payment was told to have failed is voided": (
        story([AUTHORISED], [CONFIRMED], status=PaymentStatus.FAILED),
        Send(Kind.VOID, AUTHORISED, AMOUNT.minor, cause=Cause.SURPLUS),
    ),
    "a canceled payment's authorisation is voided": (
        story([AUTHORISED], [CONFIRMED], cancel_requested=True),
        Send(Kind.VOID, AUTHORISED, AMOUNT.minor, cause=Cause.SURPLUS),
    ),
    "a canceled payment goes no further": (
        story([attempt(1, AttemptStatus.CREATED)], [settled(1, 1, Kind.CREATE, APPROVED)], cancel_requested=True),
        Rest(),
    ),
    "a void under way does not keep the winner from its capture": (
        story(
            [AUTHORISED, attempt(2, AttemptStatus.AUTHORISED, "adyen")],
            [CONFIRMED, still(2, 1, Kind.VOID, OperationState.PENDING)],
        ),
        Send(Kind.CAPTURE, attempt(2, AttemptStatus.AUTHORISED, "adyen"), AMOUNT.minor),
    ),
    "a refund in doubt does not keep a late success": (
        story(LATE, [*LATE_OPS, still(3, 2, Kind.REFUND, OperationState.NEEDS_REVIEW)]),
        Send(Kind.VOID, AUTHORISED, AMOUNT.minor, cause=Cause.SURPLUS),
    ),
    "the shopper has to act": (
        story([attempt(1, AttemptStatus.ACTION_REQUIRED)], [settled(1, 1, Kind.CONFIRM, OutcomeKind.ACTION_REQUIRED)]),
        Wait(None),
    ),
    "the shopper acted and the gateway was not reached: told again after a pause": (
        story(
            [attempt(1, AttemptStatus.ACTION_REQUIRED)],
            [settled(1, 1, Kind.COMPLETE, NOT_REACHED, action_result={"r": "1"}, settled_at=PAST)],
        ),
        Send(Kind.COMPLETE, attempt(1, AttemptStatus.ACTION_REQUIRED), AMOUNT.minor, {"r": "1"}),
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_next_step(situation: str) -> None:
    told, expected = SITUATIONS[situation]
    assert step_of(told) == expected


def test_what_is_pending_is_looked_at_though_the_payment_rests() -> None:
    told = story(LATE[1:], [LATE_OPS[1], still(3, 2, Kind.REFUND, OperationState.PENDING)])
    step = step_of(told)
    assert (step, lifecycle.wake_at(told, step, NOW)) == (Rest(), SOON)


def test_a_shopper_who_acted_is_not_sent_to_act_again_while_the_gateway_is_down() -> None:
    operations = [settled(1, 1, Kind.COMPLETE, NOT_REACHED, action_result={"r": "1"})]
    told = story([attempt(1, AttemptStatus.ACTION_REQUIRED)], operations)
    assert lifecycle.status_of(told, step_of(told)) is PaymentStatus.PROCESSING


@pytest.mark.parametrize("status", [PaymentStatus.FAILED, PaymentStatus.CANCELED])
def test_what_was_told_as_given_up_stays_so_while_a_late_success_is_voided(status: PaymentStatus) -> None:
    told = story([AUTHORISED], [CONFIRMED], status=status, cancel_requested=status is PaymentStatus.CANCELED)
    assert lifecycle.status_of(told, step_of(told)) is status


def test_a_refused_capture_needs_a_person() -> None:
    told = story([AUTHORISED], [CONFIRMED, settled(2, 1, Kind.CAPTURE, DECLINED)])
    assert lifecycle.status_of(told, step_of(told)) is PaymentStatus.NEEDS_REVIEW


def test_a_copy_that_was_not_reached_says_nothing_of_the_copy_that_the_resolver_sent() -> None:
    asked = still(1, 1, Kind.CONFIRM, OperationState.UNKNOWN, tries=1)
    assert not counts(asked, says(NOT_REACHED), SettledBy.REPLY)
    assert counts(asked, says(APPROVED), SettledBy.REPLY)


NEWS = [
    # was, settled by, news, by, counts
    (Kind.CONFIRM, DECLINED, SettledBy.REPLY, says(APPROVED), SettledBy.WEBHOOK, True),
    (Kind.CONFIRM, APPROVED, SettledBy.REPLY, says(DECLINED, SOFT), SettledBy.WEBHOOK, False),
    (Kind.CONFIRM, OutcomeKind.ACTION_REQUIRED, SettledBy.REPLY, says(DECLINED, SOFT), SettledBy.WEBHOOK, True),
    (Kind.CREATE, NOT_REACHED, SettledBy.RESEND, says(APPROVED), SettledBy.REPLY, False),
    (Kind.CAPTURE, APPROVED, SettledBy.WEBHOOK, says(DECLINED, HARD), SettledBy.WEBHOOK, True),
    (Kind.CAPTURE, APPROVED, SettledBy.LOOK_UP, says(DECLINED, HARD), SettledBy.REPLY, False),
    (Kind.CAPTURE, DECLINED, SettledBy.WEBHOOK, says(APPROVED), SettledBy.WEBHOOK, False),
    (Kind.CAPTURE, DECLINED, SettledBy.WEBHOOK, says(APPROVED), SettledBy.REPLY, False),
    (Kind.REFUND, DECLINED, SettledBy.REPLY, says(APPROVED), SettledBy.WEBHOOK, True),
]


@pytest.mark.parametrize(("kind", "was", "settled_by", "news", "by", "expected"), NEWS)
def test_what_overturns_a_settled_operation(
    kind: Kind, was: OutcomeKind, settled_by: SettledBy, news: Outcome, by: SettledBy, expected: bool
) -> None:
    assert counts(settled(1, 1, kind, was, settled_by=settled_by), news, by) is expected
