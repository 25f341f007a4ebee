"""Every query on batches of drafts to be issued. Opens no transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum

import msgspec

from invoicing.tables import InvoiceBatch, InvoiceBatchItem


class ItemState(StrEnum):
    WAITING = "waiting"
    ISSUED = "issued"
    REFUSED = "refused"
    FAILED = "failed"


class BatchRow(msgspec.Struct, frozen=True, kw_only=True):
    """Many drafts to issue; without `issue_date` each on the day of its turn."""

    id: str
    merchant_id: str
    issue_date: date | None
    send: bool
    created_at: datetime
    finished_at: datetime | None


class BatchItem(msgspec.Struct, frozen=True, kw_only=True):
    """One draft of a batch; `code` and `message` say why it was refused, or to which error its last try came."""

    id: str
    batch_id: str
    position: int
    invoice_id: str
    state: ItemState
    code: str = ""
    message: str = ""
    tries: int = 0


async def insert_batch(row: BatchRow, items: Sequence[BatchItem]) -> None:
    await InvoiceBatch.insert(InvoiceBatch(**msgspec.structs.asdict(row)))
    await InvoiceBatchItem.insert(
        *(InvoiceBatchItem(**{**msgspec.structs.asdict(item), "state": item.state.value}) for item in items)
    )


async def find_batch(batch_id: str) -> BatchRow | None:
    rows = await InvoiceBatch.select().where(InvoiceBatch.id == batch_id)
    return msgspec.convert(rows[0], BatchRow) if rows else None


async def items_of(batch_id: str, *states: ItemState, limit: int) -> list[BatchItem]:
    """Those in one of the states, in the order in which they were given."""
    query = InvoiceBatchItem.select().where(
        InvoiceBatchItem.batch_id == batch_id, InvoiceBatchItem.state.is_in([state.value for state in states])
    )
    return [msgspec.convert(row, BatchItem) for row in await query.order_by(InvoiceBatchItem.position).limit(limit)]


async def next_items(batch_id: str, limit: int) -> list[BatchItem]:
    """Those that wait, in the order in which they were given; what came to an error waits until all others had their
    turn."""
    query = InvoiceBatchItem.select().where(
        InvoiceBatchItem.batch_id == batch_id, InvoiceBatchItem.state == ItemState.WAITING.value
    )
    in_turn = query.order_by(InvoiceBatchItem.tries).order_by(InvoiceBatchItem.position)
    return [msgspec.convert(row, BatchItem) for row in await in_turn.limit(limit)]


async def count_by_state(batch_id: str) -> dict[ItemState, int]:
    rows = await InvoiceBatchItem.raw(
        "SELECT state, count(*) AS items FROM invoice_batch_item WHERE batch_id = {} GROUP BY state", batch_id
    )
    return {ItemState(row["state"]): row["items"] for row in rows}


async def lock_waiting(items: Sequence[BatchItem]) -> list[BatchItem]:
    """Take the turn of those of the items that still wait, until the caller's transaction ends."""
    rows = await InvoiceBatchItem.raw(
        "SELECT id FROM invoice_batch_item WHERE id = ANY({}::varchar[]) AND state = {} "
        "ORDER BY position FOR NO KEY UPDATE",
        [item.id for item in items],
        ItemState.WAITING.value,
    )
    waiting = {row["id"] for row in rows}
    return [item for item in items if item.id in waiting]


async def put_items(items: Sequence[BatchItem]) -> None:
    """Keep the state of these items, and how they came to it."""
    await InvoiceBatchItem.raw(
        "UPDATE invoice_batch_item SET state = r.state, code = r.code, message = r.message, tries = r.tries "
        "FROM jsonb_to_recordset({}::jsonb) AS r (id varchar, state varchar, code varchar, message text, tries int) "
        "WHERE invoice_batch_item.id = r.id",
        msgspec.json.encode(items).decode(),
    )


async def end_batch(batch_id: str, at: datetime) -> bool:
    """False where it was at its end already."""
    rows = (
        await InvoiceBatch.update({InvoiceBatch.finished_at: at})
        .where(InvoiceBatch.id == batch_id, InvoiceBatch.finished_at.is_null())
        .returning(InvoiceBatch.id)
    )
    return bool(rows)
