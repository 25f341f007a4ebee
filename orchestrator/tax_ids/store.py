"""Every query on VAT ids, their holders, answers, and the lanes in which registers are asked."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec

from invoicing.vat_ids import VatIdCheck, VatIdState
from orchestrator.db import fetch, later


class AnswerRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a register said."""

    id: str
    register: str
    state: VatIdState
    answered_at: datetime
    asked_by: str
    proof: str
    name: str
    address: str


class VatIdRow(msgspec.Struct, frozen=True, kw_only=True):
    """An id with the newest answer about it. `due_at` is when it is to be asked (again), None where it is not."""

    id: str
    merchant_id: str
    vat_id: str
    prefix: str
    state: VatIdState
    detail: str
    tries: int
    asked_at: datetime | None
    due_at: datetime | None
    created_at: datetime
    answer: AnswerRow | None = None

    def as_check(self) -> VatIdCheck:
        """A register that is silent takes nothing back: what it answered before counts from then."""
        if self.answer is None:
            return VatIdCheck(vat_id=self.vat_id, state=self.state, checked_at=self.asked_at, detail=self.detail)
        said = self.answer
        return VatIdCheck(
            vat_id=self.vat_id,
            state=said.state,
            checked_at=said.answered_at,
            proof=said.proof,
            name=said.name,
            address=said.address,
            detail=self.detail,
        )


class OnInvoiceRow(msgspec.Struct, frozen=True, kw_only=True):
    """What was known at issue, and the first answer that came after it."""

    invoice_id: str
    vat_id: str
    state: VatIdState
    untaxed: bool
    kept_at: datetime
    answer: AnswerRow | None = None
    later_answer: AnswerRow | None = None


_NEWEST = """
    LEFT JOIN LATERAL (
        SELECT a.* FROM vat_id_answer a WHERE a.vat_id_id = v.id ORDER BY a.answered_at DESC, a.id DESC LIMIT 1
    ) said ON true"""
_ROW = f"SELECT row_to_json(v.*) AS it, row_to_json(said.*) AS said FROM vat_id v {_NEWEST}"  # noqa: S608 - constant
_ADD = """
    INSERT INTO vat_id (id, merchant_id, vat_id, prefix, state, detail, tries, due_at, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8) ON CONFLICT (merchant_id, vat_id) DO NOTHING
    RETURNING id"""
_MAKE_DUE = """
    UPDATE vat_id SET due_at = LEAST(due_at, $2) WHERE id IN (
        SELECT id FROM vat_id WHERE id = ANY($1::varchar[]) ORDER BY id FOR NO KEY UPDATE)"""
_HOLD = """
    INSERT INTO vat_id_holder (customer_id, vat_id_id, since) VALUES ($1, $2, $3)
    ON CONFLICT (customer_id) DO UPDATE SET vat_id_id = EXCLUDED.vat_id_id, since = EXCLUDED.since
    WHERE vat_id_holder.vat_id_id <> EXCLUDED.vat_id_id"""
_UNUSED = """
    NOT EXISTS (SELECT 1 FROM vat_id_holder h WHERE h.vat_id_id = v.id)
    AND NOT EXISTS (SELECT 1 FROM vat_id_on_invoice i WHERE i.vat_id_id = v.id)"""
_TAKE_LANE = """
    INSERT INTO vat_id_lane (prefix, busy_until, held_by) VALUES ($1, $2, $3)
    ON CONFLICT (prefix) DO UPDATE SET busy_until = EXCLUDED.busy_until, held_by = EXCLUDED.held_by
    WHERE vat_id_lane.busy_until <= $4 OR vat_id_lane.held_by = EXCLUDED.held_by RETURNING prefix"""
_ON_INVOICE = """
    SELECT i.invoice_id, v.vat_id, i.state, i.untaxed, i.kept_at, row_to_json(a.*) AS said,
        (SELECT row_to_json(l.*) FROM vat_id_answer l WHERE l.vat_id_id = v.id AND l.answered_at >= i.kept_at
            AND l.id IS DISTINCT FROM i.answer_id ORDER BY l.answered_at, l.id LIMIT 1) AS later_said
    FROM vat_id_on_invoice i JOIN vat_id v ON v.id = i.vat_id_id LEFT JOIN vat_id_answer a ON a.id = i.answer_id
    WHERE i.merchant_id = $1 AND i.invoice_id = $2"""


async def add(row: VatIdRow) -> bool:
    """False where the merchant has the id already; whoever is adding it at this moment is waited for."""
    given = (row.id, row.merchant_id, row.vat_id, row.prefix, row.state, row.detail, row.due_at, row.created_at)
    return bool(await fetch(_ADD, *given))


async def find(merchant_id: str, vat_ids: Collection[str]) -> dict[str, VatIdRow]:
    """The rows that there are, by VAT id; they are not taken out before the caller's transaction ends."""
    if not vat_ids:
        return {}
    kept = "SELECT id FROM vat_id WHERE merchant_id = $1 AND vat_id = ANY($2::varchar[]) ORDER BY id FOR KEY SHARE"
    ids = [row["id"] for row in await fetch(kept, merchant_id, list(vat_ids))]
    found = [_row(row) for row in await fetch(f"{_ROW} WHERE v.id = ANY($1::varchar[])", ids)] if ids else []
    return {row.vat_id: row for row in found}


async def lock(row_id: str) -> VatIdRow | None:
    """The row, locked until the transaction ends; None where it was taken out meanwhile."""
    if not await fetch("SELECT 1 FROM vat_id WHERE id = $1 FOR NO KEY UPDATE", row_id):
        return None
    return _first(await fetch(f"{_ROW} WHERE v.id = $1", row_id))


async def of_customers(customer_ids: list[str]) -> dict[str, VatIdRow]:
    """The ids that customers have, by customer id."""
    rows = await fetch(
        f"SELECT h.customer_id, row_to_json(v.*) AS it, row_to_json(said.*) AS said "  # noqa: S608 - constant
        f"FROM vat_id_holder h JOIN vat_id v ON v.id = h.vat_id_id {_NEWEST} WHERE h.customer_id = ANY($1)",
        customer_ids,
    )
    return {row["customer_id"]: _row(row) for row in rows}


async def hold(customer_id: str, row_id: str, now: datetime) -> None:
    await fetch(_HOLD, customer_id, row_id, now)


async def let_go(customer_id: str) -> str | None:
    """The customer has no VAT id any more; the row of the one that it had."""
    rows = await fetch("DELETE FROM vat_id_holder WHERE customer_id = $1 RETURNING vat_id_id", customer_id)
    return str(rows[0]["vat_id_id"]) if rows else None


async def holders_of(row_id: str) -> list[str]:
    rows = await fetch("SELECT customer_id FROM vat_id_holder WHERE vat_id_id = $1 ORDER BY customer_id", row_id)
    return [row["customer_id"] for row in rows]


async def forget(row_id: str) -> None:
    """Take the id out with its answers, unless another customer has it or a document rests on it."""
    await _forget("v.id = $1", row_id)


async def forget_all(created_before: datetime) -> None:
    """The same of all that nobody has any more."""
    await _forget("v.created_at < $1", created_before)


async def _forget(which: str, value: object) -> None:
    """Under the rows' locks it is looked once more: who came to have one meanwhile is seen only then."""
    sql = f"SELECT v.id FROM vat_id v WHERE {which} AND {_UNUSED} FOR UPDATE SKIP LOCKED"  # noqa: S608 - constants
    found = await fetch(sql, value)
    if not found:
        return
    still = f"SELECT v.id FROM vat_id v WHERE v.id = ANY($1) AND {_UNUSED}"  # noqa: S608 - constants
    gone = [row["id"] for row in await fetch(still, [row["id"] for row in found])]
    await fetch("DELETE FROM vat_id_answer WHERE vat_id_id = ANY($1)", gone)
    await fetch("DELETE FROM vat_id WHERE id = ANY($1)", gone)


async def make_due(row_ids: Collection[str], due_at: datetime) -> None:
    """Have them asked about then, or sooner where that is planned already."""
    if row_ids:
        await fetch(_MAKE_DUE, list(row_ids), due_at)


async def next_due(prefix: str, now: datetime) -> VatIdRow | None:
    due = f"{_ROW} WHERE v.prefix = $1 AND v.due_at <= $2 ORDER BY v.due_at, v.id LIMIT 1"
    return _first(await fetch(due, prefix, now))


async def next_due_at(prefix: str) -> datetime | None:
    rows = await fetch("SELECT min(due_at) AS due_at FROM vat_id WHERE prefix = $1", prefix)
    found: datetime | None = rows[0]["due_at"]
    return found


async def due_prefixes(now: datetime) -> list[str]:
    rows = await fetch("SELECT DISTINCT prefix FROM vat_id WHERE due_at <= $1 ORDER BY prefix", now)
    return [row["prefix"] for row in rows]


async def put_answer(row: VatIdRow, answer: AnswerRow, detail: str) -> None:
    """What was said; it is not asked again by itself."""
    await fetch(
        "INSERT INTO vat_id_answer (id, vat_id_id, register, state, answered_at, asked_by, proof, name, address) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        answer.id,
        row.id,
        answer.register,
        answer.state,
        answer.answered_at,
        answer.asked_by,
        answer.proof,
        answer.name,
        answer.address,
    )
    await fetch(
        "UPDATE vat_id SET state = $2, detail = $4, tries = 0, asked_at = $3, due_at = NULL WHERE id = $1",
        row.id,
        answer.state,
        answer.answered_at,
        detail,
    )


async def put_silence(row: VatIdRow, state: VatIdState, detail: str, now: datetime, due_at: datetime) -> None:
    """No answer: why, and when it is asked again."""
    await fetch(
        "UPDATE vat_id SET state = $2, detail = $3, tries = tries + 1, asked_at = $4, due_at = $5 WHERE id = $1",
        row.id,
        state,
        detail,
        now,
        due_at,
    )


async def take_lane(prefix: str, held_by: int, until: datetime, now: datetime) -> bool:
    """Take the lane, or hold on to it; False where somebody else has it."""
    return bool(await fetch(_TAKE_LANE, prefix, until, held_by, now))


async def free_lane(prefix: str, held_by: int, at: datetime) -> None:
    """Nobody has it from then on."""
    await fetch("UPDATE vat_id_lane SET busy_until = $3 WHERE prefix = $1 AND held_by = $2", prefix, held_by, at)


async def lane_busy_until(prefix: str) -> datetime | None:
    rows = await fetch("SELECT busy_until FROM vat_id_lane WHERE prefix = $1", prefix)
    return rows[0]["busy_until"] if rows else None


async def keep_on_invoice(
    invoice_id: str, row: VatIdRow, state: VatIdState, now: datetime, *, is_untaxed: bool
) -> None:
    await later(
        f"vat id of {invoice_id}",
        "INSERT INTO vat_id_on_invoice (invoice_id, merchant_id, vat_id_id, state, answer_id, untaxed, kept_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        invoice_id,
        row.merchant_id,
        row.id,
        state,
        row.answer.id if row.answer else None,
        is_untaxed,
        now,
    )


async def on_invoice(merchant_id: str, invoice_id: str) -> OnInvoiceRow | None:
    rows = await fetch(_ON_INVOICE, merchant_id, invoice_id)
    if not rows:
        return None
    found = dict(rows[0])
    answers = {"answer": _answer(found.pop("said")), "later_answer": _answer(found.pop("later_said"))}
    return msgspec.convert({**found, **answers}, OnInvoiceRow)


def _first(rows: list[Any]) -> VatIdRow | None:
    return _row(rows[0]) if rows else None


def _row(row: Any) -> VatIdRow:
    plain = msgspec.json.decode(row["it"], type=VatIdRow)
    return msgspec.structs.replace(plain, answer=_answer(row["said"]))


def _answer(said: str | None) -> AnswerRow | None:
    """PostgreSQL makes a row of nothing but nulls where a join found none."""
    if said is None or msgspec.json.decode(said).get("id") is None:
        return None
    return msgspec.json.decode(said, type=AnswerRow)
