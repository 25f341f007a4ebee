"""What becomes of e-invoices that were sent: answers are looked for, taken once each, and told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from invoicing.einvoice.errors import ChannelNotSetUp
from invoicing.einvoice.transmission import (
    Acknowledgement,
    ChannelUnavailable,
    Contradiction,
    TransmissionState,
    advance,
)
from orchestrator import clock_port
from orchestrator.access.store import bind_idempotency
from orchestrator.billing.transmissions import store
from orchestrator.billing.transmissions.channels import channel_of
from orchestrator.billing.transmissions.store import AcknowledgementRow, TransmissionRow
from orchestrator.db import transaction
from orchestrator.errors import Conflict, InvalidField, NotFound
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.notifications.service import record
from orchestrator.outbox import Later

# What is worth keeping of an answer; that it was sent is known here.
REPORTED = frozenset((TransmissionState.DELIVERED, TransmissionState.ACCEPTED, TransmissionState.REJECTED))
ASK_FOR_DAYS = 90
ASKED_AT_ONCE = 500
_EVENTS = {
    TransmissionState.ACCEPTED: EventType.E_INVOICE_ACCEPTED,
    TransmissionState.REJECTED: EventType.E_INVOICE_REJECTED,
}
_log = structlog.get_logger(__name__)


async def report(
    merchant_id: str,
    transmission_id: str,
    *,
    report_id: str,
    state: TransmissionState,
    reference: str = "",
    text: str = "",
    told_at: datetime | None = None,
    idempotency_id: str | None = None,
) -> TransmissionRow:
    """Take what an access point of the operator's own says. The same report twice is once; one that is late or out of
    order is kept and changes nothing.

    Raises NotFound, InvalidField for a rejection without a reason, Conflict for a report id with another content, for
    what was never prepared, and for another last word than the one that was said.
    """
    if state is TransmissionState.REJECTED and not text:
        raise InvalidField("text", "a rejection must say why: give the reason as it was told")
    async with transaction():
        row = await locked(transmission_id)
        if row.merchant_id != merchant_id:
            raise NotFound("transmission", transmission_id)
        if not row.sha256 or (row.state is TransmissionState.QUEUED and not row.tries):
            raise Conflict("Nothing was sent by this transmission yet. Report on it when it was.")
        now = clock_port.now()
        told = AcknowledgementRow(
            id=new_id("tra"),
            transmission_id=row.id,
            report_id=report_id,
            state=state,
            reference=reference,
            text=text,
            told_at=told_at or now,
            created_at=now,
        )
        try:
            await _take(row, told)
        except Contradiction as other:
            raise Conflict(f"The transmission cannot become {state}: {other}.") from None
        if idempotency_id:
            await bind_idempotency(idempotency_id, row.id)
        changed = await store.find(row.id)
        assert changed is not None
    return changed


async def collect(_: str) -> Later | None:
    """Ask the channels about everything that was sent and has no last word yet. Rung by the clock."""
    since, after = clock_port.now() - timedelta(days=ASK_FOR_DAYS), ""
    while rows := await store.unanswered(after, since, ASKED_AT_ONCE):
        for row, told in await asyncio.to_thread(_asked, rows):
            await hear(row.id, told)
        after = rows[-1].id
    return None


def _asked(rows: Sequence[TransmissionRow]) -> list[tuple[TransmissionRow, Acknowledgement]]:
    answers = []
    for row in rows:
        try:
            told = channel_of(row.merchant_id, row.channel).ask(row.message_id)
        except (ChannelUnavailable, ChannelNotSetUp) as problem:
            _log.warning("e_invoice.not_asked", transmission=row.id, reason=str(problem))
            continue
        if told.state in REPORTED and told.state is not row.state:
            answers.append((row, told))
    return answers


async def hear(transmission_id: str, told: Acknowledgement) -> None:
    """Take what the channel itself says: each state once for each attempt."""
    if told.state not in REPORTED:
        return
    async with transaction():
        row, now = await locked(transmission_id), clock_port.now()
        answer = AcknowledgementRow(
            id=new_id("tra"),
            transmission_id=row.id,
            report_id=f"{row.message_id}:{told.state}",
            state=told.state,
            reference=told.reference,
            text="; ".join(told.reasons) or ("no reason was given" if told.state is TransmissionState.REJECTED else ""),
            told_at=now,
            created_at=now,
        )
        try:
            await _take(row, answer)
        except (Contradiction, Conflict) as other:
            _log.warning("e_invoice.contradiction", transmission=row.id, told=told.state, reason=str(other))


async def locked(transmission_id: str) -> TransmissionRow:
    """The row, locked until the transaction ends. Raises NotFound."""
    row = await store.lock(transmission_id)
    if row is None:
        raise NotFound("transmission", transmission_id)
    return row


async def tell(row: TransmissionRow, event: EventType, now: datetime, *, reference: str = "", text: str = "") -> None:
    """Record what happened to it, in the caller's transaction."""
    data = {"document": row.document_id, "number": row.number, "channel": row.channel.value, "format": row.form.value}
    said = {"reference": reference or row.reference, "text": text}
    await record(event, row.merchant_id, row.id, data | {name: value for name, value in said.items() if value}, now)


async def _take(row: TransmissionRow, told: AcknowledgementRow) -> None:
    """Raises Contradiction, and Conflict for a known report id with another content: nothing is written then."""
    known = await store.acknowledgement(row.id, told.report_id)
    if known is not None:
        if (known.state, known.reference, known.text) != (told.state, told.reference, told.text):
            raise Conflict(
                f"The report id {told.report_id!r} was used for another acknowledgement. Use an id of its own."
            )
        return
    after = advance(row.state, told.state)
    await store.acknowledge(told)
    if after is row.state:
        return
    rejected = told.text if after is TransmissionState.REJECTED else ""
    sent_at = row.sent_at or told.created_at
    await store.move(row.id, after, error=rejected, reference=told.reference, sent_at=sent_at, now=told.created_at)
    if row.sent_at is None:
        await tell(row, EventType.E_INVOICE_SENT, told.created_at, reference=told.reference)
    if after in _EVENTS:
        await tell(row, _EVENTS[after], told.created_at, reference=told.reference, text=told.text)
