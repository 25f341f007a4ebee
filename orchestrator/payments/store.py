"""Every query on payments, attempts and operations. Locks are taken payment first, then attempt, then operation."""

from datetime import datetime
from functools import lru_cache
from typing import Any

import asyncpg
import msgspec

from orchestrator.db import FOLLOWED, fetch, later
from orchestrator.payments.records import (
    AttemptRow,
    OperationRow,
    PaymentRow,
    PaymentStatus,
    Story,
)
from orchestrator.payments.tables import Attempt, Operation, Payment

_STRUCTURES = (dict, list, msgspec.Struct)


def _stored(value: object) -> object:
    """A field's value as its column takes it: structures as JSON."""
    return msgspec.json.encode(value).decode() if isinstance(value, _STRUCTURES) else value


def _insert(table: str, shape: type[msgspec.Struct], values: str = "VALUES ({})") -> str:
    names = shape.__struct_fields__
    places = ", ".join(f"${number}" for number in range(1, len(names) + 1))
    return f"INSERT INTO {table} ({', '.join(names)}) {values.format(places)}"


@lru_cache(maxsize=256)
def _update(table: str, names: tuple[str, ...], condition: str = "") -> str:
    """`$1` is the id. The condition comes after the names, with the number of the argument that follows them."""
    changes = ", ".join(f"{name} = ${number}" for number, name in enumerate(names, 2))
    return f"UPDATE {table} SET {changes} WHERE id = $1{condition}"  # noqa: S608 - the names of our own fields


_INSERT_PAYMENT = _insert("payment", PaymentRow)
_INSERT_ATTEMPT = _insert("attempt", AttemptRow)
# after the write that settles the attempt's operation before, where one waits: of both only one may be open
_INSERT_OPERATION = _insert("operation", OperationRow, "SELECT {} FROM " + FOLLOWED)  # noqa: S608 - a constant
_PAYMENT = "SELECT row_to_json(payment.*) AS it FROM payment WHERE id = $1"
_LOCKED_PAYMENT = _PAYMENT + " FOR NO KEY UPDATE"
_LOCKED_STORY = "SELECT payment, attempts, operations FROM locked_payment($1)"


def _story(operation: str) -> str:
    return (
        "SELECT (SELECT json_agg(a ORDER BY a.position) FROM attempt a WHERE a.payment_id = $1) AS attempts, "  # noqa: S608 - the names of our own fields
        f"(SELECT json_agg(o ORDER BY o.id) FROM (SELECT {operation} FROM operation WHERE payment_id = $1) o) "
        "AS operations"
    )


_LIGHT = ", ".join("NULL AS exchange" if name == "exchange" else name for name in OperationRow.__struct_fields__)
_STORY, _STORY_WITH_EXCHANGES = _story(_LIGHT), _story("*")
_STORIES = (
    f"SELECT row_to_json(p.*) AS payment, s.* FROM payment p, LATERAL ({_STORY.replace('$1', 'p.id')}) s "  # noqa: S608
    "WHERE p.id = ANY($1::varchar[])"
)
_ATTEMPTS = "SELECT row_to_json(attempt.*) AS it FROM attempt WHERE id = ANY($1::varchar[])"
_attempt = msgspec.json.Decoder(AttemptRow)
_payments = msgspec.json.Decoder(PaymentRow)
_attempts = msgspec.json.Decoder(list[AttemptRow])
_operations = msgspec.json.Decoder(list[OperationRow])


class SourceTaken(Exception):
    """Another payment for the same source is open or captured: two tabs asked at once, and the other one was first."""


async def insert_payment(row: PaymentRow) -> None:
    """Raises SourceTaken; the caller's transaction is lost then."""
    values = map(_stored, msgspec.structs.astuple(row))
    if row.source is None:
        await later(f"payment {row.id}", _INSERT_PAYMENT, *values)
        return
    try:
        await fetch(_INSERT_PAYMENT, *values)
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "payment_source_key":
            raise SourceTaken(row.source) from None
        raise


async def payment(payment_id: str) -> PaymentRow | None:
    rows = await fetch(_PAYMENT, payment_id)
    return _payments.decode(rows[0]["it"]) if rows else None


async def newest_token() -> str | None:
    """The address of the newest payment's page."""
    rows = await fetch("SELECT public_token FROM payment ORDER BY id DESC LIMIT 1")
    return str(rows[0]["public_token"]) if rows else None


async def payment_by_token(public_token: str) -> PaymentRow | None:
    row = await Payment.select().where(Payment.public_token == public_token).first().output(load_json=True)
    return msgspec.convert(row, PaymentRow) if row else None


async def payment_by_source(source: str) -> PaymentRow | None:
    """The one payment for this source that is neither failed nor canceled."""
    row = (
        await Payment.select()
        .where(
            Payment.source == source,
            Payment.status.not_in([PaymentStatus.FAILED.value, PaymentStatus.CANCELED.value]),
        )
        .first()
        .output(load_json=True)
    )
    return msgspec.convert(row, PaymentRow) if row else None


async def payments_of(
    merchant_id: str, *, limit: int, before_id: str | None = None, status: str | None = None
) -> list[PaymentRow]:
    """Newest first; `before_id` continues a page (ids sort by time)."""
    query = Payment.select().where(Payment.merchant_id == merchant_id)
    if before_id:
        query = query.where(Payment.id < before_id)
    if status:
        query = query.where(Payment.status == status)
    rows = await query.order_by(Payment.id, ascending=False).limit(limit).output(load_json=True)
    return msgspec.convert(rows, list[PaymentRow])


async def lock_payment(payment_id: str) -> PaymentRow | None:
    """The payment, locked until the transaction ends: the first lock of every change."""
    rows = await fetch(_LOCKED_PAYMENT, payment_id)
    return _payments.decode(rows[0]["it"]) if rows else None


async def lock_story(payment_id: str) -> Story | None:
    """`lock_payment` and then `story_of`, in one round trip.

    The server's function runs two statements: one that had to wait for a lock still sees other tables as they were
    before it waited (https://www.postgresql.org/docs/current/transaction-iso.html).
    """
    found = (await fetch(_LOCKED_STORY, payment_id))[0]
    return _told(_payments.decode(found["payment"]), found) if found["payment"] else None


async def story_of(payment: PaymentRow, *, exchanges: bool = False) -> Story:
    """The payment with all its attempts and operations, in the order in which they began.

    What was sent and received, most of the bytes, comes along only where it is asked for: no decision needs it.
    """
    return _told(payment, (await fetch(_STORY_WITH_EXCHANGES if exchanges else _STORY, payment.id))[0])


def _told(payment: PaymentRow, found: asyncpg.Record) -> Story:
    attempts, operations = found["attempts"] or "[]", found["operations"] or "[]"
    return Story(payment, _attempts.decode(attempts), _operations.decode(operations))


async def stories(payment_ids: list[str]) -> list[Story]:
    """These payments as `story_of` has them, all of one moment, in no order."""
    return [_told(_payments.decode(row["payment"]), row) for row in await fetch(_STORIES, payment_ids)]


async def attempts(attempt_ids: list[str]) -> list[AttemptRow]:
    """These attempts, in no order."""
    return [_attempt.decode(row["it"]) for row in await fetch(_ATTEMPTS, attempt_ids)]


async def update_payment(payment_id: str, values: dict[str, Any], at: datetime) -> None:
    """Set columns of a payment that the caller has locked."""
    sql = _update("payment", (*values, "updated_at"))
    await later(f"payment {payment_id}", sql, payment_id, *map(_stored, values.values()), at)


async def insert_attempt(row: AttemptRow) -> None:
    await later(f"attempt {row.id}", _INSERT_ATTEMPT, *map(_stored, msgspec.structs.astuple(row)))


async def update_attempt(attempt_id: str, values: dict[str, Any], at: datetime) -> None:
    sql = _update("attempt", (*values, "updated_at"))
    await later(f"attempt {attempt_id}", sql, attempt_id, *map(_stored, values.values()), at)


async def insert_operation(row: OperationRow) -> None:
    await later(_operations_of(row), _INSERT_OPERATION, *map(_stored, msgspec.structs.astuple(row)))


class OperationMoved(Exception):
    """An operation is no longer in the state in which it was read, though its payment was locked."""


async def update_operation(row: OperationRow, values: dict[str, Any]) -> None:
    """Conditional: an operation that is not in the state that `row` has ends the transaction in OperationMoved."""
    sql = _update("operation", tuple(values), f" AND state = ${len(values) + 2}")
    arguments = (row.id, *map(_stored, values.values()), row.state)
    await later(_operations_of(row), sql, *arguments, refusal=lambda: OperationMoved(row.id))


def _operations_of(row: OperationRow) -> str:
    """All of an attempt's as one: only one may be open (operation_one_open_key), so the order of writes counts."""
    return f"operations of {row.attempt_id}"


async def operation(operation_id: str) -> OperationRow | None:
    row = await Operation.select().where(Operation.id == operation_id).first().output(load_json=True)
    return msgspec.convert(row, OperationRow) if row else None


async def attempt_at_gateway(
    gateway_account_id: str, attempt_id: str, operation_id: str, gateway_payment_id: str
) -> AttemptRow | None:
    """The attempt that a gateway's message speaks of: by our references, else by the gateway's id."""
    if operation_id and not attempt_id:  # PayPal tells of a refund by our operation alone
        named = await operation(operation_id)
        attempt_id = named.attempt_id if named else ""
    for column, value in (("id", attempt_id), ("gateway_payment_id", gateway_payment_id)):
        if not value:
            continue
        rows = await fetch(
            f"SELECT row_to_json(attempt.*) AS it FROM attempt WHERE {column} = $1 "  # noqa: S608 - one of the above
            "AND gateway_account_id = $2 LIMIT 1",
            value,
            gateway_account_id,
        )
        if rows:
            return msgspec.json.decode(rows[0]["it"], type=AttemptRow)
    return None


async def count_by_status(merchant_id: str) -> dict[str, int]:
    rows = await Payment.raw(
        "SELECT status, count(*) AS n FROM payment WHERE merchant_id = {} GROUP BY status ORDER BY status", merchant_id
    )
    return {row["status"]: row["n"] for row in rows}


async def count_unmapped() -> list[tuple[str, str, int]]:
    """How often each gateway declined with a code that no table knows: (gateway, its code, times)."""
    rows = await Operation.raw(
        "SELECT a.gateway, o.decline->>'gateway_code' AS code, count(*) AS n FROM operation o "
        "JOIN attempt a ON a.id = o.attempt_id WHERE o.decline->>'reason' = 'unmapped' GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return [(row["gateway"], row["code"] or "", row["n"]) for row in rows]


async def uncaptured_attempts(merchant_id: str) -> dict[str, str]:
    """The status of every attempt of the merchant without captured money."""
    rows = await Attempt.raw(
        "SELECT a.id, a.status FROM attempt a JOIN payment p ON p.id = a.payment_id "
        "WHERE p.merchant_id = {} AND a.status <> 'captured'",
        merchant_id,
    )
    return {row["id"]: row["status"] for row in rows}
