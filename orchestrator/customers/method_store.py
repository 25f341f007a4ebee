"""Every query on kept payment methods and their tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from orchestrator import clock_port
from orchestrator.customers.tables import PaymentMethod, PaymentMethodToken


class MethodRow(msgspec.Struct, frozen=True):
    """A payment method as stored."""

    id: str
    merchant_id: str
    customer_id: str
    method: str
    brand: str
    last4: str
    expiry_month: int
    expiry_year: int
    agreement: str
    network_transaction_id: str
    consent: dict[str, Any]
    status: str
    created_at: datetime


class TokenRow(msgspec.Struct, frozen=True):
    """A token as stored."""

    id: str
    payment_method_id: str
    gateway_account_id: str
    gateway_token: str
    gateway_customer: str
    mirrored_from: str | None
    state: str
    tries: int
    detail: str
    created_at: datetime
    changed_at: datetime


async def insert_method(row: MethodRow) -> None:
    values = msgspec.structs.asdict(row)
    values["consent"] = msgspec.json.encode(row.consent).decode()
    await PaymentMethod.insert(PaymentMethod(**values))


async def insert_token(row: TokenRow) -> bool:
    """Whether it is new: a method has one live token for each account."""
    rows = await PaymentMethodToken.raw(
        "INSERT INTO payment_method_token (id, payment_method_id, gateway_account_id, gateway_token, gateway_customer, "
        "mirrored_from, state, tries, detail, created_at, changed_at) "
        "VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}) "
        "ON CONFLICT (payment_method_id, gateway_account_id) WHERE state NOT IN ('failed', 'forgotten') DO NOTHING "
        "RETURNING id",
        *msgspec.structs.astuple(row),
    )
    return bool(rows)


async def method(method_id: str) -> MethodRow | None:
    row = await PaymentMethod.select().where(PaymentMethod.id == method_id).first().output(load_json=True)
    return msgspec.convert(row, MethodRow) if row else None


async def token(token_id: str) -> TokenRow | None:
    row = await PaymentMethodToken.select().where(PaymentMethodToken.id == token_id).first()
    return msgspec.convert(row, TokenRow) if row else None


async def tokens_of(method_id: str) -> list[TokenRow]:
    """All of them, the oldest first."""
    rows = (
        await PaymentMethodToken.select()
        .where(PaymentMethodToken.payment_method_id == method_id)
        .order_by(PaymentMethodToken.id)
    )
    return msgspec.convert(rows, list[TokenRow])


async def set_method_status(method_id: str, before: str, after: str) -> bool:
    rows = (
        await PaymentMethod.update({PaymentMethod.status: str(after)})
        .where(PaymentMethod.id == method_id, PaymentMethod.status == str(before))
        .returning(PaymentMethod.id)
    )
    return bool(rows)


async def set_token_state(
    token_id: str, state: str | None, *, detail: str = "", tried: bool = False, **changed: str
) -> None:
    """None leaves the state as it is. `changed` are columns to set besides: `gateway_token`, `gateway_customer`."""
    values: dict[Any, Any] = {
        PaymentMethodToken.detail: detail[:500],
        PaymentMethodToken.changed_at: clock_port.now(),
    }
    if state is not None:
        values[PaymentMethodToken.state] = str(state)
    if tried:
        values[PaymentMethodToken.tries] = PaymentMethodToken.tries + 1
    for name, value in changed.items():
        values[getattr(PaymentMethodToken, name)] = value
    await PaymentMethodToken.update(values).where(PaymentMethodToken.id == token_id)
