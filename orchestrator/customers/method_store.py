"""Every query on kept payment methods and their tokens."""

from __future__ import annotations

from collections.abc import Collection
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


async def is_kept_otherwise(token_id: str, account_id: str, gateway_token: str) -> bool:
    """Whether another token of ours is the same credential at the same account: a gateway may give one twice."""
    same: bool = await PaymentMethodToken.exists().where(
        PaymentMethodToken.gateway_account_id == account_id,
        PaymentMethodToken.gateway_token == gateway_token,
        PaymentMethodToken.state == "kept",
        PaymentMethodToken.id != token_id,
    )
    return same


async def set_token_state(
    token_id: str,
    before: Collection[str],
    after: str | None,
    *,
    detail: str = "",
    tries: int | None = None,
    tried: bool = False,
    **changed: str,
) -> bool:
    """Whether the token was in one of the states `before`, and had been tried `tries` times where that is given; else
    nothing changes. None leaves the state as it is. `changed`: columns to set besides.
    """
    values: dict[Any, Any] = {
        PaymentMethodToken.detail: detail[:500],
        PaymentMethodToken.changed_at: clock_port.now(),
    }
    if after is not None:
        values[PaymentMethodToken.state] = str(after)
    if tried:
        values[PaymentMethodToken.tries] = PaymentMethodToken.tries + 1
    for name, value in changed.items():
        values[getattr(PaymentMethodToken, name)] = value
    asked = PaymentMethodToken.update(values).where(
        PaymentMethodToken.id == token_id, PaymentMethodToken.state.is_in([str(state) for state in before])
    )
    if tries is not None:
        asked = asked.where(PaymentMethodToken.tries == tries)
    return bool(await asked.returning(PaymentMethodToken.id))
