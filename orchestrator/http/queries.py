"""Questions of the API that go over several slices' tables at once, which no slice below could ask alone.

Lists are one query, and what is shown beside their items one more for each kind: never one for each item.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from orchestrator.customers.store import CustomerRow
from orchestrator.db import fetch
from orchestrator.disputes.records import DisputeRow
from orchestrator.notifications.store import EventRow
from orchestrator.payments.records import AttemptRow, PaymentRow, PaymentStatus
from orchestrator.piccolo_app import APP_CONFIG
from orchestrator.refunds.service import RefundStatus, RefundView
from orchestrator.refunds.store import RefundRow

# Who knocked at an account with a forged message is no history of it, nor is when we last looked.
_NO_HISTORY = frozenset({"webhook_rejection", "webhook_rejection_hour", "webhook_watch"})
# A refund that goes over several captures has an operation for each.
_REFUND_STATUS = (
    "(SELECT CASE WHEN bool_or(o.state = 'needs_review') THEN 'needs_review' WHEN bool_or(o.state <> 'settled') "
    "THEN 'pending' WHEN bool_and(o.outcome = 'approved') THEN 'succeeded' ELSE 'failed' END FROM operation o "
    "WHERE o.id = r.operation_id OR o.id = ANY (r.more_operation_ids))"
)
_REFUNDS = f"SELECT r.payment_id, row_to_json(r.*) AS it, {_REFUND_STATUS} AS status FROM refund r "  # noqa: S608 - a constant


@dataclass(frozen=True, slots=True)
class PaymentFilter:
    """What a list of payments is narrowed to; amounts in minor units, moments from (included) and to (excluded)."""

    status: PaymentStatus | None = None
    reference: str | None = None
    customer_id: str | None = None
    currency: str | None = None
    amount: int | None = None
    amount_min: int | None = None
    amount_max: int | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    gateway: str | None = None
    gateway_account_id: str | None = None


async def payments_of(
    merchant_id: str, wanted: PaymentFilter, *, limit: int, before_id: str | None = None
) -> list[PaymentRow]:
    """Newest first."""
    tried = "EXISTS (SELECT 1 FROM attempt a WHERE a.payment_id = p.id AND a."
    conditions = {
        "p.id < {}": before_id,
        "p.status = {}": wanted.status,
        "p.reference = {}": wanted.reference,
        "p.customer_id = {}": wanted.customer_id,
        "p.currency = {}": wanted.currency,
        "p.amount_minor = {}": wanted.amount,
        "p.amount_minor >= {}": wanted.amount_min,
        "p.amount_minor <= {}": wanted.amount_max,
        "p.created_at >= {}": wanted.created_from,
        "p.created_at < {}": wanted.created_to,
        tried + "gateway = {})": wanted.gateway,
        tried + "gateway_account_id = {})": wanted.gateway_account_id,
    }
    sql, values = _narrowed("SELECT row_to_json(p.*) AS it FROM payment p WHERE p.merchant_id = $1", conditions)
    rows = await fetch(f"{sql} ORDER BY p.id DESC LIMIT {limit:d}", merchant_id, *values)
    return [msgspec.json.decode(row["it"], type=PaymentRow) for row in rows]


async def refunds_of(
    merchant_id: str,
    *,
    limit: int,
    before_id: str | None = None,
    payment_id: str | None = None,
    status: RefundStatus | None = None,
) -> list[RefundView]:
    """Newest first, each with the status that its operations have by now."""
    conditions = {"r.id < {}": before_id, "r.payment_id = {}": payment_id, _REFUND_STATUS + " = {}": status}
    sql, values = _narrowed(_REFUNDS + "JOIN payment p ON p.id = r.payment_id WHERE p.merchant_id = $1", conditions)
    return [_refund(row) for row in await fetch(f"{sql} ORDER BY r.id DESC LIMIT {limit:d}", merchant_id, *values)]


async def events_of(
    merchant_id: str,
    *,
    limit: int,
    before_id: str | None = None,
    object_id: str | None = None,
    event_type: str | None = None,
    created_from: datetime | None = None,
    created_to: datetime | None = None,
) -> list[EventRow]:
    """Newest first. A type that ends in `.*` is a family: `payment.*`."""
    family = event_type[:-1] if event_type is not None and event_type.endswith(".*") else None
    conditions = {
        "e.id < {}": before_id,
        "e.object_id = {}": object_id,
        "starts_with(e.type, {})": family,
        "e.type = {}": event_type if family is None else None,
        "e.created_at >= {}": created_from,
        "e.created_at < {}": created_to,
    }
    sql, values = _narrowed("SELECT row_to_json(e.*) AS it FROM event e WHERE e.merchant_id = $1", conditions)
    rows = await fetch(f"{sql} ORDER BY e.id DESC LIMIT {limit:d}", merchant_id, *values)
    return [msgspec.json.decode(row["it"], type=EventRow) for row in rows]


async def event(merchant_id: str, event_id: str) -> EventRow | None:
    sql = "SELECT row_to_json(e.*) AS it FROM event e WHERE e.merchant_id = $1 AND e.id = $2"
    rows = await fetch(sql, merchant_id, event_id)
    return msgspec.json.decode(rows[0]["it"], type=EventRow) if rows else None


async def customers_by_id(customer_ids: Sequence[str]) -> dict[str, CustomerRow]:
    sql = "SELECT row_to_json(c.*) AS it FROM customer c WHERE c.id = ANY ($1)"
    found = [msgspec.json.decode(row["it"], type=CustomerRow) for row in await fetch(sql, list(customer_ids))]
    return {row.id: row for row in found}


async def payments_by_id(payment_ids: Sequence[str]) -> dict[str, PaymentRow]:
    sql = "SELECT row_to_json(p.*) AS it FROM payment p WHERE p.id = ANY ($1)"
    found = [msgspec.json.decode(row["it"], type=PaymentRow) for row in await fetch(sql, list(payment_ids))]
    return {row.id: row for row in found}


async def attempts_by_payment(payment_ids: Sequence[str]) -> dict[str, list[AttemptRow]]:
    sql = "SELECT payment_id, row_to_json(a.*) AS it FROM attempt a WHERE payment_id = ANY ($1) ORDER BY position"
    return _gathered(await fetch(sql, list(payment_ids)), lambda row: msgspec.json.decode(row["it"], type=AttemptRow))


async def disputes_by_payment(payment_ids: Sequence[str]) -> dict[str, list[DisputeRow]]:
    sql = "SELECT payment_id, row_to_json(d.*) AS it FROM dispute d WHERE payment_id = ANY ($1) ORDER BY id"
    return _gathered(await fetch(sql, list(payment_ids)), lambda row: msgspec.json.decode(row["it"], type=DisputeRow))


async def refunds_by_payment(payment_ids: Sequence[str]) -> dict[str, list[RefundView]]:
    sql = _REFUNDS + "WHERE r.payment_id = ANY ($1) ORDER BY r.id"
    return _gathered(await fetch(sql, list(payment_ids)), _refund)


async def account_is_used(gateway_account_id: str) -> bool:
    """Whether any table names the account: payments, kept cards, messages, settlements, the ledger."""
    return bool((await fetch(_used_sql(), gateway_account_id))[0]["used"])


@cache
def _used_sql() -> str:
    """Over every table with the column, so that a table that comes later is not forgotten."""
    names = [
        table._meta.tablename
        for table in APP_CONFIG.table_classes
        if any(column._meta.name == "gateway_account_id" for column in table._meta.columns)
    ]
    asked = [
        f"EXISTS (SELECT 1 FROM {name} WHERE gateway_account_id = $1)"  # noqa: S608 - the names of our own tables
        for name in names
        if name not in _NO_HISTORY
    ]
    return f"SELECT {' OR '.join(asked)} AS used"


def _narrowed(sql: str, conditions: dict[str, Any]) -> tuple[str, list[Any]]:
    """The query with the conditions that have a value, each `{}` numbered on from `$2`, and those values."""
    given = {text: value for text, value in conditions.items() if value is not None}
    parts = [text.format(f"${number}") for number, text in enumerate(given, 2)]
    return " AND ".join([sql, *parts]), list(given.values())


def _refund(row: Any) -> RefundView:
    return RefundView(msgspec.json.decode(row["it"], type=RefundRow), RefundStatus(row["status"]))


def _gathered(rows: Sequence[Any], read: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row["payment_id"]].append(read(row))
    return found
