"""A gateway world in memory and a driver for it: the real decisions and settling rules, without database or network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import structs

from currency.money import Money
from orchestrator.gateways.base import OperationKind
from orchestrator.payments import lifecycle, settling
from orchestrator.payments.lifecycle import Resolve, Rest, Send, StartAttempt, Step, Wait
from orchestrator.payments.records import (
    AttemptRow,
    AttemptStatus,
    Card,
    OperationRow,
    OperationState,
    PaymentRow,
    PaymentStatus,
    SettledBy,
    Story,
)
from routing.decision import PlanStep, RoutePlan
from routing.failover import FailoverPolicy
from routing.outcomes import Decline, NextAction, Outcome, OutcomeKind, RetryAction

START = datetime(2026, 10, 1, tzinfo=UTC)
TWO_STEPS = (OperationKind.CREATE, OperationKind.CONFIRM)
STEPS = {"stripe": TWO_STEPS, "adyen": (OperationKind.CONFIRM,), "paypal": TWO_STEPS}
AMOUNT = Money(1000, "EUR")
EXPIRY_S = 48
SOFT = Decline("do_not_honor", RetryAction.FAILOVER_NOW, RetryAction.FAILOVER_NOW, "05")
HARD = Decline("stolen_card", RetryAction.HARD_NEVER, RetryAction.HARD_NEVER, "43")

Choose = Callable[[list[str]], str]


def new_payment(**changed: Any) -> PaymentRow:
    """A payment of 10.00 EUR with a card and three accounts in its plan."""
    steps = tuple(PlanStep(f"ga_{name}", name, place) for place, name in enumerate(STEPS, 1))
    row = PaymentRow(
        id="pay_1",
        merchant_id="mer_1",
        amount_minor=AMOUNT.minor,
        currency=AMOUNT.currency,
        status=PaymentStatus.PROCESSING,
        capture_method="automatic",
        amount_captured_minor=0,
        amount_refunded_minor=0,
        country=None,
        customer_id=None,
        card=Card("tok_1", "visa", "4242", 12, 2030),
        plan=RoutePlan(steps, (), "default").to_json(),
        round=1,
        hosted=False,
        cancel_requested=False,
        failure_reason=None,
        failure_message=None,
        reference=None,
        description="",
        locale="en",
        return_url=None,
        metadata={},
        source=None,
        credit_kind="sales",
        public_token="t",
        created_at=START,
        updated_at=START,
    )
    return structs.replace(row, **changed)


def new_attempt(number: int, gateway: str = "stripe", **changed: Any) -> AttemptRow:
    """Attempt `att_<number>`, just started."""
    row = AttemptRow(
        id=f"att_{number}",
        payment_id="pay_1",
        position=number,
        round=1,
        gateway_account_id=f"ga_{gateway}",
        gateway=gateway,
        status=AttemptStatus.STARTED,
        why="",
        gateway_payment_id="",
        gateway_authorisation_id="",
        decline=None,
        next_action=None,
        created_at=START,
        updated_at=START,
    )
    return structs.replace(row, **changed)


def new_operation(number: int, attempt_id: str, kind: OperationKind, **changed: Any) -> OperationRow:
    """Operation `op_<number>`, just sent."""
    row = OperationRow(
        id=f"op_{number}",
        payment_id="pay_1",
        attempt_id=attempt_id,
        kind=kind,
        state=OperationState.SENT,
        outcome=None,
        amount_minor=AMOUNT.minor,
        currency=AMOUNT.currency,
        target_operation_id=None,
        action_result=None,
        gateway_operation_id="",
        decline=None,
        detail="",
        exchange=None,
        settled_by=None,
        tries=0,
        sent_at=START,
        expires_at=START + timedelta(seconds=EXPIRY_S),
        settled_at=None,
    )
    return structs.replace(row, **changed)


def says(kind: OutcomeKind, decline: Decline | None = None) -> Outcome:
    action = NextAction("redirect", "https://bank.example") if kind is OutcomeKind.ACTION_REQUIRED else None
    return Outcome(kind, AMOUNT if kind is OutcomeKind.APPROVED else None, decline=decline, next_action=action)


@dataclass
class Gateways:
    """What the gateways really did, whatever we heard of it. Each operation is carried out once, by its id."""

    choose: Choose
    done: dict[str, Outcome] = field(default_factory=dict)  # the present truth of each operation carried out
    authorised: set[str] = field(default_factory=set)
    voided: set[str] = field(default_factory=set)
    captured: dict[str, int] = field(default_factory=dict)
    refunded: int = 0

    def carry_out(self, op: OperationRow) -> Outcome:
        if op.id not in self.done:
            self.done[op.id] = self._judge(op)
            self._book(op)
        return self.done[op.id]

    def present(self, op: OperationRow) -> Outcome | None:
        """The truth now, what was pending being decided; None where the request never came."""
        if op.id in self.done and self.done[op.id].kind is OutcomeKind.PENDING:
            end = self.choose(["approve", "refuse"])
            self.done[op.id] = says(OutcomeKind.APPROVED) if end == "approve" else says(OutcomeKind.DECLINED, HARD)
            self._book(op)
        return self.done.get(op.id)

    def take_back(self, op: OperationRow) -> None:
        """A capture or refund that was reported fails after all, as Adyen's may."""
        if op.id in self.done and self.done[op.id].kind is OutcomeKind.APPROVED:
            self.done[op.id] = says(OutcomeKind.DECLINED, HARD)
            if op.kind is OperationKind.CAPTURE:
                del self.captured[op.attempt_id]
            else:
                self.refunded -= op.amount_minor

    def _judge(self, op: OperationRow) -> Outcome:
        standing = op.attempt_id in self.authorised and op.attempt_id not in self.voided
        match op.kind:
            case OperationKind.CREATE:
                return says(OutcomeKind.APPROVED)
            case OperationKind.CONFIRM | OperationKind.COMPLETE:
                if op.attempt_id in self.authorised:
                    return says(OutcomeKind.APPROVED)
                verdicts = ["approve", "soft", "hard", "pending"]
                verdict = self.choose([*verdicts, "action"] if op.kind is OperationKind.CONFIRM else verdicts)
            case OperationKind.CAPTURE:
                free = standing and op.attempt_id not in self.captured
                verdict = self.choose(["approve", "pending", "hard"]) if free else "hard"
            case OperationKind.VOID:
                free = standing and op.attempt_id not in self.captured
                verdict = self.choose(["approve", "pending"]) if free else "hard"
            case OperationKind.REFUND:
                free = self.refunded + op.amount_minor <= sum(self.captured.values())
                verdict = self.choose(["approve", "pending", "hard"]) if free else "hard"
        return {
            "approve": says(OutcomeKind.APPROVED),
            "soft": says(OutcomeKind.DECLINED, SOFT),
            "hard": says(OutcomeKind.DECLINED, HARD),
            "pending": says(OutcomeKind.PENDING),
            "action": says(OutcomeKind.ACTION_REQUIRED),
        }[verdict]

    def _book(self, op: OperationRow) -> None:
        if self.done[op.id].kind is not OutcomeKind.APPROVED:
            return
        if op.kind in lifecycle.AUTHORISING:
            self.authorised.add(op.attempt_id)
        elif op.kind is OperationKind.CAPTURE:
            self.captured[op.attempt_id] = self.captured.get(op.attempt_id, 0) + op.amount_minor
        elif op.kind is OperationKind.VOID:
            self.voided.add(op.attempt_id)
        elif op.kind is OperationKind.REFUND:
            self.refunded += op.amount_minor


@dataclass
class Model:
    """A payment on its way. `watch` is called with each decision before it is carried out."""

    story: Story
    gateways: Gateways
    choose: Choose
    watch: Callable[[Story, Step], None]
    now: datetime = START
    calm: bool = False  # from now on every reply arrives
    statuses: list[PaymentStatus] = field(default_factory=list)
    late: dict[str, Outcome] = field(default_factory=dict)  # replies to come after their caller was given up

    def run(self) -> None:
        """Drive until the payment waits or rests."""
        for _ in range(80):
            step = lifecycle.next_step(self.story, FailoverPolicy(max_attempts=4), STEPS, self.now)
            self._note(step)
            match step:
                case StartAttempt():
                    self.send(self._open(step), STEPS[step.gateway][0])
                case Send():
                    self.send(step.attempt, step.kind)
                case Resolve():
                    self._resolve(step.operation)
                case Wait() | Rest():
                    return
        raise AssertionError("the payment never comes to rest")

    def send(self, attempt: AttemptRow, kind: OperationKind, amount_minor: int = AMOUNT.minor) -> None:
        expires = self.now + timedelta(seconds=EXPIRY_S)
        number = len(self.story.operations) + 1
        op = new_operation(number, attempt.id, kind, sent_at=self.now, expires_at=expires, amount_minor=amount_minor)
        self.story = structs.replace(self.story, operations=[*self.story.operations, op])
        self._hear(op, SettledBy.REPLY)

    def _hear(self, op: OperationRow, by: SettledBy) -> None:
        ways = ["heard"] if self.calm else ["heard", "lost", "died", "not_reached", "late", "stuck"]
        if op.kind in lifecycle.AUTHORISING and not self.calm:
            ways.append("wrong")  # told to be declined, and approved all the same
        way = self.choose(ways)
        if way == "not_reached":
            self.settle(op.id, says(OutcomeKind.NOT_REACHED), by)
            return
        if way == "stuck":  # in a queue of ours, and then the door is closed
            self.late[op.id] = says(OutcomeKind.NOT_REACHED)
            return
        truth = self.gateways.carry_out(op)
        match way:
            case "heard":
                self.settle(op.id, truth, by)
            case "wrong":
                self.settle(op.id, says(OutcomeKind.DECLINED, SOFT), by)
            case "lost":
                self.settle(op.id, says(OutcomeKind.UNKNOWN), by)
            case "late":
                self.late[op.id] = truth

    def settle(self, operation_id: str, outcome: Outcome, by: SettledBy) -> None:
        op = self.story.operation(operation_id)
        outcome = _stating_the_amount(outcome, op)
        if by is SettledBy.RESEND and not settling.is_proof(outcome) and op.kind is not OperationKind.CREATE:
            return
        if not settling.counts(op, outcome, by):
            return
        outcome = settling.believed(op, outcome)
        attempt = self.story.attempt(op.attempt_id)
        moved = settling.attempt_values(attempt, op, outcome)
        values = settling.operation_values(op, outcome, by, self.now)
        self.story = self.story.with_operation(structs.replace(op, **values))
        self.story = self.story.with_attempt(structs.replace(attempt, **moved))

    def tell(self, op: OperationRow) -> None:
        """The gateway's webhook about an operation, unless our own reply is still due."""
        if op.state is OperationState.SENT and op.expires_at > self.now:
            return
        truth = self.gateways.present(op)
        if truth is not None and truth.kind is not OutcomeKind.PENDING:
            self.settle(op.id, truth, SettledBy.WEBHOOK)

    def _resolve(self, op: OperationRow) -> None:
        state = OperationState.UNKNOWN if op.state is OperationState.SENT else op.state
        until = self.now + timedelta(seconds=EXPIRY_S)
        claimed = structs.replace(op, state=state, tries=op.tries + 1, expires_at=until)
        self.story = self.story.with_operation(claimed)
        truth = self.gateways.present(op)
        if truth is None and op.state is not OperationState.PENDING:
            self._hear(claimed, SettledBy.RESEND)
        elif truth is not None:
            self.settle(op.id, truth, SettledBy.LOOK_UP)

    def _open(self, step: StartAttempt) -> AttemptRow:
        attempt = new_attempt(
            len(self.story.attempts) + 1,
            step.gateway,
            gateway_account_id=step.account_id,
            round=self.story.payment.round,
            created_at=self.now,
        )
        self.story = structs.replace(self.story, attempts=[*self.story.attempts, attempt])
        return attempt

    def change(self, **values: Any) -> None:
        self.story = structs.replace(self.story, payment=structs.replace(self.story.payment, **values))

    def _note(self, step: Step) -> None:
        status = lifecycle.status_of(self.story, step)
        captured, refunded = lifecycle.captured_minor(self.story), lifecycle.refunded_minor(self.story)
        self.watch(self.story, step)
        self.statuses.append(status)
        self.change(status=status, amount_captured_minor=captured, amount_refunded_minor=refunded)


def _stating_the_amount(outcome: Outcome, op: OperationRow) -> Outcome:
    """An approval states the amount that was asked."""
    if outcome.kind is not OutcomeKind.APPROVED:
        return outcome
    return Outcome(outcome.kind, op.amount, decline=outcome.decline, next_action=outcome.next_action)
