"""Issues many drafts, one after the other, each in one transaction with its item: whoever takes over after a crash goes
on where the last commit was, and no draft is issued twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from invoicing import batch_store
from invoicing.batch_store import BatchItem, BatchRow, ItemState
from invoicing.errors import InvoicingError
from orchestrator import clock_port, outbox
from orchestrator.access.store import bind_idempotency
from orchestrator.billing.einvoices import rules as einvoice_rules
from orchestrator.billing.service import finalize_within
from orchestrator.db import transaction
from orchestrator.errors import InvalidField, NotFound
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.notifications.service import record
from orchestrator.outbox import Later

TOPIC = "invoice.batch"
INVOICES_MAX = 5_000
AT_ONCE = 100  # then the worker sees to other bells


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is; `refused` are the first that could not be issued."""

    batch: BatchRow
    counts: dict[ItemState, int]
    refused: tuple[BatchItem, ...]


async def begin(
    merchant_id: str,
    invoice_ids: Sequence[str],
    *,
    issue_date: date | None = None,
    send_mail: bool = True,
    idempotency_id: str | None = None,
) -> Progress:
    """Have these drafts issued in this order, and mailed. Raises InvalidField for one that is named twice."""
    if len(set(invoice_ids)) != len(invoice_ids):
        raise InvalidField("invoice_ids", "must name each draft once")
    now = clock_port.now()
    batch = BatchRow(
        id=new_id("iba"),
        merchant_id=merchant_id,
        issue_date=issue_date,
        send=send_mail,
        created_at=now,
        finished_at=None,
    )
    items = [
        BatchItem(
            id=new_id("ibi"),
            batch_id=batch.id,
            position=position,
            invoice_id=invoice_id,
            state=ItemState.WAITING,
            code="",
            message="",
        )
        for position, invoice_id in enumerate(invoice_ids)
    ]
    async with transaction():
        await batch_store.insert_batch(batch, items)
        await outbox.enqueue(TOPIC, batch.id, now)
        if idempotency_id:
            await bind_idempotency(idempotency_id, batch.id)
    return await get(merchant_id, batch.id)


async def get(merchant_id: str, batch_id: str) -> Progress:
    """Raises NotFound."""
    batch = await batch_store.find_batch(batch_id)
    if batch is None or batch.merchant_id != merchant_id:
        raise NotFound("invoice batch", batch_id)
    refused = await batch_store.items_of(batch_id, ItemState.REFUSED, limit=AT_ONCE)
    return Progress(batch, await batch_store.count_by_state(batch_id), tuple(refused))


async def work(batch_id: str) -> Later | None:
    """Issue the next ones of a batch. Run by the outbox, until none waits."""
    batch = await batch_store.find_batch(batch_id)
    if batch is None:
        return None
    waiting = await batch_store.items_of(batch_id, ItemState.WAITING, limit=AT_ONCE)
    for item in waiting:
        await _issue(batch, item)
    now = clock_port.now()
    if len(waiting) == AT_ONCE:
        return Later(now)
    async with transaction():
        if await batch_store.end_batch(batch_id, now):
            counts = {state.value: count for state, count in (await batch_store.count_by_state(batch_id)).items()}
            await record(EventType.INVOICE_BATCH_FINISHED, batch.merchant_id, batch_id, counts, now)
    return None


async def _issue(batch: BatchRow, item: BatchItem) -> None:
    try:
        await einvoice_rules.require_writable(batch.merchant_id, item.invoice_id, batch.issue_date)
        async with transaction():
            if not await batch_store.lock_waiting(item.id):
                return  # another worker had it
            await finalize_within(batch.merchant_id, item.invoice_id, issue_date=batch.issue_date, send_mail=batch.send)
            await batch_store.end_item(item.id, ItemState.ISSUED)
    except InvoicingError as refused:
        async with transaction():
            if await batch_store.lock_waiting(item.id):
                code = type(refused).__name__
                await batch_store.end_item(item.id, ItemState.REFUSED, code=code, message=str(refused))
