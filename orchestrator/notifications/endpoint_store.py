"""Every query on webhook endpoints. Deleted ones are not found."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from orchestrator.notifications.states import DisabledReason
from orchestrator.notifications.tables import Endpoint


class EndpointRow(msgspec.Struct, frozen=True):
    """An endpoint as stored. The previous secret signs too until `previous_secret_until`."""

    id: str
    merchant_id: str
    url: str
    description: str
    event_types: list[str]
    sealed_secret: str
    secret_version: int
    sealed_previous_secret: str | None
    previous_secret_until: datetime | None
    enabled: bool
    disabled_reason: DisabledReason | None
    disabled_at: datetime | None
    failing_since: datetime | None
    last_failed_at: datetime | None
    paused_until: datetime | None
    created_at: datetime


async def insert(row: EndpointRow) -> None:
    await Endpoint.insert(Endpoint(**msgspec.structs.asdict(row)))


async def lock_merchant(merchant_id: str) -> None:
    """One at a time adds an endpoint to the merchant, so that they can be counted."""
    await Endpoint.raw("SELECT id FROM merchant WHERE id = {} FOR NO KEY UPDATE", merchant_id)


async def endpoint(endpoint_id: str, *, lock: bool = False) -> EndpointRow | None:
    """`lock` keeps it as it is until the transaction ends; endpoints are locked before their deliveries."""
    query = Endpoint.select().where(Endpoint.id == endpoint_id, Endpoint.deleted_at.is_null()).first()
    row = await (query.lock_rows("NO KEY UPDATE") if lock else query)
    return msgspec.convert(row, EndpointRow) if row else None


async def endpoints_of(merchant_id: str) -> list[EndpointRow]:
    """Newest first."""
    rows = (
        await Endpoint.select()
        .where(Endpoint.merchant_id == merchant_id, Endpoint.deleted_at.is_null())
        .order_by(Endpoint.id, ascending=False)
    )
    return msgspec.convert(rows, list[EndpointRow])


async def listening(merchant_id: str, at: datetime) -> list[EndpointRow]:
    """Those that are enabled, and were there at that time."""
    rows = await Endpoint.select().where(
        Endpoint.merchant_id == merchant_id,
        Endpoint.enabled.eq(True),
        Endpoint.deleted_at.is_null(),
        Endpoint.created_at <= at,
    )
    return msgspec.convert(rows, list[EndpointRow])


async def update(endpoint_id: str, values: Mapping[str, Any]) -> None:
    """Set the columns named."""
    await Endpoint.update(None, **values).where(Endpoint.id == endpoint_id)
