"""News of a dispute: found to be of which payment, kept, and applied. Any worker may hear it, also twice or late.

Where the gateway can be asked, its answer counts and the message is only a reason to ask. An answer is applied only
where none was applied since it was asked for, so that an old one never undoes a newer one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.disputes import store
from orchestrator.disputes.booking import bring_up
from orchestrator.disputes.errors import Unread
from orchestrator.disputes.lifecycle import ACCEPTED, LOST, UPDATED, Held, Standing, from_notices, from_reading
from orchestrator.disputes.records import ActionKind, DisputeRow, HistoryRow, Source, new_dispute
from orchestrator.disputes.settling import Conclusion, conclude, shows
from orchestrator.gateways import connections
from orchestrator.gateways.base import Gateway, OperationKind, WebhookMessage
from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.connections import Connection
from orchestrator.gateways.facets import Answer, Dispute, Disputes
from orchestrator.gateways.store import GatewayAccountRow
from orchestrator.ids import new_id
from orchestrator.payments import store as payment_store
from orchestrator.payments.records import AttemptRow, Story
from routing.outcomes import OutcomeKind

READ_TRIES = 5

Question = Callable[[Gateway], Answer[None]]


@dataclass(frozen=True, slots=True)
class Clues:
    """By what a dispute's payment may be found: our references in the message, and the gateway's ids."""

    reference: str = ""
    operation_reference: str = ""
    gateway_payment_id: str = ""


async def hear(gateway_account_id: str, message: WebhookMessage) -> DisputeRow:
    """Let a verified message of a dispute have its effect. Raises Unread, ImpossibleNews."""
    connection = await connections.connect(gateway_account_id)
    clues = Clues(message.reference, message.operation_reference, message.gateway_payment_id)
    if can_be_read(connection.gateway):
        return await read(connection, message.gateway_operation_id, clues)
    if message.dispute is None:
        raise Unread(f"{message.event_type} of {message.gateway_operation_id} does not say how the dispute stands")
    now = clock_port.now()
    async with transaction():
        held = await _hold(connection.account, message.dispute, clues, now)
        await store.insert_history(_heard(held.row.id, message, message.dispute, now))
        if message.kind == LOST:
            await _note_given_in(held.row, now)
        return await _stand(held, message.dispute, await _by_notices(held.row.id), now)


def can_be_read(gateway: Gateway) -> bool:
    """Whether the gateway has a call that reads a dispute; where not, its signed notices are what counts."""
    return gateway.capabilities.can(Verb.FETCH_DISPUTE)


def facet_of(gateway: Gateway) -> Disputes:
    """Raises LookupError where the gateway's API has no disputes."""
    if gateway.facets.disputes is None:
        raise LookupError(f"{gateway.name} has no disputes")
    return gateway.facets.disputes


async def read(connection: Connection, gateway_dispute_id: str, clues: Clues | None = None) -> DisputeRow:
    """Ask the gateway how the dispute stands, and apply it. Raises Unread, ImpossibleNews."""
    for _ in range(READ_TRIES):
        before = await store.dispute_at(connection.account.id, gateway_dispute_id)
        told = await _fetched(connection, gateway_dispute_id)
        if told.dispute_id != gateway_dispute_id:  # PayPal finds it by the capture, too
            gateway_dispute_id = told.dispute_id
            continue
        now = clock_port.now()
        async with transaction():
            held = await _hold(connection.account, told, clues or Clues(), now)
            if held.row.version == (before.version if before else 0):
                after = await _stand(held, told, await _by_reading(held.row, told), now)
                if after.version != held.row.version:
                    await store.insert_history(_read(after, told, now))
                return after
    raise Unread(f"{gateway_dispute_id}: others had news of it at the same time, again and again")


async def note_ours(dispute_id: str, kind: str, action_id: str, now: datetime) -> DisputeRow:
    """Keep what we did at the gateway, and stand by it where nothing can be asked. The caller has the transaction.

    It was done knowing all that had been told, so it counts as after that, whatever the clocks say.
    """
    known = await store.dispute(dispute_id)
    assert known is not None
    story = await _story(known.payment_id)
    row = await store.lock(dispute_id)
    assert row is not None
    history = await store.history_of(dispute_id)
    entry = _ours(row, kind, action_id, history, now)
    await store.insert_history(entry)
    if not any(one.source is Source.NOTICE for one in history):
        return row  # it is read
    return await bring_up(row, from_notices([*history, entry]), {}, story, now, is_new=False)


@dataclass(frozen=True, slots=True)
class _Held:
    """A dispute and its payment, both locked."""

    row: DisputeRow
    story: Story | None
    attempt: AttemptRow | None
    is_new: bool


async def _note_given_in(row: DisputeRow, now: datetime) -> None:
    """The end of a dispute which we asked to accept, and were not answered: it was accepted."""
    for action in await store.actions_of(row.id):
        if action.kind is ActionKind.ACCEPT and action.open:
            await store.insert_history(_ours(row, ACCEPTED, action.id, await store.history_of(row.id), now))


async def _fetched(connection: Connection, gateway_dispute_id: str) -> Dispute:
    answer = await connection.ask(lambda gateway: facet_of(gateway).fetch(gateway_dispute_id))
    if answer.value is None:
        raise Unread(f"{gateway_dispute_id}: {answer.kind.value} {answer.detail or answer.decline or ''}")
    return answer.value


async def _hold(account: GatewayAccountRow, told: Dispute, clues: Clues, now: datetime) -> _Held:
    """Find or store the dispute, and lock it with its payment."""
    attempt = await _attempt_of(account.id, told, clues)
    known = await store.dispute_at(account.id, told.dispute_id)
    story = await _story((known and known.payment_id) or (attempt.payment_id if attempt else None))
    fresh = new_dispute(account.merchant_id, account.id, account.gateway, told, now)
    is_new = known is None and await store.insert(fresh)
    if known is None and not is_new:
        known = await store.dispute_at(account.id, told.dispute_id)
    row = await store.lock(known.id if known else fresh.id)
    assert row is not None
    return _Held(row, story, attempt, is_new)


async def _attempt_of(account_id: str, told: Dispute, clues: Clues) -> AttemptRow | None:
    """By our own references, else by the gateway's id of the payment, else by that of the capture."""
    gateway_payment_id = told.gateway_payment_id or clues.gateway_payment_id
    found = await payment_store.attempt_at_gateway(
        account_id, clues.reference, clues.operation_reference, gateway_payment_id
    )
    if found is None and told.gateway_operation_id:
        attempt_id = await store.attempt_of_operation(account_id, told.gateway_operation_id)
        if attempt_id:
            found = await payment_store.attempt_at_gateway(account_id, attempt_id, "", "")
    return found


async def _story(payment_id: str | None) -> Story | None:
    payment = await payment_store.lock_payment(payment_id) if payment_id else None
    return await payment_store.story_of(payment) if payment else None


async def _by_notices(dispute_id: str) -> Standing:
    return from_notices(await store.history_of(dispute_id))


async def _by_reading(row: DisputeRow, told: Dispute) -> Standing:
    actions = await store.actions_of(row.id)
    accepted = any(action.kind is ActionKind.ACCEPT and (action.open or action.approved) for action in actions)
    held = Held(row.kind, row.withdrawals, row.withdrawn_minor, row.written_off_minor)
    return from_reading(held, told, accepted)


async def _stand(held: _Held, told: Dispute, standing: Standing, now: datetime) -> DisputeRow:
    after = await bring_up(held.row, standing, _facts(held, told), held.story, now, is_new=held.is_new)
    for action in await store.actions_of(after.id):
        if action.open and shows(action.kind, after.status):
            await conclude(after, action, Conclusion(OutcomeKind.APPROVED, "the gateway shows it"), now)
    return after


def _facts(held: _Held, told: Dispute) -> dict[str, Any]:
    """The columns that say what the dispute is about. What was known stays where the gateway is silent."""
    row, attempt = held.row, held.attempt
    facts: dict[str, Any] = {
        "evidence_due_at": told.evidence_due_at or row.evidence_due_at,
        "gateway_operation_id": told.gateway_operation_id or row.gateway_operation_id,
        "gateway_payment_id": told.gateway_payment_id or row.gateway_payment_id,
    }
    if told.gateway_reason and (told.reason != "other" or row.reason == "other"):
        facts.update(reason=told.reason, gateway_reason=told.gateway_reason[:120])
    if row.payment_id is None and attempt is not None and held.story is not None:
        captures = [op for op in held.story.operations_of(attempt.id, OperationKind.CAPTURE) if op.approved]
        named = [op for op in captures if op.gateway_operation_id == told.gateway_operation_id]
        facts.update(
            payment_id=attempt.payment_id,
            attempt_id=attempt.id,
            operation_id=(named or captures)[0].id if captures else None,
            gateway_payment_id=facts["gateway_payment_id"] or attempt.gateway_payment_id,
        )
    return facts


def _ours(row: DisputeRow, kind: str, action_id: str, history: list[HistoryRow], now: datetime) -> HistoryRow:
    """What we did, as it is kept."""
    return HistoryRow(
        id=new_id("dsh"),
        dispute_id=row.id,
        source=Source.OURS,
        event_key=action_id,
        event_type=kind,
        kind=kind,
        status=row.status,
        amount_minor=row.amount_minor,
        currency=row.currency,
        funds_withdrawn=bool(row.withdrawn_minor),
        evidence_due_at=row.evidence_due_at,
        occurred_at=max((entry.occurred_at for entry in history), default=now),
        heard_at=now,
    )


def _heard(dispute_id: str, message: WebhookMessage, told: Dispute, now: datetime) -> HistoryRow:
    """A signed message as it is kept."""
    return HistoryRow(
        id=new_id("dsh"),
        dispute_id=dispute_id,
        source=Source.NOTICE,
        event_key=message.event_key,
        event_type=message.event_type,
        kind=message.kind,
        status=told.status,
        amount_minor=told.amount.minor,
        currency=told.amount.currency,
        funds_withdrawn=told.funds_withdrawn,
        evidence_due_at=told.evidence_due_at,
        occurred_at=_moment(message.occurred_at) or now,
        heard_at=now,
    )


def _read(row: DisputeRow, told: Dispute, now: datetime) -> HistoryRow:
    """An answer of the gateway that was news, as it is kept."""
    entry_id = new_id("dsh")
    return HistoryRow(
        id=entry_id,
        dispute_id=row.id,
        source=Source.READING,
        event_key=entry_id,
        event_type="reading",
        kind=UPDATED,
        status=row.status,
        amount_minor=told.amount.minor,
        currency=told.amount.currency,
        funds_withdrawn=told.funds_withdrawn,
        evidence_due_at=told.evidence_due_at,
        occurred_at=now,
        heard_at=now,
    )


def _moment(text: str) -> datetime | None:
    """The gateway's time of the event. It is not signed: it says what came first, never what money moved."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
