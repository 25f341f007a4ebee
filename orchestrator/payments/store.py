"""Every query on payments, attempts and operations. Locks are taken payment first, then attempt, then operation."""

from datetime import datetime
from typing import Any

import asyncpg
import msgspec
from piccolo.columns import Column

from orchestrator.payments.records import (
    AttemptRow,
    OperationRow,
    OperationState,
    PaymentRow,
    PaymentStatus,
    Story,
)
from orchestrator.payments.tables import Attempt, Operation, Payment


def _json(value: object) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _encoded(values: dict[str, Any], *json_columns: str) -> dict[Column | str, Any]:
    return {name: _json(value) if name in json_columns else value for name, value in values.items()}


class SourceTaken(Exception):
    """Another payment for the same source is open or captured: two tabs asked at once, and the other one was first."""


async def insert_payment(row: PaymentRow) -> None:
    """Raises SourceTaken; the caller's transaction is lost then."""
    values = msgspec.structs.asdict(row)
    values.update(status=row.status.value, card=_json(row.card), plan=_json(row.plan), metadata=_json(row.metadata))
    try:
        await Payment.insert(Payment(**values))
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "payment_source_key":
            raise SourceTaken(row.source) from None
        raise


async def payment(payment_id: str) -> PaymentRow | None:
    rows = await Payment.raw("SELECT row_to_json(payment.*) AS it FROM payment WHERE id = {}", payment_id)
    return msgspec.json.decode(rows[0]["it"], type=PaymentRow) if rows else None


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
    # Reads of a payment in motion are written out and come as JSON: they are most of what a payment asks of the
    # database, and Piccolo takes longer to put such a query together than PostgreSQL to answer it.
    rows = await Payment.raw(
        "SELECT row_to_json(payment.*) AS it FROM payment WHERE id = {} FOR NO KEY UPDATE", payment_id
    )
    return msgspec.json.decode(rows[0]["it"], type=PaymentRow) if rows else None


async def story_of(payment: PaymentRow) -> Story:
    """The payment with all its attempts and operations, in the order in which they began."""
    rows = await Payment.raw(
        "SELECT (SELECT json_agg(a ORDER BY a.position) FROM attempt a WHERE a.payment_id = {}) AS attempts, "
        "(SELECT json_agg(o ORDER BY o.id) FROM operation o WHERE o.payment_id = {}) AS operations",
        payment.id,
        payment.id,
    )
    found = rows[0]
    return Story(
        payment,
        msgspec.json.decode(found["attempts"] or "[]", type=list[AttemptRow]),
        msgspec.json.decode(found["operations"] or "[]", type=list[OperationRow]),
    )


async def update_payment(payment_id: str, values: dict[str, Any], at: datetime) -> None:
    """Set columns of a payment that the caller has locked."""
    encoded = _encoded(values, "card", "plan", "metadata")
    await Payment.update({**encoded, "updated_at": at}).where(Payment.id == payment_id)


async def insert_attempt(row: AttemptRow) -> None:
    values = msgspec.structs.asdict(row)
    values.update(status=row.status.value, decline=_json(row.decline), next_action=_json(row.next_action))
    await Attempt.insert(Attempt(**values))


async def update_attempt(attempt_id: str, values: dict[str, Any], at: datetime) -> None:
    encoded = _encoded(values, "decline", "next_action")
    await Attempt.update({**encoded, "updated_at": at}).where(Attempt.id == attempt_id)


async def insert_operation(row: OperationRow) -> None:
    values = msgspec.structs.asdict(row)
    values.update(
        kind=row.kind.value,
        state=row.state.value,
        outcome=row.outcome.value if row.outcome else None,
        settled_by=row.settled_by.value if row.settled_by else None,
        action_result=_json(row.action_result),
        decline=_json(row.decline),
        exchange=_json(row.exchange),
    )
    await Operation.insert(Operation(**values))


async def update_operation(operation_id: str, expected: OperationState, values: dict[str, Any]) -> bool:
    """Conditional: False when the operation is no longer in the expected state, and then nothing was changed."""
    rows = (
        await Operation.update(_encoded(values, "decline", "exchange"))
        .where(Operation.id == operation_id, Operation.state == expected.value)
        .returning(Operation.id)
    )
    return bool(rows)


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
    for column, value in ((Attempt.id, attempt_id), (Attempt.gateway_payment_id, gateway_payment_id)):
        if not value:
            continue
        query = Attempt.select().where(column == value, Attempt.gateway_account_id == gateway_account_id)
        row = await query.first().output(load_json=True)
        if row:
            return msgspec.convert(row, AttemptRow)
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
