"""What only a person can settle: the operations of unknown outcome, with the evidence, and the verdict."""

from __future__ import annotations

from datetime import datetime

from msgspec import structs

from orchestrator import clock_port
from orchestrator.access import audit
from orchestrator.access.store import bind_idempotency
from orchestrator.db import transaction
from orchestrator.errors import Conflict, InvalidField, NotFound
from orchestrator.events import EventType
from orchestrator.gateways.base import OperationKind
from orchestrator.notifications.service import record
from orchestrator.payments import amounts, answering, driver, resolver, review_store, store, withheld
from orchestrator.payments.outcomes import was_taken_back
from orchestrator.payments.records import Cause, OperationRow, OperationState, PaymentRow, SettledBy, Story, Verdict
from orchestrator.payments.settling import settle
from routing.outcomes import Decline, Outcome, OutcomeKind, RetryAction

NOTE_CHARS_MAX = 1000


async def resolve_review(
    merchant_id: str,
    payment_id: str,
    operation_id: str,
    verdict: Verdict,
    note: str,
    actor: str,
    idempotency_id: str | None = None,
) -> PaymentRow:
    """Settle by hand what nobody could settle otherwise; the payment goes on from there.

    Kept with the operation and in the audit log, and told as `payment.review_resolved`. Raises NotFound, InvalidField
    (no note), Conflict (the operation waits for no person).
    """
    if not note.strip() or len(note) > NOTE_CHARS_MAX:
        raise InvalidField("note", f"say what the verdict rests on, in at most {NOTE_CHARS_MAX} characters")
    async with transaction():
        story = await _locked(merchant_id, payment_id)
        operation = next((op for op in story.operations if op.id == operation_id), None)
        if operation is None:
            raise NotFound("operation", operation_id)
        require_possible(story, operation, verdict)
        if idempotency_id:
            await bind_idempotency(idempotency_id, payment_id)
        now = clock_port.now()
        story = await _noted(story, operation, verdict, note, actor, now)
        story = await _carried_out(story, story.operation(operation_id), verdict, now)
        errand = await driver.proceed(story, now)
        said = {"operation": operation_id, "verdict": verdict.value, "note": note}
        await audit.record(merchant_id, audit.Action.PAYMENT_REVIEW_RESOLVED, payment_id, now, after=said)
    return await answering.answer(payment_id, errand)


async def waiting(merchant_id: str, *, limit: int, before_id: str | None = None) -> list[OperationRow]:
    """The operations that wait for a person, newest first, with their evidence."""
    return await review_store.waiting(merchant_id, limit=limit, before_id=before_id)


def is_refused_undoing(operation: OperationRow) -> bool:
    """Whether the gateway refused what was to be undone, captured or given back by itself, and nobody took note."""
    undoes = operation.kind in (OperationKind.VOID, OperationKind.CAPTURE) or operation.cause is Cause.SURPLUS
    settled = operation.state is OperationState.SETTLED and not operation.noted
    return undoes and settled and operation.outcome is OutcomeKind.DECLINED


def require_possible(story: Story, operation: OperationRow, verdict: Verdict) -> None:
    """Raises Conflict where the operation waits for no person, or the verdict cannot be true or carried out."""
    if operation.state is not OperationState.NEEDS_REVIEW and not is_refused_undoing(operation):
        raise Conflict(f"The operation is {operation.state.value}: it waits for no person.")
    if verdict is Verdict.DECLINED:
        return
    if operation.moves_money and was_taken_back(operation):
        raise Conflict("It was booked and then taken back. Say declined, and capture or refund anew.")
    if verdict is Verdict.APPROVED:
        _require_room(story, operation)
    elif operation.state is OperationState.SETTLED and any(
        op.open for op in story.operations_of(operation.attempt_id) if op.id != operation.id
    ):
        raise Conflict("Another call for this attempt is under way. Ask again when its outcome is known.")


def _require_room(story: Story, operation: OperationRow) -> None:
    """Raises Conflict where it cannot have happened, for what is known to have been taken or given back."""
    if withheld.was_held_back(operation):
        raise Conflict("It was never sent. Say declined where the dispute gave the money back, else look_again.")
    if operation.kind is OperationKind.CAPTURE:
        others = [op for op in story.operations_of(operation.attempt_id) if op.captures and op.id != operation.id]
        left_minor = story.payment.amount_minor - sum(op.amount_minor for op in others if op.open or op.approved)
    elif operation.kind is OperationKind.REFUND and operation.target_operation_id and not operation.open:
        left_minor = amounts.left_minor(story, story.operation(operation.target_operation_id))
    else:
        return
    if operation.amount_minor > left_minor:
        raise Conflict(f"That would be more than there is: {left_minor} are left. Say declined.")


async def _locked(merchant_id: str, payment_id: str) -> Story:
    story = await store.lock_story(payment_id)
    if story is None or story.payment.merchant_id != merchant_id:
        raise NotFound("payment", payment_id)
    return story


async def _noted(
    story: Story, operation: OperationRow, verdict: Verdict, note: str, actor: str, now: datetime
) -> Story:
    review = {"verdict": verdict.value, "note": note, "actor": actor, "at": now.isoformat()}
    await store.update_operation(operation, {"review": review})
    data = {"operation": operation.id, "kind": operation.kind.value} | review
    await record(EventType.PAYMENT_REVIEW_RESOLVED, story.payment.merchant_id, story.payment.id, data, now)
    return story.with_operation(structs.replace(operation, review=review))


async def _carried_out(story: Story, operation: OperationRow, verdict: Verdict, now: datetime) -> Story:
    if verdict is Verdict.LOOK_AGAIN and withheld.was_held_back(operation):
        not_sent = Outcome(OutcomeKind.NOT_REACHED, detail="never sent; a person has it tried now")
        return await settle(story, operation.id, not_sent, SettledBy.PERSON, now) or story
    if verdict is Verdict.LOOK_AGAIN:
        return await resolver.look_now(story, operation, now)
    if verdict is Verdict.DECLINED and operation.state is OperationState.SETTLED:
        return story  # declined already: a person has taken note
    outcome = Outcome(OutcomeKind.APPROVED, operation.amount, detail="settled by a person")
    if verdict is Verdict.DECLINED:
        decline = Decline("settled_by_person", RetryAction.CUSTOMER_ACTION, RetryAction.CUSTOMER_ACTION, "")
        outcome = Outcome(OutcomeKind.DECLINED, decline=decline, detail="settled by a person")
    return await settle(story, operation.id, outcome, SettledBy.PERSON, now) or story
