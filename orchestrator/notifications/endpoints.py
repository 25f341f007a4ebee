"""The verbs of webhook endpoints: adding, changing, rotating the secret, disabling, deleting."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from orchestrator import clock_port
from orchestrator.access import audit, secrets
from orchestrator.access.audit import Action
from orchestrator.access.store import bind_idempotency
from orchestrator.db import transaction
from orchestrator.errors import Conflict, InvalidField, NotFound
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.notifications import delivery_store, endpoint_store, event_filter, signing
from orchestrator.notifications.addresses import AddressRefused, destination
from orchestrator.notifications.endpoint_store import EndpointRow
from orchestrator.notifications.service import record
from orchestrator.notifications.states import DisabledReason
from orchestrator.settings import get_settings

OVERLAP_DEFAULT_H = 24
OVERLAP_MAX_H = 7 * 24
_SECRET = "secret"  # noqa: S105 - the name of the sealed value


async def add(
    merchant_id: str,
    url: str,
    *,
    description: str = "",
    event_types: Sequence[str] = (),
    idempotency_id: str | None = None,
) -> EndpointRow:
    """Have events told to a server from now on. Raises InvalidField, or Conflict where there are too many."""
    row = EndpointRow(
        id=new_id("whe"),
        merchant_id=merchant_id,
        url=_checked(url),
        description=description,
        event_types=event_filter.check(event_types),
        sealed_secret=_seal(signing.new_secret()),
        secret_version=1,
        sealed_previous_secret=None,
        previous_secret_until=None,
        enabled=True,
        disabled_reason=None,
        disabled_at=None,
        failing_since=None,
        last_failed_at=None,
        paused_until=None,
        created_at=clock_port.now(),
    )
    most = get_settings().limits.webhook_endpoints_max
    async with transaction():
        await endpoint_store.lock_merchant(merchant_id)
        if len(await endpoint_store.endpoints_of(merchant_id)) >= most:
            raise Conflict(f"There are {most} webhook endpoints already. Delete one that is not used any more.")
        await endpoint_store.insert(row)
        if idempotency_id:
            await bind_idempotency(idempotency_id, row.id)
        said = {"url": url, "event_types": row.event_types}
        await audit.record(merchant_id, Action.WEBHOOK_ENDPOINT_ADDED, row.id, row.created_at, after=said)
    return row


async def get(merchant_id: str, endpoint_id: str, *, lock: bool = False) -> EndpointRow:
    """Raises NotFound, also for another merchant's endpoint and for a deleted one."""
    row = await endpoint_store.endpoint(endpoint_id, lock=lock)
    if row is None or row.merchant_id != merchant_id:
        raise NotFound("webhook endpoint", endpoint_id)
    return row


async def change(
    merchant_id: str,
    endpoint_id: str,
    *,
    url: str | None = None,
    description: str | None = None,
    event_types: Sequence[str] | None = None,
    enabled: bool | None = None,
) -> EndpointRow:
    """Change what is given. What still waits is sent to the new address. Raises NotFound, InvalidField.

    Disabling cancels what waits; enabling sends nothing of the past by itself (see `deliveries.recover`).
    """
    changes: dict[str, object] = {}
    if url is not None:
        changes["url"] = _checked(url)
    if description is not None:
        changes["description"] = description
    if event_types is not None:
        changes["event_types"] = event_filter.check(event_types)
    async with transaction():
        row = await get(merchant_id, endpoint_id, lock=True)
        if enabled and not row.enabled:
            changes |= {"enabled": True, "disabled_reason": None, "disabled_at": None}
            changes |= {"failing_since": None, "last_failed_at": None, "paused_until": None}
        if changes:
            await endpoint_store.update(endpoint_id, changes)
        if enabled is False and row.enabled:
            await _switch_off(endpoint_id, DisabledReason.MERCHANT, clock_port.now())
            changes["enabled"] = False
        if changes:
            before = {name: getattr(row, name) for name in changes}
            now = clock_port.now()
            await audit.record(
                merchant_id, Action.WEBHOOK_ENDPOINT_CHANGED, endpoint_id, now, before=before, after=changes
            )
    return await get(merchant_id, endpoint_id)


async def rotate_secret(
    merchant_id: str, endpoint_id: str, *, overlap_h: int = OVERLAP_DEFAULT_H, idempotency_id: str | None = None
) -> EndpointRow:
    """A new secret. For `overlap_h` hours messages bear a signature by each, so that receivers can change over.

    Of two rotations within one overlap the first's old secret is dropped: there are never more than two.
    Raises NotFound, InvalidField.
    """
    if not 0 <= overlap_h <= OVERLAP_MAX_H:
        raise InvalidField("overlap_hours", f"must be between 0 and {OVERLAP_MAX_H}")
    async with transaction():
        row = await get(merchant_id, endpoint_id, lock=True)
        changes = {
            "sealed_secret": _seal(signing.new_secret()),
            "secret_version": row.secret_version + 1,
            "sealed_previous_secret": row.sealed_secret if overlap_h else None,
            "previous_secret_until": clock_port.now() + timedelta(hours=overlap_h) if overlap_h else None,
        }
        await endpoint_store.update(endpoint_id, changes)
        if idempotency_id:
            await bind_idempotency(idempotency_id, endpoint_id)
        now, said = clock_port.now(), {"overlap_h": overlap_h}
        await audit.record(merchant_id, Action.WEBHOOK_ENDPOINT_SECRET_ROTATED, endpoint_id, now, after=said)
    return await get(merchant_id, endpoint_id)


async def delete(merchant_id: str, endpoint_id: str) -> None:
    """Tell it nothing more, and forget its secrets. Raises NotFound."""
    now = clock_port.now()
    async with transaction():
        await get(merchant_id, endpoint_id, lock=True)
        await _switch_off(endpoint_id, DisabledReason.DELETED, now)
        forgotten = {"sealed_secret": "", "sealed_previous_secret": None, "previous_secret_until": None}
        await endpoint_store.update(endpoint_id, {"deleted_at": now, **forgotten})
        await audit.record(merchant_id, Action.WEBHOOK_ENDPOINT_DELETED, endpoint_id, now)


async def disable(row: EndpointRow, reason: DisabledReason, now: datetime) -> None:
    """Stop telling an endpoint that is no use, and give notice. Part of the transaction that found it out."""
    await _switch_off(row.id, reason, now)
    data = {"url": row.url, "reason": reason.value, "failing_since": row.failing_since}
    await record(EventType.WEBHOOK_ENDPOINT_DISABLED, row.merchant_id, row.id, data, now)


def secrets_in_force(row: EndpointRow, now: datetime) -> list[str]:
    """What messages are signed with now, the newest first. Raises SecretUnreadable."""
    sealed = [row.sealed_secret]
    if row.sealed_previous_secret and row.previous_secret_until and row.previous_secret_until > now:
        sealed.append(row.sealed_previous_secret)
    return [secrets.unseal(one)[_SECRET] for one in sealed]


def secret_of(row: EndpointRow, version: int) -> str | None:
    """The secret, if it is still the one of that version. Raises SecretUnreadable."""
    return secrets.unseal(row.sealed_secret)[_SECRET] if row.secret_version == version else None


async def _switch_off(endpoint_id: str, reason: DisabledReason, now: datetime) -> None:
    await endpoint_store.update(endpoint_id, {"enabled": False, "disabled_reason": reason.value, "disabled_at": now})
    await delivery_store.cancel_pending(endpoint_id, now)


def _checked(url: str) -> str:
    try:
        destination(url, allow_loopback=get_settings().webhooks.allow_loopback)
    except AddressRefused as refused:
        raise InvalidField("url", str(refused)) from None
    return url


def _seal(secret: str) -> str:
    return secrets.seal({_SECRET: secret})
