"""What comes next when news is late or in another order: each case was once a mistake, or could have been one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec import structs
from payment_model import HARD, START, STEPS, new_attempt, new_operation, new_payment, says

from currency.money import Money
from orchestrator.errors import Conflict
from orchestrator.gateways.base import CaptureMode
from orchestrator.gateways.base import OperationKind as Kind
from orchestrator.payments import lifecycle, reviews, tidying
from orchestrator.payments.outcomes import TAKEN_BACK, believed, consequences, counts
from orchestrator.payments.records import (
    AttemptStatus,
    Cause,
    OperationRow,
    OperationState,
    PaymentStatus,
    SettledBy,
    Story,
    Verdict,
)
from orchestrator.payments.steps import Resolve, Rest, Send, StartAttempt, Step, Wait
from orchestrator.refunds import service as refunds
from routing.failover import FailoverPolicy
from routing.outcomes import Outcome, OutcomeKind

NOW = START + timedelta(days=8)
APPROVED, DECLINED, ACTION = OutcomeKind.APPROVED, OutcomeKind.DECLINED, OutcomeKind.ACTION_REQUIRED


def settled(number: int, attempt_id: str, kind: Kind, outcome: OutcomeKind = APPROVED, **more: Any) -> OperationRow:
    values = {"settled_at": START, "settled_by": SettledBy.REPLY} | more
    return new_operation(number, attempt_id, kind, state=OperationState.SETTLED, outcome=outcome, **values)


def pending(number: int, attempt_id: str, kind: Kind, **more: Any) -> OperationRow:
    later = NOW + timedelta(hours=1)
    return new_operation(number, attempt_id, kind, state=OperationState.PENDING, **({"expires_at": later} | more))


def step_of(told: Story, now: datetime = NOW) -> Step:
    return lifecycle.next_step(told, FailoverPolicy(), STEPS, now)


FIRST = new_attempt(1, status=AttemptStatus.CAPTURED)
SECOND = new_attempt(2, "adyen", status=AttemptStatus.CAPTURED)


# an authorisation that ran out


def ran_out(capture: OperationRow) -> Story:
    """The gateway told that it let the authorisation go while a capture of it was under way."""
    attempt = new_attempt(1, "adyen", status=AttemptStatus.VOIDED, capture_before=START + timedelta(days=7))
    operations = [settled(1, "att_1", Kind.CONFIRM), capture, settled(3, "att_1", Kind.VOID, cause=Cause.LAPSED)]
    return Story(new_payment(reauthorise=True), [attempt], operations)


def test_nothing_is_authorised_again_while_a_capture_of_the_old_authorisation_may_still_succeed() -> None:
    assert step_of(ran_out(pending(2, "att_1", Kind.CAPTURE))) == Wait(None)


def test_it_is_authorised_again_once_that_capture_has_failed() -> None:
    failed = settled(2, "att_1", Kind.CAPTURE, DECLINED, settled_by=SettledBy.WEBHOOK)
    assert isinstance(step_of(ran_out(failed)), StartAttempt)


def test_the_winner_of_a_part_stays_the_winner_while_the_end_of_its_rest_is_asked_about() -> None:
    """Else its capture would be taken for a surplus, and given back."""
    attempt = new_attempt(1, status=AttemptStatus.CAPTURED, capture_before=START + timedelta(days=7))
    lapsing = new_operation(
        3, "att_1", Kind.VOID, state=OperationState.UNKNOWN, cause=Cause.LAPSED, expires_at=NOW + timedelta(hours=1)
    )
    capture = settled(2, "att_1", Kind.CAPTURE, amount_minor=400, final=False)
    told = Story(new_payment(capture_method="manual"), [attempt], [settled(1, "att_1", Kind.CONFIRM), capture, lapsing])
    assert tidying.winner_of(told) == attempt
    assert not isinstance(step_of(told), Send)


# money that was taken twice

PART = settled(2, "att_1", Kind.CAPTURE, amount_minor=400, settled_at=START)
TWICE = settled(3, "att_2", Kind.CONFIRM, captures=True, settled_at=START + timedelta(hours=1))


@pytest.mark.parametrize("given_back", [False, True])
def test_what_came_twice_does_not_count_as_paid(given_back: bool) -> None:
    refund = settled(4, "att_2", Kind.REFUND, cause=Cause.SURPLUS, target_operation_id="op_3")
    told = Story(
        new_payment(capture_method="manual"), [FIRST, SECOND], [PART, TWICE, *([refund] if given_back else [])]
    )
    assert tidying.paid_minor(told) == 400
    assert lifecycle.status_of(told, Rest()) is PaymentStatus.PARTIALLY_CAPTURED


@pytest.mark.parametrize("hosted", [True, False])
def test_a_payment_rests_when_what_it_kept_was_taken_back_and_the_other_charge_went_back(hosted: bool) -> None:
    """Else it would wait for ever for a success that has been given back."""
    taken_back = new_attempt(1, status=AttemptStatus.DECLINED, capture_mode=CaptureMode.AUTOMATIC)
    lost = settled(2, "att_1", Kind.CONFIRM, DECLINED, captures=True, settled_by=SettledBy.WEBHOOK)
    refund = settled(4, "att_2", Kind.REFUND, cause=Cause.SURPLUS, target_operation_id="op_3")
    told = Story(new_payment(hosted=hosted, status=PaymentStatus.CAPTURED), [taken_back, SECOND], [lost, TWICE, refund])
    step = step_of(told)
    assert isinstance(step, Rest)
    expected = PaymentStatus.REQUIRES_PAYMENT_METHOD if hosted else PaymentStatus.FAILED
    assert lifecycle.status_of(told, step) is expected


def test_what_comes_after_the_payment_was_given_up_does_not_count_as_paid() -> None:
    told = Story(new_payment(status=PaymentStatus.CANCELED), [FIRST], [settled(2, "att_1", Kind.CAPTURE)])
    assert tidying.paid_minor(told) == 0


def test_a_refund_that_is_asked_for_is_of_the_money_that_is_kept_not_of_the_surplus() -> None:
    """Else the customer who paid twice would get one charge back where two are owed."""
    whole = settled(2, "att_1", Kind.CAPTURE, settled_at=START + timedelta(hours=2))
    first_taken = [settled(1, "att_1", Kind.CONFIRM), whole]
    waiting = settled(4, "att_2", Kind.REFUND, OutcomeKind.NOT_REACHED, cause=Cause.SURPLUS, target_operation_id="op_3")
    surplus = settled(3, "att_2", Kind.CONFIRM, captures=True, settled_at=START + timedelta(hours=3))
    told = Story(new_payment(), [FIRST, SECOND], [*first_taken, surplus, waiting])
    assert [capture.id for capture in refunds.refundable(told)] == ["op_2"]


# a challenge whose cancel is refused


def challenged(gateway: str, cause: Cause) -> tuple[Story, OperationRow]:
    attempt = new_attempt(1, gateway, status=AttemptStatus.ACTION_REQUIRED, capture_mode=CaptureMode.AUTOMATIC)
    void = new_operation(2, "att_1", Kind.VOID, cause=cause)
    told = Story(new_payment(), [attempt], [settled(1, "att_1", Kind.CONFIRM, ACTION, captures=True), void])
    return told, void


@pytest.mark.parametrize("cause", [Cause.TIMED_OUT, Cause.CANCELED, Cause.LEFT])
def test_a_refused_cancel_of_a_challenge_has_the_gateway_asked_whether_it_was_paid(cause: Cause) -> None:
    """An iDEAL payment that was paid cannot be canceled; should its webhook be lost, only asking finds the money."""
    told, void = challenged("stripe", cause)
    after = consequences(told, void, says(DECLINED, HARD), SettledBy.REPLY, NOW).in_story(told)
    assert step_of(after) == Resolve(after.operation("op_1"))
    paid = consequences(after, after.operation("op_1"), says(APPROVED), SettledBy.LOOK_UP, NOW).in_story(after)
    assert paid.attempts[0].status is AttemptStatus.CAPTURED


def test_a_challenge_that_ended_stays_ended_where_the_gateway_shows_it_as_open() -> None:
    told, void = challenged("stripe", Cause.TIMED_OUT)
    after = consequences(told, void, says(DECLINED, HARD), SettledBy.REPLY, NOW).in_story(told)
    still = consequences(after, after.operation("op_1"), says(ACTION), SettledBy.LOOK_UP, NOW).in_story(after)
    assert (still.attempts[0].status, still.operation("op_1").open) == (AttemptStatus.ABANDONED, False)
    assert isinstance(step_of(still), Rest)


def test_where_nothing_can_be_asked_the_signed_message_is_waited_for() -> None:
    told, void = challenged("adyen", Cause.TIMED_OUT)
    after = consequences(told, void, says(DECLINED, HARD), SettledBy.WEBHOOK, NOW).in_story(told)
    assert not after.operation("op_1").open


def test_what_the_shopper_brought_is_not_told_again_while_a_cancel_of_the_challenge_is_out() -> None:
    attempt = new_attempt(1, status=AttemptStatus.ACTION_REQUIRED, updated_at=START)
    asked = settled(1, "att_1", Kind.CONFIRM, ACTION)
    not_told = settled(2, "att_1", Kind.COMPLETE, OutcomeKind.NOT_REACHED, action_result={"r": "1"})
    soon = NOW + timedelta(seconds=5)
    cancel = new_operation(3, "att_1", Kind.VOID, state=OperationState.UNKNOWN, cause=Cause.TIMED_OUT, expires_at=soon)
    assert step_of(Story(new_payment(), [attempt], [asked, not_told, cancel])) == Wait(None)


# what a person may say


def declined_capture(**more: Any) -> OperationRow:
    return settled(2, "att_1", Kind.CAPTURE, DECLINED, **more)


AUTHORISED = new_attempt(1, status=AttemptStatus.AUTHORISED)


def test_a_person_may_say_that_a_declined_capture_was_taken_after_all() -> None:
    told = Story(new_payment(), [AUTHORISED], [declined_capture()])
    reviews.require_possible(told, told.operation("op_2"), Verdict.APPROVED)


def test_a_person_cannot_have_more_taken_than_is_owed() -> None:
    told = Story(new_payment(), [FIRST], [declined_capture(), settled(3, "att_1", Kind.CAPTURE)])
    with pytest.raises(Conflict, match="more than"):
        reviews.require_possible(told, told.operation("op_2"), Verdict.APPROVED)


def test_a_person_cannot_have_more_given_back_than_was_taken() -> None:
    refused = settled(3, "att_1", Kind.REFUND, DECLINED, cause=Cause.SURPLUS, target_operation_id="op_2")
    given = settled(4, "att_1", Kind.REFUND, target_operation_id="op_2", amount_minor=1)
    told = Story(new_payment(), [FIRST], [settled(2, "att_1", Kind.CAPTURE), refused, given])
    with pytest.raises(Conflict, match="more than"):
        reviews.require_possible(told, refused, Verdict.APPROVED)


def test_nobody_asks_again_about_a_refused_capture_while_another_one_is_out() -> None:
    told = Story(new_payment(), [AUTHORISED], [declined_capture(), new_operation(3, "att_1", Kind.CAPTURE)])
    with pytest.raises(Conflict, match="under way"):
        reviews.require_possible(told, told.operation("op_2"), Verdict.LOOK_AGAIN)


@pytest.mark.parametrize("verdict", [Verdict.APPROVED, Verdict.LOOK_AGAIN])
def test_what_was_booked_and_reversed_is_not_booked_a_second_time(verdict: Verdict) -> None:
    """Its keys in the ledger are used up: the books would not follow."""
    told = Story(new_payment(), [AUTHORISED], [settled(1, "att_1", Kind.CONFIRM), settled(2, "att_1", Kind.CAPTURE)])
    news = says(DECLINED, HARD)
    after = consequences(told, told.operation("op_2"), news, SettledBy.WEBHOOK, NOW).in_story(told)
    taken_back = after.operation("op_2")
    assert taken_back.decline is not None
    assert taken_back.decline["reason"] == TAKEN_BACK
    with pytest.raises(Conflict, match="taken back"):
        reviews.require_possible(after, taken_back, verdict)


# an authorisation of less than was asked

HALF = Outcome(APPROVED, Money(999, "EUR"))
AMOUNT = {"amount_minor": 1999, "currency": "EUR"}


def confirming(gateway: str) -> Story:
    attempt = new_attempt(1, gateway, status=AttemptStatus.UNKNOWN)
    confirm = new_operation(
        1, "att_1", Kind.CONFIRM, state=OperationState.UNKNOWN, expires_at=NOW + timedelta(hours=1), **AMOUNT
    )
    return Story(new_payment(**AMOUNT), [attempt], [confirm])


def after(story: Story, outcome: Outcome, *, confirmed: bool = True, of: int = 0) -> Story:
    op = story.operations[of]
    said = believed(op, outcome, confirmed=confirmed)
    return consequences(story, op, said, SettledBy.LOOK_UP, NOW).in_story(story)


@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
def test_a_part_that_was_read_back_is_voided_and_only_then_declined(gateway: str) -> None:
    held = after(confirming(gateway), HALF)
    send = step_of(held)
    assert isinstance(send, Send)
    assert (send.kind, send.cause, held.attempts[0].status) == (Kind.VOID, Cause.SURPLUS, AttemptStatus.UNKNOWN)
    void = pending(2, "att_1", Kind.VOID, cause=Cause.SURPLUS, **AMOUNT)
    voiding = Story(held.payment, held.attempts, [*held.operations, void])
    assert isinstance(step_of(voiding), Wait)
    (attempt,) = after(voiding, HALF, of=1).attempts  # a cancel's amount is that of what it cancels
    assert (attempt.status, attempt.decline and attempt.decline["reason"]) == (AttemptStatus.DECLINED, "partial_amount")


def test_a_part_that_is_only_a_gateways_reply_is_read_back_first() -> None:
    held = after(confirming("stripe"), HALF, confirmed=False)
    assert (held.operations[0].state, held.operations[0].in_part) == (OperationState.UNKNOWN, False)
    assert isinstance(step_of(held), Wait)


def test_a_part_that_was_taken_at_once_is_not_voided() -> None:
    told = confirming("stripe")
    at_once = structs.replace(told.operations[0], captures=True)
    assert not after(Story(told.payment, told.attempts, [at_once]), HALF).operations[0].in_part


def test_a_known_part_that_is_told_again_after_its_cancel_is_no_news() -> None:
    refused = after(confirming("adyen"), HALF).operations[0]
    refused = structs.replace(refused, state=OperationState.SETTLED, outcome=DECLINED)
    assert not counts(refused, HALF, SettledBy.WEBHOOK)


# the gateway's name of the payment


@pytest.mark.parametrize("kind", [Kind.CAPTURE, Kind.VOID, Kind.REFUND])
@pytest.mark.parametrize("outcome", [OutcomeKind.NOT_REACHED, DECLINED, OutcomeKind.UNKNOWN, APPROVED])
def test_what_follows_an_authorisation_never_changes_by_which_id_the_gateway_knows_it(
    kind: Kind, outcome: OutcomeKind
) -> None:
    """A refused capture once brought the reference of its refusal, and no capture after it found the payment."""
    attempt = new_attempt(1, "adyen", status=AttemptStatus.AUTHORISED, gateway_payment_id="PSP-1")
    sent = new_operation(2, "att_1", kind)
    story = Story(new_payment(), [attempt], [settled(1, "att_1", Kind.CONFIRM), sent])
    told = Outcome(outcome, gateway_payment_id="PSP-OF-THE-REPLY")
    changed = consequences(story, sent, told, SettledBy.REPLY, NOW)
    assert "PSP-OF-THE-REPLY" not in str(changed)
