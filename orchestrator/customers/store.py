"""Every query on customers."""

from datetime import datetime
from typing import Any

import msgspec

from orchestrator.customers.tables import Customer


class CustomerRow(msgspec.Struct, frozen=True):
    """A customer as stored."""

    id: str
    merchant_id: str
    name: str
    email: str
    country: str | None
    locale: str
    profile: dict[str, Any]
    created_at: datetime


async def insert(row: CustomerRow) -> None:
    values = msgspec.structs.asdict(row)
    values["profile"] = msgspec.json.encode(row.profile).decode()
    await Customer.insert(Customer(**values))


async def customer(customer_id: str) -> CustomerRow | None:
    row = await Customer.select().where(Customer.id == customer_id).first().output(load_json=True)
    return msgspec.convert(row, CustomerRow) if row else None
