"""Every query on disputes. The payment is locked before its dispute."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from currency.money import Money
from orchestrator.disputes.records import ActionRow, ActionState, DisputeRow, HistoryRow
from orchestrator.disputes.tables import Dispute, DisputeAction, DisputeHistory
from orchestrator.payments.tables import Operation


async def insert(row: DisputeRow) -> bool:
    """False when the gateway's dispute is stored already, by another worker at the same time."""
    values = {**msgspec.structs.asdict(row), "kind": row.kind.value, "status": row.status.value}
    rows = await Dispute.raw(
        f"INSERT INTO dispute ({', '.join(values)}) VALUES ({', '.join(['{}'] * len(values))}) "  # noqa: S608 - names
        "ON CONFLICT (gateway_account_id, gateway_dispute_id) DO NOTHING RETURNING id",
        *values.values(),
    )
    return bool(rows)


async def dispute(dispute_id: str) -> DisputeRow | None:
    return _dispute(await Dispute.select().where(Dispute.id == dispute_id).first())


async def dispute_at(gateway_account_id: str, gateway_dispute_id: str) -> DisputeRow | None:
    query = Dispute.select().where(
        Dispute.gateway_account_id == gateway_account_id, Dispute.gateway_dispute_id == gateway_dispute_id
    )
    return _dispute(await query.first())


async def lock(dispute_id: str) -> DisputeRow | None:
    """The dispute, locked until the transaction ends. Its payment is locked before it."""
    return _dispute(await Dispute.select().where(Dispute.id == dispute_id).first().lock_rows())


async def update(dispute_id: str, values: dict[str, Any], at: datetime) -> None:
    """Set columns of a dispute that the caller has locked."""
    columns: dict[Any, Any] = {**values, "updated_at": at}
    await Dispute.update(columns).where(Dispute.id == dispute_id)


async def disputes_of(
    merchant_id: str,
    *,
    limit: int,
    before_id: str | None = None,
    status: str | None = None,
    payment_id: str | None = None,
    gateway: str | None = None,
    unmatched: bool | None = None,
) -> list[DisputeRow]:
    """Newest first; `before_id` continues a page (ids sort by time)."""
    query = Dispute.select().where(Dispute.merchant_id == merchant_id)
    if before_id:
        query = query.where(Dispute.id < before_id)
    for column, value in ((Dispute.status, status), (Dispute.payment_id, payment_id), (Dispute.gateway, gateway)):
        if value:
            query = query.where(column == value)
    if unmatched is not None:
        query = query.where(Dispute.payment_id.is_null() if unmatched else Dispute.payment_id.is_not_null())
    rows = await query.order_by(Dispute.id, ascending=False).limit(limit)
    return msgspec.convert(rows, list[DisputeRow])


async def disputes_of_payment(payment_id: str) -> list[DisputeRow]:
    rows = await Dispute.select().where(Dispute.payment_id == payment_id).order_by(Dispute.id)
    return msgspec.convert(rows, list[DisputeRow])


async def add_fee(gateway_account_id: str, gateway_dispute_id: str, fee: Money) -> None:
    """What the gateway charged for the dispute, by its report; negative where it gave the fee back."""
    await Dispute.raw(
        "UPDATE dispute SET fee_minor = COALESCE(fee_minor, 0) + {}, fee_currency = {} "
        "WHERE gateway_account_id = {} AND gateway_dispute_id = {} AND COALESCE(fee_currency, {}) = {}",
        fee.minor,
        fee.currency,
        gateway_account_id,
        gateway_dispute_id,
        fee.currency,
        fee.currency,
    )


async def insert_history(row: HistoryRow) -> bool:
    """Whether this event key is new for the dispute."""
    values = msgspec.structs.asdict(row)
    values.update(source=row.source.value, status=row.status.value)
    rows = await DisputeHistory.raw(
        f"INSERT INTO dispute_history ({', '.join(values)}) VALUES ({', '.join(['{}'] * len(values))}) "  # noqa: S608
        "ON CONFLICT (dispute_id, event_key) DO NOTHING RETURNING id",
        *values.values(),
    )
    return bool(rows)


async def history_of(dispute_id: str) -> list[HistoryRow]:
    """As it was heard, oldest first."""
    rows = await DisputeHistory.select().where(DisputeHistory.dispute_id == dispute_id).order_by(DisputeHistory.id)
    return msgspec.convert(rows, list[HistoryRow])


async def insert_action(row: ActionRow) -> None:
    await DisputeAction.insert(DisputeAction(**_encoded(msgspec.structs.asdict(row))))


async def update_action(action_id: str, expected: ActionState, values: dict[str, Any]) -> bool:
    """Conditional: False when the action is no longer in the expected state, and then nothing was changed."""
    rows = (
        await DisputeAction.update(_encoded(values))
        .where(DisputeAction.id == action_id, DisputeAction.state == expected.value)
        .returning(DisputeAction.id)
    )
    return bool(rows)


async def actions_of(dispute_id: str) -> list[ActionRow]:
    """What we did about it, oldest first."""
    query = DisputeAction.select().where(DisputeAction.dispute_id == dispute_id).order_by(DisputeAction.id)
    return msgspec.convert(await query.output(load_json=True), list[ActionRow])


async def attempt_of_operation(gateway_account_id: str, gateway_operation_id: str) -> str | None:
    """The attempt of ours whose capture has this id at the gateway: PayPal's disputes name nothing else."""
    rows = await Operation.raw(
        "SELECT o.attempt_id FROM operation o JOIN attempt a ON a.id = o.attempt_id "
        "WHERE o.gateway_operation_id = {} AND a.gateway_account_id = {} AND o.kind = 'capture' "
        "AND o.gateway_operation_id <> '' LIMIT 1",
        gateway_operation_id,
        gateway_account_id,
    )
    return str(rows[0]["attempt_id"]) if rows else None


def _dispute(row: dict[str, Any] | None) -> DisputeRow | None:
    return msgspec.convert(row, DisputeRow) if row else None


def _encoded(values: dict[str, Any]) -> dict[Any, Any]:
    def stored(name: str, value: Any) -> Any:
        if name in ("content", "decline", "exchange"):
            return None if value is None else msgspec.json.encode(value).decode()
        return value.value if isinstance(value, str) and hasattr(value, "value") else value

    return {name: stored(name, value) for name, value in values.items()}
