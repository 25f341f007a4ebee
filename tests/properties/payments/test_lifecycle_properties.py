"""Whatever gateways, networks, processes, shoppers and merchants do: one charge, nothing forgotten, nothing untrue."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from payment_model import AMOUNT, Gateways, Model, new_payment

from orchestrator.gateways.base import OperationKind
from orchestrator.payments import lifecycle
from orchestrator.payments.lifecycle import Rest, Send, StartAttempt, Step, Wait
from orchestrator.payments.records import AttemptStatus, OperationState, PaymentStatus, SettledBy, Story
from routing.outcomes import OutcomeKind

EVENTS = ["tick", "long_tick", "webhook", "late_reply", "pay_again", "cancel", "come_back"]
EVENTS += ["capture", "refund", "take_back"]


def never_unsafe(story: Story, step: Step) -> None:
    """Holds for each single decision."""
    authorising = [op for op in story.operations if op.kind in lifecycle.AUTHORISING]
    if isinstance(step, StartAttempt):
        assert not any(op.open for op in authorising), "a new attempt while an earlier one may still charge"
        assert not any(attempt.status in lifecycle.HOLDS_MONEY for attempt in story.attempts)
        assert not lifecycle.given_up(story.payment), "a payment that was given up begins anew"
    if isinstance(step, Send) and step.kind is OperationKind.CAPTURE:
        captures = [op for op in story.operations if op.kind is OperationKind.CAPTURE and (op.open or op.approved)]
        assert not any(op.attempt_id != step.attempt.id for op in captures), "two winners"
    if isinstance(step, Send):
        assert not any(
            op.state in (OperationState.SENT, OperationState.UNKNOWN)
            for op in story.operations_of(step.attempt.id)
            if op.kind is not OperationKind.REFUND
        ), "two calls out for one attempt"
    status = lifecycle.status_of(story, step)
    before = story.payment.status
    assert status is before or status in lifecycle.TRANSITIONS[before], f"{before} became {status}"
    if status is PaymentStatus.CANCELED and before is not status:
        held = [attempt for attempt in story.attempts if attempt.status is AttemptStatus.AUTHORISED]
        assert not held, "told as canceled while an authorisation is held"
    if isinstance(step, Wait | Rest) and status is PaymentStatus.PROCESSING:
        assert lifecycle.wake_at(story, step) is not None, "in processing, and nobody will look again"
    assert 0 <= lifecycle.refunded_minor(story) <= lifecycle.captured_minor(story) <= story.payment.amount_minor


def apply(model: Model, event: str) -> None:
    story = model.story
    match event:
        case "tick":
            model.now += timedelta(seconds=7)
        case "long_tick":
            model.now += timedelta(hours=1)
        case "webhook" if story.operations:
            number = int(model.choose([str(n) for n in range(len(story.operations))]))
            model.tell(story.operations[number])
        case "late_reply" if model.late:
            operation_id, outcome = model.late.popitem()
            model.settle(operation_id, outcome, SettledBy.REPLY)
        case "pay_again" if story.payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD:
            if not any(op.open for op in story.operations) and lifecycle.winner_of(story) is None:
                model.change(round=story.payment.round + 1, status=PaymentStatus.PROCESSING)
        case "cancel":
            captures = [op for op in story.operations if op.kind is OperationKind.CAPTURE]
            if not any(op.open or op.approved for op in captures):
                model.change(cancel_requested=True)
        case "come_back":
            waiting = [a for a in story.attempts if a.status is AttemptStatus.ACTION_REQUIRED]
            if waiting and not any(op.open for op in story.operations_of(waiting[-1].id)):
                model.send(waiting[-1], OperationKind.COMPLETE)
        case "capture":
            _capture(model)
        case "refund":
            _refund(model)
        case "take_back":
            _take_back(model)
    model.run()


def _capture(model: Model) -> None:
    winner = lifecycle.winner_of(model.story)
    if winner is None or winner.status is not AttemptStatus.AUTHORISED or lifecycle.given_up(model.story.payment):
        return
    operations = model.story.operations_of(winner.id)
    captured = any(op.approved for op in operations if op.kind is OperationKind.CAPTURE)
    if not captured and not any(op.open for op in operations):
        model.send(winner, OperationKind.CAPTURE, 400)


def _refund(model: Model) -> None:
    captures = [op for op in model.story.operations if op.kind is OperationKind.CAPTURE and op.approved]
    given = [op for op in model.story.operations if op.kind is OperationKind.REFUND and (op.open or op.approved)]
    if captures and sum(op.amount_minor for op in given) + 300 <= captures[0].amount_minor:
        model.send(model.story.attempt(captures[0].attempt_id), OperationKind.REFUND, 300)


def _take_back(model: Model) -> None:
    """A refund; or a capture that nothing was given back of."""
    refunds = [op for op in model.story.operations if op.kind is OperationKind.REFUND]
    captures = [op for op in model.story.operations if op.kind is OperationKind.CAPTURE]
    for op in refunds or captures:
        model.gateways.take_back(op)
        model.tell(model.story.operation(op.id))


def play(data: st.DataObject) -> Model:
    def choose(options: list[str]) -> str:
        return options[0] if model_calm() else data.draw(st.sampled_from(options))

    def model_calm() -> bool:
        return model is not None and model.calm

    model: Model | None = None
    payment = new_payment(
        hosted=data.draw(st.booleans()), capture_method=data.draw(st.sampled_from(["automatic", "manual"]))
    )
    model = Model(Story(payment, [], []), Gateways(choose), choose, never_unsafe)
    model.run()
    for event in data.draw(st.lists(st.sampled_from(EVENTS), max_size=14)):
        apply(model, event)
    return model


def settle_down(model: Model) -> None:
    """Every answer arrives, every webhook is delivered, and hours pass."""
    model.calm = True
    for _ in range(8):
        model.now += timedelta(hours=1)
        model.run()
        for op in model.story.operations:
            model.tell(model.story.operation(op.id))
        model.run()


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_decision_is_ever_unsafe(data: st.DataObject) -> None:
    play(data)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_in_the_end_one_charge_is_kept_and_our_books_are_the_gateways_own(data: st.DataObject) -> None:
    model = play(data)
    settle_down(model)
    story, gateways = model.story, model.gateways
    assert len(gateways.captured) <= 1, "two charges kept"
    assert lifecycle.captured_minor(story) == sum(gateways.captured.values()) <= AMOUNT.minor
    assert lifecycle.refunded_minor(story) == gateways.refunded
    assert not [op for op in story.operations if op.open], "something was never settled"
    assert story.payment.status is not PaymentStatus.PROCESSING


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_in_the_end_every_authorisation_but_the_winners_is_given_back(data: st.DataObject) -> None:
    model = play(data)
    settle_down(model)
    story, gateways = model.story, model.gateways
    winner = lifecycle.winner_of(story)
    kept = {winner.id} if winner is not None and not lifecycle.given_up(story.payment) else set()
    held = gateways.authorised - gateways.voided - kept
    refused = {
        op.attempt_id for op in story.operations if op.kind is OperationKind.VOID and op.outcome is OutcomeKind.DECLINED
    }
    assert held <= refused | set(gateways.captured), "an authorisation is held and nobody lets go of it"
