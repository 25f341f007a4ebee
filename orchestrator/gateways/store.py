"""Every query on gateway accounts."""

from datetime import datetime
from typing import Any

import msgspec

from orchestrator.db import fetch
from orchestrator.gateways.tables import GatewayAccount
from routing.facts import Region


class Capabilities(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an account may be asked for. An empty list means no limit."""

    currencies: list[str] = []
    countries: list[str] = []
    brands: list[str] = []
    methods: list[str] = []


class FeeRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of a price list for some payments. Empty lists fit everything; `regions` are of the card's issuer."""

    bps: int = 0
    fixed_minor: dict[str, int] = {}
    brands: list[str] = []
    regions: list[Region] = []
    currencies: list[str] = []
    methods: list[str] = []


class Fees(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the account charges us by contract: hundredths of a percent, and a fixed part in minor units by currency.

    The first of `rules` that fits counts in place of `bps` and `fixed_minor`. `fx_markup_bps` is taken where a payment
    is in another currency than `settlement_currency`; `declined_minor` is the price of a declined try.
    """

    bps: int = 0
    fixed_minor: dict[str, int] = {}
    rules: list[FeeRule] = []
    settlement_currency: str | None = None
    fx_markup_bps: int = 0
    declined_minor: dict[str, int] = {}


class GatewayAccountRow(msgspec.Struct, frozen=True):
    """A gateway account as stored."""

    id: str
    merchant_id: str
    gateway: str
    label: str
    mode: str
    priority: int
    enabled: bool
    capabilities: Capabilities
    fees: Fees
    sealed_credentials: str
    created_at: datetime


_accounts = msgspec.json.Decoder(GatewayAccountRow)


def _row(row: dict[str, Any]) -> GatewayAccountRow:
    return msgspec.convert(row, GatewayAccountRow)


async def insert(row: GatewayAccountRow) -> None:
    values = msgspec.structs.asdict(row)
    values["capabilities"] = msgspec.json.encode(row.capabilities).decode()
    values["fees"] = msgspec.json.encode(row.fees).decode()
    await GatewayAccount.insert(GatewayAccount(**values))


async def account(account_id: str) -> GatewayAccountRow | None:
    rows = await fetch("SELECT row_to_json(gateway_account.*) AS it FROM gateway_account WHERE id = $1", account_id)
    return _accounts.decode(rows[0]["it"]) if rows else None


async def accounts_of(merchant_id: str) -> list[GatewayAccountRow]:
    """All accounts of the merchant, first priority first."""
    rows = await fetch(
        "SELECT row_to_json(gateway_account.*) AS it FROM gateway_account WHERE merchant_id = $1 ORDER BY priority, id",
        merchant_id,
    )
    return [_accounts.decode(row["it"]) for row in rows]


async def every_account() -> list[GatewayAccountRow]:
    """All accounts of all merchants, for `clearway doctor`."""
    rows = (
        await GatewayAccount.select()
        .order_by(GatewayAccount.merchant_id, GatewayAccount.priority)
        .output(load_json=True)
    )
    return [_row(row) for row in rows]


async def lock(account_id: str) -> GatewayAccountRow | None:
    """The account, locked until the transaction ends."""
    sql = "SELECT row_to_json(gateway_account.*) AS it FROM gateway_account WHERE id = $1 FOR UPDATE"
    rows = await fetch(sql, account_id)
    return _accounts.decode(rows[0]["it"]) if rows else None


async def update(account_id: str, values: dict[str, Any]) -> None:
    """Set columns of an account."""
    stored = {
        name: msgspec.json.encode(value).decode() if isinstance(value, msgspec.Struct) else value
        for name, value in values.items()
    }
    changes: dict[Any, Any] = dict(stored)
    await GatewayAccount.update(changes).where(GatewayAccount.id == account_id)


async def delete(account_id: str) -> None:
    await GatewayAccount.delete().where(GatewayAccount.id == account_id)


async def set_enabled(merchant_id: str, account_id: str, enabled: bool) -> bool:
    rows = (
        await GatewayAccount.update({GatewayAccount.enabled: enabled})
        .where(GatewayAccount.id == account_id, GatewayAccount.merchant_id == merchant_id)
        .returning(GatewayAccount.id)
    )
    return bool(rows)
