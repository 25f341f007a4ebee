"""Every query on kept payment methods and their tokens."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec

from orchestrator import clock_port
from orchestrator.customers.tables import PaymentMethod, PaymentMethodToken
from orchestrator.db import fetch


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
    payment_id: str | None = None
    setup: dict[str, Any] | None = None
    fingerprint: str = ""
    failure_reason: str | None = None
    expiry_told: str = ""
    bin: str = ""
    issuer_country: str = ""
    funding: str = ""
    updated_at: datetime | None = None


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


def _stored(value: object) -> object:
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else value


_NAMES = MethodRow.__struct_fields__
_METHOD = "SELECT row_to_json(payment_method.*) AS it FROM payment_method "
_INSERT_METHOD = (
    f"INSERT INTO payment_method ({', '.join(_NAMES)}) "  # noqa: S608 - the names of our own fields
    f"VALUES ({', '.join(f'${number}' for number in range(1, len(_NAMES) + 1))}) ON CONFLICT DO NOTHING RETURNING id"
)
_methods = msgspec.json.Decoder(MethodRow)


async def insert_method(row: MethodRow) -> bool:
    """Whether it is new: a payment keeps one method, however often its approval is heard of."""
    return bool(await fetch(_INSERT_METHOD, *map(_stored, msgspec.structs.astuple(row))))


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
    rows = await fetch(_METHOD + "WHERE id = $1", method_id)
    return _methods.decode(rows[0]["it"]) if rows else None


async def lock_method(method_id: str) -> MethodRow | None:
    """The method, locked until the transaction ends."""
    rows = await fetch(_METHOD + "WHERE id = $1 FOR NO KEY UPDATE", method_id)
    return _methods.decode(rows[0]["it"]) if rows else None


async def method_of_payment(payment_id: str) -> MethodRow | None:
    """The method that was kept with this payment."""
    rows = await fetch(_METHOD + "WHERE payment_id = $1", payment_id)
    return _methods.decode(rows[0]["it"]) if rows else None


async def methods_of(
    customer_id: str, *, limit: int, before_id: str | None = None, status: str | None = None
) -> list[MethodRow]:
    """The customer's, newest first; `before_id` continues a page."""
    rows = await fetch(
        _METHOD + "WHERE customer_id = $1 AND ($2::text IS NULL OR id < $2) AND ($3::text IS NULL OR status = $3) "
        "ORDER BY id DESC LIMIT $4",
        customer_id,
        before_id,
        status,
        limit,
    )
    return [_methods.decode(row["it"]) for row in rows]


async def waiting_at(account_id: str) -> list[str]:
    """Methods that are being kept at the account, and of which no answer can be believed so far."""
    rows = await fetch(
        "SELECT id FROM payment_method WHERE status = 'processing' AND setup->>'account_id' = $1", account_id
    )
    return [row["id"] for row in rows]


async def expiring(before_year: int, before_month: int, limit: int) -> list[MethodRow]:
    """Active methods that end before that month, and of whose end nobody was told."""
    rows = await fetch(
        _METHOD + "WHERE status = 'active' AND expiry_year > 0 AND (expiry_year, expiry_month) < ($1, $2) "
        "AND expiry_told <> expiry_year || '-' || lpad(expiry_month::text, 2, '0') ORDER BY id LIMIT $3 "
        "FOR NO KEY UPDATE SKIP LOCKED",
        before_year,
        before_month,
        limit,
    )
    return [_methods.decode(row["it"]) for row in rows]


async def token(token_id: str) -> TokenRow | None:
    row = await PaymentMethodToken.select().where(PaymentMethodToken.id == token_id).first()
    return msgspec.convert(row, TokenRow) if row else None


async def tokens_of(method_id: str) -> list[TokenRow]:
    """All of them, the oldest first."""
    return (await tokens_of_all([method_id])).get(method_id, [])


async def tokens_of_all(method_ids: Collection[str]) -> dict[str, list[TokenRow]]:
    """The tokens of several methods, the oldest first."""
    if not method_ids:
        return {}
    rows = (
        await PaymentMethodToken.select()
        .where(PaymentMethodToken.payment_method_id.is_in(list(method_ids)))
        .order_by(PaymentMethodToken.id)
    )
    found: dict[str, list[TokenRow]] = {}
    for row in msgspec.convert(rows, list[TokenRow]):
        found.setdefault(row.payment_method_id, []).append(row)
    return found


async def kept_at(account_id: str, gateway_token: str) -> list[TokenRow]:
    """The tokens that are this credential at the account: more than one where methods share it."""
    rows = (
        await PaymentMethodToken.select()
        .where(
            PaymentMethodToken.gateway_account_id == account_id,
            PaymentMethodToken.gateway_token == gateway_token,
            PaymentMethodToken.state == "kept",
        )
        .order_by(PaymentMethodToken.id)
    )
    return msgspec.convert(rows, list[TokenRow])


async def set_method_status(method_id: str, before: str, after: str) -> bool:
    """Whether the method was in the state `before`."""
    return await change_method(method_id, [before], status=str(after))


async def change_method(method_id: str, before: Collection[str], **changed: Any) -> bool:
    """Set columns of a method that is in one of the states `before`; whether it was."""
    values: dict[Any, Any] = {getattr(PaymentMethod, name): _stored(value) for name, value in changed.items()}
    values[PaymentMethod.updated_at] = clock_port.now()
    rows = (
        await PaymentMethod.update(values)
        .where(PaymentMethod.id == method_id, PaymentMethod.status.is_in([str(state) for state in before]))
        .returning(PaymentMethod.id)
    )
    return bool(rows)


async def learn_network_transaction(method_id: str, network_transaction_id: str) -> None:
    """Keep the network's id of the first payment; a later one does not replace it."""
    await PaymentMethod.update({PaymentMethod.network_transaction_id: network_transaction_id[:120]}).where(
        PaymentMethod.id == method_id, PaymentMethod.network_transaction_id == ""
    )


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
