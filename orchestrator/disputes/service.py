"""The verbs of disputes: look, accept, answer with evidence. A call is committed before it is sent."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from orchestrator import clock_port, outbox
from orchestrator.access.store import bind_idempotency
from orchestrator.db import transaction
from orchestrator.disputes import news, store
from orchestrator.disputes.booking import WATCH
from orchestrator.disputes.errors import DisputeNotOpen, EvidenceTooLarge, ImpossibleNews, Unread
from orchestrator.disputes.lifecycle import ACCEPTED, EVIDENCE_SUBMITTED
from orchestrator.disputes.records import ActionKind, ActionRow, ActionState, DisputeRow, HistoryRow
from orchestrator.disputes.settling import conclude, of_answer
from orchestrator.errors import Conflict, InvalidField, NotFound
from orchestrator.gateways import connections
from orchestrator.gateways.base import Gateway
from orchestrator.gateways.capabilities import Missing, Verb
from orchestrator.gateways.connections import Connection
from orchestrator.gateways.facets import Answer, EvidenceFile, EvidenceOrder
from orchestrator.ids import new_id
from orchestrator.payments import store as payment_store
from orchestrator.settings import get_settings
from routing.outcomes import OutcomeKind

FILES_MAX = 10
FILES_BYTES_MAX = 5 * 1024 * 1024  # of all files of one answer
EXPIRY_MARGIN_S = 3
CALLS_MAX = FILES_MAX + 2  # to one gateway for one answer: each file, what may be answered, the answer

# How each type begins, so that what is called a picture is one.
_BEGINNINGS = {
    "application/pdf": b"%PDF-",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
}
CONTENT_TYPES = tuple(_BEGINNINGS)
_VERBS = {ActionKind.ACCEPT: Verb.ACCEPT_DISPUTE, ActionKind.EVIDENCE: Verb.SUBMIT_EVIDENCE}
_NOTED = {ActionKind.ACCEPT: ACCEPTED, ActionKind.EVIDENCE: EVIDENCE_SUBMITTED}


@dataclass(frozen=True, slots=True)
class Evidence:
    """The answer to a dispute. `gateway_reason_code` is the defence, where the gateway wants one (Adyen)."""

    explanation: str = ""
    files: tuple[EvidenceFile, ...] = ()
    tracking_number: str = ""
    tracking_carrier: str = ""
    gateway_reason_code: str = ""


@dataclass(frozen=True, slots=True)
class DisputeView:
    """A dispute with all that was heard of it and done about it, oldest first."""

    dispute: DisputeRow
    history: list[HistoryRow]
    actions: list[ActionRow]


async def get(merchant_id: str, dispute_id: str) -> DisputeView:
    """Raises NotFound, also for another merchant's dispute."""
    row = await _own(merchant_id, dispute_id)
    return DisputeView(row, await store.history_of(row.id), await store.actions_of(row.id))


async def accept(merchant_id: str, dispute_id: str, idempotency_id: str | None = None) -> DisputeView:
    """Give in: the customer keeps the money. Raises NotFound, DisputeNotOpen, Conflict while another call is out."""
    action, row = await _begin(merchant_id, dispute_id, ActionKind.ACCEPT, {}, idempotency_id)
    return await _answer(row, action, lambda gateway: news.facet_of(gateway).accept(row.gateway_dispute_id, action.id))


async def submit_evidence(
    merchant_id: str, dispute_id: str, evidence: Evidence, idempotency_id: str | None = None
) -> DisputeView:
    """Answer the dispute. Most gateways take an answer once, and nothing can be added to it.

    Raises NotFound, DisputeNotOpen, Conflict while another call is out, InvalidField, EvidenceTooLarge.
    """
    await _own(merchant_id, dispute_id)
    _check(evidence)
    action, row = await _begin(merchant_id, dispute_id, ActionKind.EVIDENCE, _kept(evidence), idempotency_id)
    order = EvidenceOrder(
        idempotency_key=action.id,
        dispute_id=row.gateway_dispute_id,
        explanation=evidence.explanation,
        files=evidence.files,
        tracking_number=evidence.tracking_number,
        tracking_carrier=evidence.tracking_carrier,
        gateway_reason_code=evidence.gateway_reason_code,
    )
    return await _answer(row, action, lambda gateway: news.facet_of(gateway).submit_evidence(order))


async def _own(merchant_id: str, dispute_id: str) -> DisputeRow:
    row = await store.dispute(dispute_id)
    if row is None or row.merchant_id != merchant_id:
        raise NotFound("dispute", dispute_id)
    return row


def _check(evidence: Evidence) -> None:
    if not (evidence.explanation or evidence.files or evidence.tracking_number):
        raise InvalidField("explanation", "is needed, or files or a tracking number: there is nothing to submit")
    if len(evidence.files) > FILES_MAX:
        raise InvalidField("files", f"must be {FILES_MAX} at most; join some into one PDF")
    size = sum(len(file.content) for file in evidence.files)
    if size > FILES_BYTES_MAX:
        raise EvidenceTooLarge(f"The files have {size} bytes together; {FILES_BYTES_MAX} are taken. Make them smaller.")
    for place, file in enumerate(evidence.files):
        beginning = _BEGINNINGS.get(file.content_type)
        if beginning is None:
            raise InvalidField(f"files[{place}].content_type", f"must be one of {', '.join(CONTENT_TYPES)}")
        if not file.content.startswith(beginning):
            raise InvalidField(f"files[{place}].content", f"is no {file.content_type}: it does not begin like one")


def _kept(evidence: Evidence) -> dict[str, Any]:
    """What stays on record of an answer: its texts, and of the files what tells one from another."""
    files = [
        {
            "kind": file.kind,
            "name": file.name,
            "content_type": file.content_type,
            "bytes": len(file.content),
            "sha256": hashlib.sha256(file.content).hexdigest(),
        }
        for file in evidence.files
    ]
    texts = {
        "explanation": evidence.explanation,
        "tracking_number": evidence.tracking_number,
        "tracking_carrier": evidence.tracking_carrier,
        "gateway_reason_code": evidence.gateway_reason_code,
    }
    return {**{name: text for name, text in texts.items() if text}, **({"files": files} if files else {})}


async def _begin(
    merchant_id: str, dispute_id: str, kind: ActionKind, content: dict[str, Any], idempotency_id: str | None
) -> tuple[ActionRow, DisputeRow]:
    """Write the call down, with a watchdog for the case that nobody lives to hear the answer."""
    known = await _own(merchant_id, dispute_id)
    connection = await connections.connect(known.gateway_account_id)
    _require_verb(connection.gateway, kind)
    now = clock_port.now()
    async with transaction():
        if known.payment_id:
            await payment_store.lock_payment(known.payment_id)
        row = await store.lock(dispute_id)
        assert row is not None
        if not row.awaits_answer:
            raise DisputeNotOpen(f"The dispute is {row.status.value}: the gateway waits for no answer of ours.")
        if any(action.open for action in await store.actions_of(dispute_id)):
            raise Conflict("An earlier answer to this dispute is still on its way. Wait for its result.")
        action = ActionRow(
            id=new_id("dsa"),
            dispute_id=dispute_id,
            kind=kind,
            state=ActionState.SENT,
            outcome=None,
            content=content,
            decline=None,
            detail="",
            exchange=None,
            sent_at=now,
            expires_at=now + timedelta(seconds=_expiry_s()),
            settled_at=None,
        )
        await store.insert_action(action)
        if idempotency_id:
            await bind_idempotency(idempotency_id, dispute_id)
        await outbox.enqueue(WATCH, dispute_id, action.expires_at)
    return action, row


def _require_verb(gateway: Gateway, kind: ActionKind) -> None:
    support = gateway.capabilities.verbs[_VERBS[kind]]
    if isinstance(support, Missing):
        raise Conflict(f"{gateway.name.title()} cannot do this: {support.reason}")


def _expiry_s() -> int:
    """After this nobody can still be waiting for the reply: an answer is several calls, one after the other."""
    limits = get_settings().limits
    return (limits.gateway_connect_timeout_s + limits.gateway_read_timeout_s) * CALLS_MAX + EXPIRY_MARGIN_S


_sending: set[asyncio.Task[None]] = set()


async def _answer(row: DisputeRow, action: ActionRow, question: news.Question) -> DisputeView:
    """Send, and answer when the outcome is known or at the deadline, whichever is first.

    The sending goes on when the answer is given or the caller hangs up: a call to a gateway is never broken off.
    """
    task = asyncio.create_task(_send(row, action, question))
    _sending.add(task)
    task.add_done_callback(_sending.discard)
    await asyncio.wait({task}, timeout=get_settings().limits.payment_deadline_s)
    if task.done():
        task.result()  # raises what was raised
    return await get(row.merchant_id, row.id)


async def finish_sending(patience_s: float) -> None:
    """Before the process ends, let calls to gateways that are out come home. What does not is settled by a worker."""
    if _sending:
        await asyncio.wait(set(_sending), timeout=patience_s)


async def _send(row: DisputeRow, action: ActionRow, question: news.Question) -> None:
    connection = await connections.connect(row.gateway_account_id)
    answer: Answer[None] = await connection.ask(question)
    now = clock_port.now()
    async with transaction():
        if row.payment_id:
            await payment_store.lock_payment(row.payment_id)
        held = await store.lock(row.id)
        assert held is not None
        settled = await conclude(held, action, of_answer(answer), now)
        if settled.approved:
            await news.note_ours(row.id, _NOTED[action.kind], action.id, now)
        await outbox.enqueue(WATCH, row.id, now)
    if answer.kind in (OutcomeKind.APPROVED, OutcomeKind.UNKNOWN):
        await _look(connection, row)


async def _look(connection: Connection, row: DisputeRow) -> None:
    """See what it came to. Where that cannot be seen now, the watch looks again."""
    if not news.can_be_read(connection.gateway):
        return
    try:
        await news.read(connection, row.gateway_dispute_id)
    except (Unread, ImpossibleNews):
        return
