"""Every query on refunds."""

from datetime import datetime

import msgspec

from orchestrator.refunds.tables import Refund


class RefundRow(msgspec.Struct, frozen=True):
    """A refund as stored."""

    id: str
    payment_id: str
    operation_id: str
    amount_minor: int
    currency: str
    reason: str
    created_at: datetime
    more_operation_ids: list[str] = []


async def insert(row: RefundRow) -> None:
    await Refund.insert(Refund(**msgspec.structs.asdict(row)))


async def refund(refund_id: str) -> RefundRow | None:
    row = await Refund.select().where(Refund.id == refund_id).first()
    return msgspec.convert(row, RefundRow) if row else None


async def refunds_of(payment_id: str) -> list[RefundRow]:
    rows = await Refund.select().where(Refund.payment_id == payment_id).order_by(Refund.id)
    return msgspec.convert(rows, list[RefundRow])
