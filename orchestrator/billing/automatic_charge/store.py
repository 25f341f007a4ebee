"""Every query on automatic charges. What moves a charge on is conditional: of two who do, one does."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec

from orchestrator.billing.automatic_charge.states import PENDING, ChargeState
from orchestrator.db import fetch


class SettingRow(msgspec.Struct, frozen=True):
    """A customer whose invoices are charged by themselves. Without `payment_method_id`: by the customer's default."""

    customer_id: str
    merchant_id: str
    payment_method_id: str | None
    created_at: datetime
    updated_at: datetime


class ChargeRow(msgspec.Struct, frozen=True):
    """The automatic charge of an invoice as stored."""

    invoice_id: str
    merchant_id: str
    customer_id: str
    state: ChargeState
    part: int
    tries: int
    returns: int
    payment_id: str | None
    reason: str
    due_at: datetime | None
    created_at: datetime
    updated_at: datetime


_NAMES = ChargeRow.__struct_fields__
_CHARGE = "SELECT row_to_json(c.*) AS it FROM invoice_automatic_charge c WHERE invoice_id = $1"
_INSERT = (
    f"INSERT INTO invoice_automatic_charge ({', '.join(_NAMES)}) "  # noqa: S608 - the names of our own fields
    f"VALUES ({', '.join(f'${number}' for number in range(1, len(_NAMES) + 1))}) ON CONFLICT (invoice_id) DO "
)
_INSERT_ONLY = _INSERT + "NOTHING RETURNING invoice_id"
_INSERT_OR_REPLACE = _INSERT + "UPDATE SET " + ", ".join(f"{name} = EXCLUDED.{name}" for name in _NAMES[1:])
_MOVE = """
    UPDATE invoice_automatic_charge SET state = $6, part = $7, tries = $8, payment_id = $9, reason = $10, due_at = $11,
        updated_at = $12
    WHERE invoice_id = $1 AND state = $2 AND part = $3 AND tries = $4 AND payment_id IS NOT DISTINCT FROM $5
    RETURNING invoice_id"""
_PUT_SETTING = """
    INSERT INTO customer_automatic_charge (customer_id, merchant_id, payment_method_id, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $4) ON CONFLICT (customer_id) DO UPDATE
    SET payment_method_id = EXCLUDED.payment_method_id, updated_at = EXCLUDED.updated_at"""
_IS_PENDING = """
    SELECT 1 FROM invoice_automatic_charge JOIN customer_automatic_charge USING (customer_id)
    WHERE invoice_id = $1 AND state = ANY($2::varchar[])"""
_STOP_ALL = """
    UPDATE invoice_automatic_charge SET state = $2, due_at = NULL, updated_at = $3
    WHERE customer_id = $1 AND state = ANY($4::varchar[]) RETURNING invoice_id"""
_PENDING = sorted(state.value for state in PENDING)


async def setting(customer_id: str) -> SettingRow | None:
    """What is switched on for the customer; None where nothing is."""
    rows = await fetch(
        "SELECT row_to_json(c.*) AS it FROM customer_automatic_charge c WHERE customer_id = $1", customer_id
    )
    return msgspec.json.decode(rows[0]["it"], type=SettingRow) if rows else None


async def switched_on(customer_ids: Collection[str]) -> set[str]:
    """Those of these customers who are charged by themselves."""
    if not customer_ids:
        return set()
    sql = "SELECT customer_id FROM customer_automatic_charge WHERE customer_id = ANY($1::varchar[])"
    return {row["customer_id"] for row in await fetch(sql, list(customer_ids))}


async def put_setting(customer_id: str, merchant_id: str, payment_method_id: str | None, now: datetime) -> None:
    await fetch(_PUT_SETTING, customer_id, merchant_id, payment_method_id, now)


async def delete_setting(customer_id: str) -> None:
    await fetch("DELETE FROM customer_automatic_charge WHERE customer_id = $1", customer_id)


async def find(invoice_id: str) -> ChargeRow | None:
    rows = await fetch(_CHARGE, invoice_id)
    return msgspec.json.decode(rows[0]["it"], type=ChargeRow) if rows else None


async def lock(invoice_id: str) -> ChargeRow | None:
    """The charge, locked until the transaction ends."""
    rows = await fetch(_CHARGE + " FOR NO KEY UPDATE", invoice_id)
    return msgspec.json.decode(rows[0]["it"], type=ChargeRow) if rows else None


async def insert(row: ChargeRow) -> bool:
    """False where the invoice has one already: somebody had switched it off while it was a draft."""
    return bool(await fetch(_INSERT_ONLY, *msgspec.structs.astuple(row)))


async def put(row: ChargeRow) -> None:
    """Write it down, whatever was there: the caller has locked what there was."""
    await fetch(_INSERT_OR_REPLACE, *msgspec.structs.astuple(row))


async def delete(invoice_id: str) -> None:
    await fetch("DELETE FROM invoice_automatic_charge WHERE invoice_id = $1", invoice_id)


async def move(before: ChargeRow, after: ChargeRow) -> bool:
    """From one to the other; False where it is no longer as it was `before`."""
    seen = (before.invoice_id, before.state, before.part, before.tries, before.payment_id)
    then = (after.state, after.part, after.tries, after.payment_id, after.reason, after.due_at, after.updated_at)
    return bool(await fetch(_MOVE, *seen, *then))


async def stop_all(customer_id: str, now: datetime) -> list[str]:
    """Switch off what is pending of the customer: of which invoices."""
    rows = await fetch(_STOP_ALL, customer_id, ChargeState.OFF.value, now, _PENDING)
    return [row["invoice_id"] for row in rows]


async def is_pending(invoice_id: str) -> bool:
    return bool(await fetch(_IS_PENDING, invoice_id, _PENDING))
