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


class BatchRow(msgspec.Struct, frozen=True, kw_only=True):
    """Many drafts to issue; without `issue_date` each on the day of its turn."""

    id: str
    merchant_id: str
    issue_date: date | None
    send: bool
    created_at: datetime
    finished_at: datetime | None


class BatchItem(msgspec.Struct, frozen=True, kw_only=True):
    """One draft of a batch; `code` and `message` say why it was refused."""

    id: str
    batch_id: str
    position: int
    invoice_id: str
    state: ItemState
    code: str
    message: str


async def insert_batch(row: BatchRow, items: Sequence[BatchItem]) -> None:
    await InvoiceBatch.insert(InvoiceBatch(**msgspec.structs.asdict(row)))
    await InvoiceBatchItem.insert(
        *(InvoiceBatchItem(**{**msgspec.structs.asdict(item), "state": item.state.value}) for item in items)
    )


async def find_batch(batch_id: str) -> BatchRow | None:
    rows = await InvoiceBatch.select().where(InvoiceBatch.id == batch_id)
    return msgspec.convert(rows[0], BatchRow) if rows else None


async def items_of(batch_id: str, state: ItemState | None = None, *, limit: int) -> list[BatchItem]:
    """In the order in which they were given."""
    query = InvoiceBatchItem.select().where(InvoiceBatchItem.batch_id == batch_id)
    if state is not None:
        query = query.where(InvoiceBatchItem.state == state.value)
    return [msgspec.convert(row, BatchItem) for row in await query.order_by(InvoiceBatchItem.position).limit(limit)]


async def count_by_state(batch_id: str) -> dict[ItemState, int]:
    rows = await InvoiceBatchItem.raw(
        "SELECT state, count(*) AS items FROM invoice_batch_item WHERE batch_id = {} GROUP BY state", batch_id
    )
    return {ItemState(row["state"]): row["items"] for row in rows}


async def lock_waiting(item_id: str) -> bool:
    """Take an item's turn, until the caller's transaction ends. False where it had it."""
    rows = (
        await InvoiceBatchItem.select(InvoiceBatchItem.id)
        .where(InvoiceBatchItem.id == item_id, InvoiceBatchItem.state == ItemState.WAITING.value)
        .lock_rows("NO KEY UPDATE")
    )
    return bool(rows)


async def end_item(item_id: str, state: ItemState, *, code: str = "", message: str = "") -> None:
    await InvoiceBatchItem.update(
        {InvoiceBatchItem.state: state.value, InvoiceBatchItem.code: code, InvoiceBatchItem.message: message}
    ).where(InvoiceBatchItem.id == item_id)


async def end_batch(batch_id: str, at: datetime) -> bool:
    """False where it was at its end already."""
    rows = (
        await InvoiceBatch.update({InvoiceBatch.finished_at: at})
        .where(InvoiceBatch.id == batch_id, InvoiceBatch.finished_at.is_null())
        .returning(InvoiceBatch.id)
    )
    return bool(rows)
