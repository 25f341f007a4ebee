"""The verbs of gateway accounts: adding one, switching it on and off, and seeing it as a routing candidate."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from orchestrator import clock_port
from orchestrator.access import secrets
from orchestrator.access.store import bind_idempotency
from orchestrator.db import transaction
from orchestrator.errors import InvalidField, NotFound
from orchestrator.gateways import registry, store
from orchestrator.gateways.store import Capabilities, Fees, GatewayAccountRow
from orchestrator.ids import new_id
from orchestrator.settings import get_settings
from routing.candidates import Candidate


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


async def switch(merchant_id: str, account_id: str, enabled: bool) -> None:
    """Take an account out of routing or back in. What it has under way is finished either way. Raises NotFound."""
    async with transaction():
        if not await store.set_enabled(merchant_id, account_id, enabled):
            raise NotFound("gateway account", account_id)


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
        fee_bps=row.fees.bps,
        fee_fixed_minor=0,
        enabled=row.enabled,
        label=row.label,
    )
