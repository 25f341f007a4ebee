"""The verbs of gateway accounts: adding one, switching it on and off, and seeing it as a routing candidate."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from currency.money import Money
from orchestrator import clock_port
from orchestrator.access import audit, secrets
from orchestrator.access.audit import Action
from orchestrator.access.store import bind_idempotency
from orchestrator.db import transaction
from orchestrator.errors import ClearwayError, InvalidField, NotFound
from orchestrator.gateways import registry, store
from orchestrator.gateways.store import Capabilities, Fees, GatewayAccountRow
from orchestrator.ids import new_id
from orchestrator.settings import get_settings
from routing.candidates import Candidate
from routing.fees import Fee, FeeSchedule


class AccountInUse(ClearwayError):
    """Payments, kept cards or messages belong to the account."""

    status = 409
    code = "gateway_account_in_use"

    def __init__(self) -> None:
        super().__init__("The account has a history: payments, kept cards or messages. Disable it instead.")


async def add(
    merchant_id: str,
    gateway: str,
    label: str,
    credentials: dict[str, str],
    *,
    mode: str = "test",
    priority: int = 100,
    capabilities: dict[str, Any] | None = None,
    fees: dict[str, Any] | None = None,
    idempotency_id: str | None = None,
) -> GatewayAccountRow:
    """Add an account. Raises InvalidField naming what is missing. Credentials are sealed before they are stored."""
    if mode not in ("test", "live"):
        raise InvalidField("mode", "must be test or live")
    registry.validate_credentials(gateway, credentials, live=mode == "live")
    registry.check_address(registry.kind_of(gateway), registry.endpoints_from(get_settings(), gateway, mode))
    row = GatewayAccountRow(
        id=new_id("ga"),
        merchant_id=merchant_id,
        gateway=gateway,
        label=label,
        mode=mode,
        priority=priority,
        enabled=True,
        capabilities=_converted("capabilities", capabilities or {}, Capabilities),
        fees=_converted("fees", fees or {}, Fees),
        sealed_credentials=secrets.seal(credentials),
        created_at=clock_port.now(),
    )
    async with transaction():
        await store.insert(row)
        if idempotency_id:
            await bind_idempotency(idempotency_id, row.id)
        said = {"gateway": gateway, "label": label, "mode": mode, "priority": priority, "credentials": credentials}
        await audit.record(merchant_id, Action.GATEWAY_ACCOUNT_ADDED, row.id, row.created_at, after=said)
    return row


async def check(gateway: str, credentials: dict[str, str], *, mode: str) -> None:
    """Make one harmless call with these credentials. Raises InvalidField that says plainly what is wrong."""
    settings = get_settings()
    adapter = registry.build_gateway(
        gateway, credentials, registry.endpoints_from(settings, gateway, mode), registry.vault_from(settings)
    )
    try:
        problem = await asyncio.to_thread(adapter.probe)
    finally:
        adapter.close()
    if problem:
        raise InvalidField("credentials", f"do not work at {gateway} in {mode} mode: {problem}")


def _converted(field: str, value: dict[str, Any], shape: type[Any]) -> Any:
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise InvalidField(field, str(error)) from None


async def get(merchant_id: str, account_id: str) -> GatewayAccountRow:
    """Raises NotFound, also for another merchant's account."""
    row = await store.account(account_id)
    if row is None or row.merchant_id != merchant_id:
        raise NotFound("gateway account", account_id)
    return row


async def change(
    merchant_id: str,
    account_id: str,
    *,
    label: str | None = None,
    priority: int | None = None,
    enabled: bool | None = None,
    capabilities: dict[str, Any] | None = None,
    fees: dict[str, Any] | None = None,
    credentials: dict[str, str] | None = None,
    verify: bool = True,
) -> GatewayAccountRow:
    """Set what is given. New credentials are tried first, and every process connects anew with them (`connections`).

    They must be of the same account at the gateway: what was begun with the old ones is settled with the new.
    Raises NotFound, InvalidField.
    """
    row = await get(merchant_id, account_id)
    values: dict[str, Any] = {"label": label, "priority": priority, "enabled": enabled}
    if capabilities is not None:
        values["capabilities"] = _converted("capabilities", capabilities, Capabilities)
    if fees is not None:
        values["fees"] = _converted("fees", fees, Fees)
    if credentials is not None:
        registry.validate_credentials(row.gateway, credentials, live=row.mode == "live")
        if verify:
            await check(row.gateway, credentials, mode=row.mode)
        values["sealed_credentials"] = secrets.seal(credentials)
    given = {name: value for name, value in values.items() if value is not None}
    if given:
        async with transaction():
            await store.update(account_id, given)
            action = Action.GATEWAY_ACCOUNT_CREDENTIALS if credentials else Action.GATEWAY_ACCOUNT_CHANGED
            before = {name: getattr(row, name) for name in given}
            await audit.record(merchant_id, action, account_id, clock_port.now(), before=before, after=given)
    return await get(merchant_id, account_id)


async def delete(merchant_id: str, account_id: str, is_used: Callable[[str], Awaitable[bool]]) -> None:
    """Delete an account that nothing was ever done with: `is_used` says so, asked with the account's row locked.

    Raises NotFound; AccountInUse, for money has a history there that must stay readable.
    """
    async with transaction():
        row = await store.lock(account_id)
        if row is None or row.merchant_id != merchant_id:
            raise NotFound("gateway account", account_id)
        if await is_used(account_id):
            raise AccountInUse
        await store.delete(account_id)
        before = {"gateway": row.gateway, "label": row.label, "mode": row.mode}
        await audit.record(merchant_id, Action.GATEWAY_ACCOUNT_DELETED, account_id, clock_port.now(), before=before)


async def switch(merchant_id: str, account_id: str, enabled: bool) -> None:
    """Take an account out of routing or back in. What it has under way is finished either way. Raises NotFound."""
    async with transaction():
        if not await store.set_enabled(merchant_id, account_id, enabled):
            raise NotFound("gateway account", account_id)
        said = {"enabled": enabled}
        await audit.record(merchant_id, Action.GATEWAY_ACCOUNT_SWITCHED, account_id, clock_port.now(), after=said)


def candidate(row: GatewayAccountRow) -> Candidate:
    """The account as routing sees it."""
    return Candidate(
        account_id=row.id,
        gateway=row.gateway,
        priority=row.priority,
        currencies=frozenset(row.capabilities.currencies),
        countries=frozenset(row.capabilities.countries),
        brands=frozenset(row.capabilities.brands),
        methods=frozenset(row.capabilities.methods),
        fees=_schedule(row.fees),
        enabled=row.enabled,
        label=row.label,
    )


def _schedule(fees: Fees) -> FeeSchedule:
    rules = [
        Fee(
            bps=rule.bps,
            fixed=_amounts(rule.fixed_minor),
            brands=frozenset(rule.brands),
            regions=frozenset(rule.regions),
            currencies=frozenset(rule.currencies),
            methods=frozenset(rule.methods),
        )
        for rule in fees.rules
    ]
    return FeeSchedule(
        rules=(*rules, Fee(fees.bps, _amounts(fees.fixed_minor))),
        settlement_currency=fees.settlement_currency,
        fx_markup_bps=fees.fx_markup_bps,
        declined=_amounts(fees.declined_minor),
    )


def _amounts(minor_by_currency: dict[str, int]) -> tuple[Money, ...]:
    return tuple(Money(minor, currency) for currency, minor in minor_by_currency.items())
