"""Every query on customers."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec

from orchestrator.customers.tables import Customer, GatewayCustomer
from orchestrator.db import fetch


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
    default_payment_method_id: str | None = None
    deleted_at: datetime | None = None


async def insert(row: CustomerRow) -> None:
    values = msgspec.structs.asdict(row)
    values["profile"] = msgspec.json.encode(row.profile).decode()
    await Customer.insert(Customer(**values))


async def customer(customer_id: str) -> CustomerRow | None:
    row = await Customer.select().where(Customer.id == customer_id).first().output(load_json=True)
    return msgspec.convert(row, CustomerRow) if row else None


async def said_of(customer_ids: Collection[str], field: str) -> dict[str, Any]:
    """What these customers' profiles have in a field, by customer; without those that have no such field."""
    if not customer_ids:
        return {}
    rows = await fetch(
        "SELECT id, profile -> $2 AS said FROM customer WHERE id = ANY($1::varchar[]) AND profile ? $2",
        list(customer_ids),
        field,
    )
    return {row["id"]: msgspec.json.decode(row["said"]) for row in rows}


async def lock_customer(customer_id: str) -> CustomerRow | None:
    """The customer, locked until the transaction ends."""
    rows = await fetch(
        "SELECT row_to_json(customer.*) AS it FROM customer WHERE id = $1 FOR NO KEY UPDATE", customer_id
    )
    return msgspec.json.decode(rows[0]["it"], type=CustomerRow) if rows else None


async def customers_of(
    merchant_id: str, *, limit: int, before_id: str | None = None, email: str | None = None
) -> list[CustomerRow]:
    """Newest first, without those that were deleted; `email` in any case."""
    rows = await fetch(
        "SELECT row_to_json(customer.*) AS it FROM customer WHERE merchant_id = $1 AND deleted_at IS NULL "
        "AND ($2::text IS NULL OR id < $2) AND ($3::text IS NULL OR lower(email) = lower($3)) "
        "ORDER BY id DESC LIMIT $4",
        merchant_id,
        before_id,
        email,
        limit,
    )
    return [msgspec.json.decode(row["it"], type=CustomerRow) for row in rows]


async def change(customer_id: str, **changed: Any) -> None:
    """Set columns of a customer that is not deleted."""
    values: dict[Any, Any] = {
        getattr(Customer, name): msgspec.json.encode(value).decode() if isinstance(value, dict) else value
        for name, value in changed.items()
    }
    await Customer.update(values).where(Customer.id == customer_id, Customer.deleted_at.is_null())


async def clear_default(method_id: str) -> None:
    """A method that cannot be charged is nobody's default."""
    await Customer.update({Customer.default_payment_method_id: None}).where(
        Customer.default_payment_method_id == method_id
    )


async def gateway_customer(customer_id: str, account_id: str) -> str:
    """Who the customer is at the account; `` where that is not known."""
    row = (
        await GatewayCustomer.select(GatewayCustomer.gateway_customer)
        .where(GatewayCustomer.customer_id == customer_id, GatewayCustomer.gateway_account_id == account_id)
        .first()
    )
    return str(row["gateway_customer"]) if row else ""


async def put_gateway_customer(row_id: str, customer_id: str, account_id: str, name: str, at: datetime) -> None:
    """Keep who the customer is at the account; what the gateway says last is right."""
    await fetch(
        "INSERT INTO gateway_customer (id, customer_id, gateway_account_id, gateway_customer, created_at) "
        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (customer_id, gateway_account_id) "
        "DO UPDATE SET gateway_customer = EXCLUDED.gateway_customer",
        row_id,
        customer_id,
        account_id,
        name,
        at,
    )
