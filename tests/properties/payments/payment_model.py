"""A gateway world in memory and a driver for it: the real decisions and settling rules, without database or network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import structs

from currency.money import Money
from orchestrator.errors import Conflict
from orchestrator.gateways.base import CaptureMode, OperationKind
from orchestrator.payments import amounts, expiry, lifecycle, outcomes, reviews
from orchestrator.payments.instruments import Card, Usage
from orchestrator.payments.records import (
    AttemptRow,
    AttemptStatus,
    OperationRow,
    OperationState,
    PaymentRow,
    PaymentStatus,
    SettledBy,
    Story,
    Verdict,
)
from orchestrator.payments.states import AUTHORISING
from orchestrator.payments.steps import Resolve, Rest, Send, StartAttempt, Step, Wait
from routing.decision import PlanStep, RoutePlan
from routing.failover import FailoverPolicy
from routing.outcomes import Decline, NextAction, Outcome, OutcomeKind, RetryAction

START = datetime(2026, 10, 1, tzinfo=UTC)
TWO_STEPS = (OperationKind.CREATE, OperationKind.CONFIRM)
STEPS = {"stripe": TWO_STEPS, "adyen": (OperationKind.CONFIRM,), "paypal": TWO_STEPS}
AMOUNT = Money(1000, "EUR")
EXPIRY_S = 48
HELD_FOR = timedelta(days=7)
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
        instrument=Card("tok_1", "visa", "4242", 12, 2030),
        usage=Usage(),
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
        captures=kind is OperationKind.CAPTURE,
    )
    return structs.replace(row, **changed)


def says(kind: OutcomeKind, decline: Decline | None = None) -> Outcome:
    action = NextAction("redirect", "https://bank.example") if kind is OutcomeKind.ACTION_REQUIRED else None
    return Outcome(kind, AMOUNT if kind is OutcomeKind.APPROVED else None, decline=decline, next_action=action)


VERDICTS = {
    "approve": says(OutcomeKind.APPROVED),
    "soft": says(OutcomeKind.DECLINED, SOFT),
    "hard": says(OutcomeKind.DECLINED, HARD),
    "pending": says(OutcomeKind.PENDING),
    "action": says(OutcomeKind.ACTION_REQUIRED),
}


@dataclass
class Gateways:
    """What the gateways really did, whatever we heard of it. Each operation is carried out once, by its id."""

    choose: Choose
    honest: bool = False  # a challenge that is still open can be canceled
    attempts: dict[str, str] = field(default_factory=dict)  # by operation
    done: dict[str, Outcome] = field(default_factory=dict)  # the present truth of each operation carried out
    authorised: set[str] = field(default_factory=set)  # attempts
    let_go: set[str] = field(default_factory=set)  # attempts of which nothing (more) can be taken
    captured: dict[str, tuple[str, int]] = field(default_factory=dict)  # by operation: its attempt, how much
    refunded: dict[str, tuple[str, int]] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)  # by refund the capture it gives back

    def kept(self) -> dict[str, int]:
        """By attempt what was taken and not given back, where there is any."""
        sums: dict[str, int] = {}
        for sign, moves in ((1, self.captured), (-1, self.refunded)):
            for attempt_id, amount_minor in moves.values():
                sums[attempt_id] = sums.get(attempt_id, 0) + sign * amount_minor
        return {attempt_id: amount_minor for attempt_id, amount_minor in sums.items() if amount_minor}

    def carry_out(self, op: OperationRow) -> Outcome:
        if op.id not in self.done:
            self.attempts[op.id] = op.attempt_id
            self.done[op.id] = VERDICTS[self._judge(op)]
            self._book(op)
        return self.done[op.id]

    def present(self, op: OperationRow) -> Outcome | None:
        """The truth now, what was pending being decided; None where the request never came."""
        if op.id in self.done and self.done[op.id].kind is OutcomeKind.PENDING:
            gone = op.kind in AUTHORISING and op.attempt_id in self.let_go
            self.done[op.id] = VERDICTS["hard" if gone else self.choose(["approve", "hard"])]
            self._book(op)
        if (
            op.kind is OperationKind.VOID
            and op.attempt_id in self.let_go
            and op.attempt_id not in self._captured_from()
        ):
            return VERDICTS["approve"]  # it is void, whoever did it
        return self.done.get(op.id)

    def act(self, op: OperationRow) -> None:
        """The shopper passes the challenge, however late, unless it was canceled."""
        waiting = op.id in self.done and self.done[op.id].kind is OutcomeKind.ACTION_REQUIRED
        if waiting and op.attempt_id not in self.authorised | self.let_go:
            self.done[op.id] = VERDICTS["approve"]
            self._book(op)

    def expire(self) -> None:
        """The time of every authorisation is over."""
        self.let_go |= self.authorised

    def take_back(self, op: OperationRow) -> None:
        """A capture or refund that was reported fails after all, as Adyen's may; a bank takes a debit back."""
        if op.id in self.captured or op.id in self.refunded:
            self.done[op.id] = VERDICTS["hard"]
            self.captured.pop(op.id, None)
            self.refunded.pop(op.id, None)

    def _challenged(self) -> set[str]:
        return {self.attempts[id] for id, truth in self.done.items() if truth.kind is OutcomeKind.ACTION_REQUIRED}

    def _captured_from(self) -> set[str]:
        return {attempt_id for attempt_id, _ in self.captured.values()}

    def _judge(self, op: OperationRow) -> str:
        standing = op.attempt_id in self.authorised - self.let_go
        match op.kind:
            case OperationKind.CREATE:
                return "approve"
            case OperationKind.CONFIRM | OperationKind.COMPLETE:
                if op.attempt_id in self.authorised:
                    return "approve"
                if op.attempt_id in self.let_go:
                    return "hard"
                verdicts = ["approve", "soft", "hard", "pending"]
                return self.choose([*verdicts, "action"] if op.kind is OperationKind.CONFIRM else verdicts)
            case OperationKind.CAPTURE:
                taken = sum(minor for attempt_id, minor in self.captured.values() if attempt_id == op.attempt_id)
                fits = standing and taken + op.amount_minor <= AMOUNT.minor
                return self.choose(["approve", "pending", "hard"]) if fits else "hard"
            case OperationKind.VOID:
                if op.attempt_id in self._captured_from():
                    return self.choose(["approve", "hard"]) if standing else "hard"  # the rest, where it can be let go
                if standing or op.attempt_id in self.let_go:
                    return self.choose(["approve", "pending"])
                if self.honest and op.attempt_id in self._challenged():
                    return "approve"
                # nothing is authorised there: a gateway cancels the object, or says that it has nothing to cancel
                return self.choose(["approve", "hard"])
            case OperationKind.REFUND:
                _, captured = self.captured.get(op.target_operation_id or "", ("", 0))
                given = sum(minor for target, minor in self._refunds_by_capture if target == op.target_operation_id)
                return self.choose(["approve", "pending", "hard"]) if given + op.amount_minor <= captured else "hard"

    @property
    def _refunds_by_capture(self) -> list[tuple[str, int]]:
        return [(self.targets[op_id], minor) for op_id, (_, minor) in self.refunded.items()]

    def _book(self, op: OperationRow) -> None:
        if self.done[op.id].kind is not OutcomeKind.APPROVED:
            return
        if op.kind in AUTHORISING:
            if op.captures and op.attempt_id not in self.authorised:
                self.captured[op.id] = op.attempt_id, op.amount_minor
            self.authorised.add(op.attempt_id)
            if op.captures:
                self.let_go.add(op.attempt_id)
        elif op.kind is OperationKind.CAPTURE:
            self.captured[op.id] = op.attempt_id, op.amount_minor
            if op.final:
                self.let_go.add(op.attempt_id)
        elif op.kind is OperationKind.VOID:
            self.let_go.add(op.attempt_id)
        elif op.kind is OperationKind.REFUND:
            self.targets[op.id] = op.target_operation_id or ""
            self.refunded[op.id] = op.attempt_id, op.amount_minor


@dataclass
class Model:
    """A payment on its way. `watch` is called with each decision before it is carried out."""

    story: Story
    gateways: Gateways
    choose: Choose
    watch: Callable[[Story, Step, datetime], None]
    capture_mode: CaptureMode = CaptureMode.MANUAL
    now: datetime = START
    honest: bool = False  # no gateway says what is not so, or takes back what it said
    calm: bool = False  # from now on every reply arrives
    statuses: list[PaymentStatus] = field(default_factory=list)
    late: dict[str, Outcome] = field(default_factory=dict)  # replies to come after their caller was given up

    def run(self) -> None:
        """Drive until the payment waits or rests."""
        for _ in range(120):
            step = lifecycle.next_step(self.story, FailoverPolicy(max_attempts=4), STEPS, self.now)
            self._note(step)
            match step:
                case StartAttempt():
                    self.send(self._open(step), STEPS[step.gateway][0])
                case Send():
                    target = step.target_operation_id
                    self.send(step.attempt, step.kind, step.amount_minor, cause=step.cause, target_operation_id=target)
                case Resolve():
                    self._resolve(step.operation)
                case Wait() | Rest():
                    return
        raise AssertionError("the payment never comes to rest")

    def send(self, attempt: AttemptRow, kind: OperationKind, amount_minor: int = AMOUNT.minor, **more: Any) -> None:
        expires = self.now + timedelta(seconds=EXPIRY_S)
        at_once = kind in AUTHORISING and attempt.capture_mode is CaptureMode.AUTOMATIC
        more |= {"sent_at": self.now, "expires_at": expires, "amount_minor": amount_minor}
        more["captures"] = at_once or kind is OperationKind.CAPTURE
        op = new_operation(len(self.story.operations) + 1, attempt.id, kind, **more)
        self.story = structs.replace(self.story, operations=[*self.story.operations, op])
        self._hear(op, SettledBy.REPLY)

    def _hear(self, op: OperationRow, by: SettledBy) -> None:
        ways = ["heard"] if self.calm else ["heard", "lost", "died", "not_reached", "late", "stuck"]
        if op.kind in AUTHORISING and not self.calm and not self.honest:
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
        outcome = self._in_full(outcome, op)
        if by is SettledBy.RESEND and not outcomes.is_proof(outcome) and op.kind is not OperationKind.CREATE:
            return
        if outcomes.counts(op, outcome, by):
            outcome = outcomes.believed(op, outcome)
            self.story = outcomes.consequences(self.story, op, outcome, by, self.now).in_story(self.story)

    def tell(self, op: OperationRow) -> None:
        """The gateway's webhook about an operation, unless our own reply is still due."""
        if op.state is OperationState.SENT and op.expires_at > self.now:
            return
        truth = self.gateways.present(op)
        if truth is not None and truth.kind not in (OutcomeKind.PENDING, OutcomeKind.ACTION_REQUIRED):
            self.settle(op.id, truth, SettledBy.WEBHOOK)

    def leave_to_a_person(self, op: OperationRow) -> None:
        self.story = self.story.with_operation(structs.replace(op, state=OperationState.NEEDS_REVIEW))

    def judge(self, op: OperationRow, *, look_again: bool = False) -> None:
        """A person looks the operation up on the gateway's own pages, and says what is there; or has it asked about."""
        if look_again:
            reopened = structs.replace(op, state=OperationState.UNKNOWN, expires_at=self.now)
            self.story = self.story.with_operation(reopened)
            return
        truth = self.gateways.present(op)
        happened = truth is not None and truth.kind is OutcomeKind.APPROVED
        verdict = Verdict.APPROVED if happened else Verdict.DECLINED
        try:
            reviews.require_possible(self.story, op, verdict)
        except Conflict:
            return
        self.settle(
            op.id, says(OutcomeKind.APPROVED) if happened else says(OutcomeKind.DECLINED, HARD), SettledBy.PERSON
        )

    def tell_of_the_end(self) -> None:
        """The gateway's message that it let an authorisation go."""
        for attempt in self.story.attempts:
            gone = attempt.id in self.gateways.let_go & self.gateways.authorised
            if gone and expiry.is_news(self.story, attempt, "payment.expired"):
                op = expiry.ended(self.story, attempt, f"op_{len(self.story.operations) + 1}", self.now)
                self.story = structs.replace(self.story, operations=[*self.story.operations, op])

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
            updated_at=self.now,
            capture_mode=self.capture_mode,
        )
        self.story = structs.replace(self.story, attempts=[*self.story.attempts, attempt])
        return attempt

    def change(self, **values: Any) -> None:
        self.story = structs.replace(self.story, payment=structs.replace(self.story.payment, **values))

    def _note(self, step: Step) -> None:
        status = lifecycle.status_of(self.story, step)
        captured, refunded = amounts.captured_minor(self.story), amounts.refunded_minor(self.story)
        self.watch(self.story, step, self.now)
        self.statuses.append(status)
        self.change(status=status, amount_captured_minor=captured, amount_refunded_minor=refunded)

    def _in_full(self, outcome: Outcome, op: OperationRow) -> Outcome:
        """An approval states the amount that was asked, and of an authorisation its end."""
        if outcome.kind is not OutcomeKind.APPROVED:
            return outcome
        ends = self.now + HELD_FOR if op.kind in AUTHORISING and not op.captures else None
        before = self.story.attempt(op.attempt_id).capture_before
        return Outcome(outcome.kind, op.amount, capture_before=before or ends)
