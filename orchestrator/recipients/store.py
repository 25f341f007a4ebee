"""Every query on recipients, their accounts at the gateways, and split transfers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from orchestrator.db import fetch
from orchestrator.recipients.records import RecipientAccountRow, RecipientRow, SplitTransferRow, TransferState
from orchestrator.recipients.tables import Recipient, RecipientAccount, SplitTransfer


async def insert(row: RecipientRow) -> None:
    await Recipient.insert(Recipient(**msgspec.structs.asdict(row)))


async def update(row: RecipientRow) -> None:
    values: dict[Any, Any] = {
        Recipient.name: row.name,
        Recipient.reference: row.reference,
        Recipient.metadata: row.metadata,
        Recipient.updated_at: row.updated_at,
    }
    await Recipient.update(values).where(Recipient.id == row.id)


async def recipient(recipient_id: str) -> RecipientRow | None:
    row = await Recipient.select().where(Recipient.id == recipient_id).first().output(load_json=True)
    return msgspec.convert(row, RecipientRow) if row else None


async def recipients_of(merchant_id: str, *, limit: int, before_id: str | None = None) -> list[RecipientRow]:
    """Newest first."""
    query = Recipient.select().where(Recipient.merchant_id == merchant_id)
    if before_id:
        query = query.where(Recipient.id < before_id)
    rows = await query.order_by(Recipient.id, ascending=False).limit(limit).output(load_json=True)
    return msgspec.convert(rows, list[RecipientRow])


async def known(merchant_id: str, recipient_ids: Sequence[str]) -> set[str]:
    """Which of these are the merchant's recipients."""
    rows = await fetch(
        "SELECT id FROM recipient WHERE merchant_id = $1 AND id = ANY($2::varchar[])", merchant_id, list(recipient_ids)
    )
    return {row["id"] for row in rows}


async def lock(recipient_ids: Sequence[str]) -> None:
    """Lock recipients until the transaction ends, in one order: whoever takes from their balances does so in turn."""
    await fetch(
        "SELECT id FROM recipient WHERE id = ANY($1::varchar[]) ORDER BY id FOR NO KEY UPDATE", sorted(recipient_ids)
    )


async def put_account(row: RecipientAccountRow) -> None:
    """Add the account, or change what is known of it."""
    await fetch(
        "INSERT INTO recipient_account (id, recipient_id, gateway_account_id, gateway_recipient_id, state, missing, "
        "checked_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (recipient_id, gateway_account_id) DO UPDATE SET "
        "gateway_recipient_id = EXCLUDED.gateway_recipient_id, state = EXCLUDED.state, missing = EXCLUDED.missing, "
        "checked_at = EXCLUDED.checked_at",
        *msgspec.structs.astuple(row),
    )


async def accounts_of(recipient_ids: Sequence[str]) -> list[RecipientAccountRow]:
    rows = (
        await RecipientAccount.select()
        .where(RecipientAccount.recipient_id.is_in(list(recipient_ids)))
        .order_by(RecipientAccount.id)
    )
    return msgspec.convert(rows, list[RecipientAccountRow])


async def insert_transfer(row: SplitTransferRow) -> bool:
    """False where this part is planned already: then nothing was added."""
    names = row.__struct_fields__
    places = ", ".join(f"${number}" for number in range(1, len(names) + 1))
    rows = await fetch(
        f"INSERT INTO split_transfer ({', '.join(names)}) VALUES ({places}) "  # noqa: S608 - the names of our own fields
        "ON CONFLICT (operation_id, kind, recipient_id, coalesce(reverses_id, '')) DO NOTHING RETURNING id",
        *(_stored(value) for value in msgspec.structs.astuple(row)),
    )
    return bool(rows)


async def update_transfer(transfer_id: str, was: TransferState, values: dict[str, Any]) -> bool:
    """Conditional on the state: False where another was faster."""
    changes = ", ".join(f"{name} = ${number}" for number, name in enumerate(values, 3))
    rows = await fetch(
        f"UPDATE split_transfer SET {changes} WHERE id = $1 AND state = $2 RETURNING id",  # noqa: S608 - our own fields
        transfer_id,
        was.value,
        *(_stored(value) for value in values.values()),
    )
    return bool(rows)


async def transfer(transfer_id: str, *, lock: bool = False) -> SplitTransferRow | None:
    sql = "SELECT row_to_json(split_transfer.*) AS it FROM split_transfer WHERE id = $1"
    rows = await fetch(sql + (" FOR NO KEY UPDATE" if lock else ""), transfer_id)
    return msgspec.json.decode(rows[0]["it"], type=SplitTransferRow) if rows else None


async def transfers_of_payment(payment_id: str) -> list[SplitTransferRow]:
    """All parts sent and taken back, oldest first."""
    rows = (
        await SplitTransfer.select()
        .where(SplitTransfer.payment_id == payment_id)
        .order_by(SplitTransfer.id)
        .output(load_json=True)
    )
    return msgspec.convert(rows, list[SplitTransferRow])


async def transfers_of_recipient(
    recipient_id: str, *, limit: int, before_id: str | None = None
) -> list[SplitTransferRow]:
    """Newest first."""
    query = SplitTransfer.select().where(SplitTransfer.recipient_id == recipient_id)
    if before_id:
        query = query.where(SplitTransfer.id < before_id)
    rows = await query.order_by(SplitTransfer.id, ascending=False).limit(limit).output(load_json=True)
    return msgspec.convert(rows, list[SplitTransferRow])


def _stored(value: object) -> object:
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else value
