"""What operators say of a gateway account: forced on or off, and when it is being maintained. No payment is sent then.

What an account has under way is finished either way.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from orchestrator import clock_port
from orchestrator.access import actor, audit
from orchestrator.access.audit import Action
from orchestrator.db import transaction
from orchestrator.errors import InvalidField, NotFound
from orchestrator.gateways import accounts
from orchestrator.ids import new_id
from orchestrator.payments import route_settings
from routing import account_store
from routing.account_store import Forced, MaintenanceWindow, Override


async def override_of(merchant_id: str, account_id: str) -> Override:
    """The word that was last said and not taken back; its time may be over. Raises NotFound."""
    await accounts.get(merchant_id, account_id)
    found = await account_store.override_of(account_id)
    if found is None:
        raise NotFound("override of the gateway account", account_id)
    return found


async def force(
    merchant_id: str, account_id: str, forced: Forced, reason: str, until: datetime | None = None
) -> Override:
    """Force an account on or off, in place of what was said before. Raises NotFound, InvalidField."""
    await accounts.get(merchant_id, account_id)
    now, who = clock_port.now(), actor.current()
    if until is not None and until <= now:
        raise InvalidField("until", "is over; leave it out where the override holds until it is taken back")
    word = Override(account_id, forced, reason, f"{who.kind.value} {who.id}".strip(), until, now)
    async with transaction():
        await account_store.set_override(word)
        said = {"forced": forced.value, "reason": reason, "until": until.isoformat() if until else None}
        await audit.record(merchant_id, Action.GATEWAY_ACCOUNT_FORCED, account_id, now, after=said)
    route_settings.forget(merchant_id)
    return word


async def release(merchant_id: str, account_id: str) -> None:
    """Take the word back: the breaker counts again. Raises NotFound."""
    before = await override_of(merchant_id, account_id)
    async with transaction():
        await account_store.clear_override(account_id)
        said = {"forced": before.forced.value, "reason": before.reason}
        await audit.record(merchant_id, Action.GATEWAY_ACCOUNT_FORCED, account_id, clock_port.now(), before=said)
    route_settings.forget(merchant_id)


async def windows(
    merchant_id: str, account_id: str, *, limit: int, before_id: str | None = None
) -> list[MaintenanceWindow]:
    """Newest first, those of the past too. Raises NotFound."""
    await accounts.get(merchant_id, account_id)
    return await account_store.windows_of(account_id, limit=limit, before_id=before_id)


async def window(merchant_id: str, account_id: str, window_id: str) -> MaintenanceWindow:
    """Raises NotFound."""
    await accounts.get(merchant_id, account_id)
    found = await account_store.window(account_id, window_id)
    if found is None:
        raise NotFound("maintenance window", window_id)
    return found


async def plan_maintenance(
    merchant_id: str, account_id: str, starts_at: datetime, ends_at: datetime, note: str
) -> MaintenanceWindow:
    """Raises NotFound, InvalidField."""
    await accounts.get(merchant_id, account_id)
    if ends_at <= starts_at:
        raise InvalidField("ends_at", "must be after starts_at")
    now, who = clock_port.now(), actor.current()
    planned = MaintenanceWindow(
        new_id("mw"), account_id, starts_at, ends_at, note, f"{who.kind.value} {who.id}".strip(), now
    )
    async with transaction():
        await account_store.insert_window(planned)
        await audit.record(merchant_id, Action.MAINTENANCE_PLANNED, account_id, now, after=msgspec.to_builtins(planned))
    route_settings.forget(merchant_id)
    return planned


async def cancel_maintenance(merchant_id: str, account_id: str, window_id: str) -> None:
    """Also ends one that has begun. Raises NotFound."""
    before = await window(merchant_id, account_id, window_id)
    async with transaction():
        await account_store.delete_window(window_id)
        said = msgspec.to_builtins(before)
        await audit.record(merchant_id, Action.MAINTENANCE_CANCELED, account_id, clock_port.now(), before=said)
    route_settings.forget(merchant_id)
