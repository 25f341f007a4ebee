"""Issues many drafts in groups, each group in one transaction with its items: whoever takes over after a crash goes on
where the last commit was, and no draft is issued twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import structlog
from msgspec import structs

from invoicing import batch_store
from invoicing import service as invoicing
from invoicing.batch_store import BatchItem, BatchRow, ItemState
from invoicing.errors import InvoicingError
from orchestrator import clock_port, outbox
from orchestrator.access.store import bind_idempotency
from orchestrator.billing.einvoices import rules as einvoice_rules
from orchestrator.billing.issue_dates import day_of_issue
from orchestrator.billing.issuing import Issue, NotTogether, issue_within
from orchestrator.db import transaction
from orchestrator.errors import InvalidField, NotFound
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.notifications.service import record
from orchestrator.outbox import Later

TOPIC = "invoice.batch"
INVOICES_MAX = 5_000
AT_ONCE = 500  # then the worker sees to other bells
TOGETHER = 50  # drafts of one transaction, which holds their series
TRIES_MAX = 5  # of a draft that comes to an error; the outbox pauses between them for about a minute in all
SHOWN_MAX = 100
ERROR_MAX_CHARS = 500
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is; `refused` are the first that could not be issued, those that failed among them."""

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
    """Have these drafts issued in this order, and mailed. Raises InvalidField for one that is named twice,
    InvalidInvoice for a date to come."""
    await day_of_issue(merchant_id, issue_date)
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
    refused = await batch_store.items_of(batch_id, ItemState.REFUSED, ItemState.FAILED, limit=SHOWN_MAX)
    return Progress(batch, await batch_store.count_by_state(batch_id), tuple(refused))


async def work(batch_id: str) -> Later | None:
    """Issue the next ones of a batch. Run by the outbox, until none waits.

    Raises ExceptionGroup of the errors of those that are to be tried again, after all others had their turn.
    """
    batch = await batch_store.find_batch(batch_id)
    if batch is None:
        return None
    waiting = await batch_store.next_items(batch_id, AT_ONCE)
    errors: list[Exception] = []
    for first in range(0, len(waiting), TOGETHER):
        errors += await _issue(batch, waiting[first : first + TOGETHER])
    if errors:
        raise ExceptionGroup(f"{len(errors)} drafts of {batch_id} could not be issued yet", errors)
    now = clock_port.now()
    if len(waiting) == AT_ONCE:
        return Later(now)
    async with transaction():
        if await batch_store.end_batch(batch_id, now):
            counts = {state.value: count for state, count in (await batch_store.count_by_state(batch_id)).items()}
            await record(EventType.INVOICE_BATCH_FINISHED, batch.merchant_id, batch_id, counts, now)
    return None


async def _issue(batch: BatchRow, items: Sequence[BatchItem]) -> list[Exception]:
    """Issue them together, and in halves where that comes to an error: what is wrong with one stops no other. The
    errors of those that are to be tried again."""
    try:
        await _issue_together(batch, items)
    except Exception as error:
        if len(items) == 1:
            return await _keep_error(items[0], error)
        if not isinstance(error, InvoicingError | NotTogether):
            _log.warning("invoice_batch.divided", batch=batch.id, drafts=len(items), error=repr(error))
        half = len(items) // 2
        return [*await _issue(batch, items[:half]), *await _issue(batch, items[half:])]
    return []


async def _issue_together(batch: BatchRow, items: Sequence[BatchItem]) -> None:
    drafts = await invoicing.find_many(batch.merchant_id, [item.invoice_id for item in items])
    refusals = await einvoice_rules.unwritable(batch.merchant_id, drafts, batch.issue_date)
    async with transaction():
        waiting = await batch_store.lock_waiting(items)  # without those that another worker had
        ids = [item.invoice_id for item in waiting if item.invoice_id not in refusals]
        outcomes = await issue_within(batch.merchant_id, ids, Issue(batch.issue_date, batch.send))
        for invoice_id, outcome in zip(ids, outcomes, strict=True):
            if isinstance(outcome, InvoicingError):
                refusals[invoice_id] = outcome
        await batch_store.put_items([_ended(item, refusals.get(item.invoice_id)) for item in waiting])


def _ended(item: BatchItem, refusal: InvoicingError | None) -> BatchItem:
    if refusal is None:
        return structs.replace(item, state=ItemState.ISSUED, code="", message="")
    return structs.replace(item, state=ItemState.REFUSED, code=type(refusal).__name__, message=str(refusal))


async def _keep_error(item: BatchItem, error: Exception) -> list[Exception]:
    """What is said of all together, such as a series that is taken, refuses one that is alone. Anything else is not the
    draft's fault: it is tried again, until that is in vain."""
    if isinstance(error, InvoicingError):
        ended = _ended(item, error)
    else:
        tries = item.tries + 1
        state = ItemState.FAILED if tries >= TRIES_MAX else ItemState.WAITING
        said = str(error)[:ERROR_MAX_CHARS]
        ended = structs.replace(item, state=state, code=type(error).__name__[:60], message=said, tries=tries)
        _log.error("invoice_batch.draft_failed", invoice=item.invoice_id, tries=tries, exc_info=error)
    async with transaction():
        if await batch_store.lock_waiting([item]):
            await batch_store.put_items([ended])
    return [error] if ended.state is ItemState.WAITING else []
