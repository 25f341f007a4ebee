"""Whatever gateways, networks, processes, shoppers and merchants do: one charge, nothing forgotten, nothing untrue."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from payment_model import AMOUNT, HELD_FOR, Gateways, Model, new_payment

from orchestrator.gateways.base import CaptureMode, OperationKind
from orchestrator.payments import amounts, lifecycle, tidying
from orchestrator.payments.records import (
    AttemptStatus,
    Cause,
    OnUnknown,
    OperationState,
    PaymentStatus,
    SettledBy,
    Story,
)
from orchestrator.payments.states import AUTHORISING, HOLDS_MONEY, TRANSITIONS
from orchestrator.payments.steps import Rest, Send, StartAttempt, Step, Wait
from routing.outcomes import OutcomeKind

CALLING = (OperationState.SENT, OperationState.UNKNOWN)


def never_unsafe(story: Story, step: Step, now: datetime) -> None:
    """Holds for each single decision."""
    if isinstance(step, StartAttempt):
        may_charge = [op for op in story.operations if op.kind in AUTHORISING or op.captures]
        assert not any(op.open for op in may_charge), "a new attempt while an earlier one may still charge"
        assert not held(story), "a new attempt while money is held"
        assert not tidying.given_up(story.payment), "a payment that was given up begins anew"
    if isinstance(step, Send) and step.kind is OperationKind.CAPTURE:
        assert step.attempt is tidying.winner_of(story), "captured what does not win"
        others = [op for op in amounts.captures_of(story) if op.attempt_id != step.attempt.id]
        undone = {op.target_operation_id for op in story.operations if op.cause is Cause.SURPLUS}
        assert not [op for op in others if op.id not in undone], "two winners"
    if isinstance(step, Send):
        calling = [op for op in story.operations_of(step.attempt.id) if op.state in CALLING]
        beside = {OperationKind.REFUND} | ({*AUTHORISING} if step.cause is Cause.UNKNOWN else set())
        assert all(op.kind in beside for op in calling), "two calls out for one attempt"
    assert tidying.paid_minor(story) <= AMOUNT.minor, "more counts as paid than was owed"
    status = lifecycle.status_of(story, step)
    before = story.payment.status
    assert status is before or status in TRANSITIONS[before], f"{before} became {status}"
    if status is PaymentStatus.CANCELED and before is not status:
        assert not [a for a in story.attempts if a.status is AttemptStatus.AUTHORISED], "canceled, and a hold is kept"
    if isinstance(step, Wait | Rest) and status is PaymentStatus.PROCESSING:
        assert lifecycle.wake_at(story, step, now) is not None, "in processing, and nobody will look again"


def held(story: Story) -> list[str]:
    """The attempts whose money is ours and is not being given back."""
    returned = {op.attempt_id for op in story.operations if op.cause is Cause.SURPLUS and (op.open or op.approved)}
    return [a.id for a in story.attempts if a.status in HOLDS_MONEY and a.id not in returned]


class PaymentLife(RuleBasedStateMachine):
    """A payment, its gateways, and everybody who has a hand in it."""

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        self.data = data
        payment = new_payment(
            hosted=data.draw(st.booleans()),
            capture_method=data.draw(st.sampled_from(["automatic", "manual"])),
            on_unknown=data.draw(st.sampled_from(OnUnknown)),
            reauthorise=data.draw(st.booleans()),
        )
        honest = data.draw(st.booleans())
        self.model = Model(
            Story(payment, [], []),
            Gateways(self.choose, honest),
            self.choose,
            never_unsafe,
            capture_mode=data.draw(st.sampled_from(CaptureMode)),
            honest=honest,
        )
        self.model.run()

    def choose(self, options: list[str]) -> str:
        calm = hasattr(self, "model") and self.model.calm
        return options[0] if calm else self.data.draw(st.sampled_from(options))

    @property
    def story(self) -> Story:
        return self.model.story

    # time

    @rule(step_s=st.sampled_from([7, 60, 3600]))
    def time_passes(self, step_s: int) -> None:
        self.model.now += timedelta(seconds=step_s)
        self.model.run()

    @rule(told=st.booleans())
    def authorisations_run_out(self, told: bool) -> None:
        self.model.now += HELD_FOR + timedelta(seconds=tidying.EXPIRY_GRACE_S)
        self.model.gateways.expire()
        if told:
            self.model.tell_of_the_end()
        self.model.run()

    # news, in any order and any number

    @precondition(lambda self: self.story.operations)
    @rule(number=st.integers(0, 60), times=st.integers(1, 2))
    def a_webhook_comes(self, number: int, times: int) -> None:
        for _ in range(times):
            self.model.tell(self.story.operations[number % len(self.story.operations)])
            self.model.run()

    @precondition(lambda self: self.model.late)
    @rule()
    def a_reply_comes_late(self) -> None:
        operation_id, outcome = self.model.late.popitem()
        self.model.settle(operation_id, outcome, SettledBy.REPLY)
        self.model.run()

    @precondition(lambda self: not self.model.honest and any(op.moves_money for op in self.story.operations))
    @rule(number=st.integers(0, 20))
    def money_is_taken_back(self, number: int) -> None:
        """A refund; or a capture that nothing was given back of."""
        moves = [op for op in self.story.operations if op.moves_money]
        op = moves[number % len(moves)]
        if any(refund.target_operation_id == op.id and (refund.open or refund.approved) for refund in moves):
            return
        self.model.gateways.take_back(op)
        self.model.tell(self.story.operation(op.id))
        self.model.run()

    @rule()
    def nobody_could_tell_for_two_days(self) -> None:
        """What the gateway was asked about in vain is left to a person."""
        for op in self.story.operations:
            if op.state is OperationState.UNKNOWN and op.kind is not OperationKind.CREATE:
                self.model.leave_to_a_person(op)
        self.model.run()

    @rule(reads_well=st.booleans())
    def a_person_says_how_it_is(self, reads_well: bool) -> None:
        for op in self.story.operations:
            if self.story.operation(op.id).state is OperationState.NEEDS_REVIEW:
                self.model.judge(op, look_again=not reads_well)
                self.model.run()

    # the shopper

    @rule(returns=st.booleans())
    def the_shopper_acts(self, returns: bool) -> None:
        for op in self.story.operations:
            self.model.gateways.act(op)
        waiting = [a for a in self.story.attempts if a.status is AttemptStatus.ACTION_REQUIRED]
        if returns and waiting and not any(op.open for op in self.story.operations_of(waiting[-1].id)):
            self.model.send(waiting[-1], OperationKind.COMPLETE)
        self.model.run()

    @rule()
    def the_shopper_leaves_the_challenge(self) -> None:
        waiting = [a for a in self.story.attempts if a.status is AttemptStatus.ACTION_REQUIRED]
        if waiting and not any(op.open for op in self.story.operations_of(waiting[-1].id)):
            self.model.send(waiting[-1], OperationKind.VOID, cause=Cause.LEFT)
        self.model.run()

    @precondition(lambda self: self.story.payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD)
    @rule()
    def the_shopper_pays_again(self) -> None:
        if not any(op.open for op in self.story.operations) and tidying.winner_of(self.story) is None:
            self.model.change(round=self.story.payment.round + 1, status=PaymentStatus.PROCESSING)
        self.model.run()

    # the merchant

    @rule()
    def the_merchant_cancels(self) -> None:
        if not any(op.captures and (op.open or op.approved) for op in self.story.operations):
            self.model.change(cancel_requested=True)
        self.model.run()

    @rule(part=st.sampled_from([200, 400, 1000]), final=st.booleans())
    def the_merchant_captures(self, part: int, final: bool) -> None:
        winner = tidying.winner_of(self.story)
        if winner is None or tidying.given_up(self.story.payment):
            return
        left = amounts.capturable_minor(self.story, winner, self.model.now)
        calling = [
            op for op in self.story.operations_of(winner.id) if op.open and op.state is not OperationState.PENDING
        ]
        if left and not [op for op in calling if op.kind is not OperationKind.REFUND]:
            amount_minor = min(part, left)
            self.model.send(winner, OperationKind.CAPTURE, amount_minor, final=final or amount_minor == left)
        self.model.run()

    @rule()
    def the_merchant_releases_the_rest(self) -> None:
        winner = tidying.winner_of(self.story)
        if winner is None or not amounts.captures_of(self.story) or tidying.given_up(self.story.payment):
            return
        open_ones = [
            op for op in self.story.operations_of(winner.id) if op.open and op.kind is not OperationKind.REFUND
        ]
        if amounts.capturable_minor(self.story, winner, self.model.now) and not open_ones:
            self.model.send(winner, OperationKind.VOID, cause=Cause.RELEASED)
        self.model.run()

    @rule(part=st.sampled_from([100, 300]))
    def the_merchant_refunds(self, part: int) -> None:
        for capture in amounts.captures_of(self.story):
            if amounts.left_minor(self.story, capture) >= part:
                attempt = self.story.attempt(capture.attempt_id)
                self.model.send(attempt, OperationKind.REFUND, part, target_operation_id=capture.id)
                break
        self.model.run()

    # what holds

    @invariant()
    def no_more_is_given_back_than_was_taken(self) -> None:
        if not hasattr(self, "model"):
            return
        for capture in amounts.captures_of(self.story):
            given = [op for op in self.story.operations if op.target_operation_id == capture.id and op.approved]
            assert sum(op.amount_minor for op in given) <= capture.amount_minor
        assert all(kept >= 0 for kept in self.model.gateways.kept().values())

    def teardown(self) -> None:
        """Every answer arrives, every webhook is delivered, time passes: then one charge is kept and books agree."""
        if not hasattr(self, "model"):
            return
        self._settle_down()
        story, gateways = self.story, self.model.gateways
        refused = [op for op in story.operations if op.cause is Cause.SURPLUS and op.outcome is OutcomeKind.DECLINED]
        assert amounts.captured_minor(story) == sum(minor for _, minor in gateways.captured.values())
        assert amounts.refunded_minor(story) == sum(minor for _, minor in gateways.refunded.values())
        kept = gateways.kept()
        assert len(kept) <= 1 or refused, f"two charges kept: {kept}"
        assert sum(kept.values()) <= AMOUNT.minor or refused
        if tidying.given_up(story.payment):
            assert not kept or refused, f"{story.payment.status} and {kept} is kept"
        assert not [op for op in story.operations if op.open], "something was never settled"
        assert story.payment.status is not PaymentStatus.PROCESSING
        winner = tidying.winner_of(story)
        wins = {winner.id} if winner is not None and not tidying.given_up(story.payment) else set()
        void_refused = {op.attempt_id for op in story.operations if op.kind is OperationKind.VOID and not op.approved}
        holds = gateways.authorised - gateways.let_go - wins
        captured = {op.attempt_id for op in amounts.captures_of(story)}
        assert holds <= void_refused | captured, "an authorisation is held and nobody lets go of it"

    def _settle_down(self) -> None:
        self.model.calm = True
        for _ in range(10):
            self.model.now += timedelta(hours=1)
            self.model.run()
            for op in self.story.operations:
                if self.story.operation(op.id).state is OperationState.NEEDS_REVIEW:
                    self.model.judge(op)
                elif not self.model.honest or self.story.attempt(op.attempt_id).gateway == "adyen":  # has no reading
                    self.model.tell(self.story.operation(op.id))
            if not self.model.honest:  # else it must be found out without a single message
                self.model.tell_of_the_end()
            self.model.run()


def test_no_decision_is_unsafe_and_in_the_end_one_charge_is_kept_and_the_books_agree() -> None:
    profile = settings(max_examples=300, stateful_step_count=22, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(PaymentLife, settings=profile)
