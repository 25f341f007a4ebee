"""How often one may ask, at the door of a request: by API key, and by address where there is none."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from orchestrator.access.rate_limits import Limit, RateLimited, headers, take
from orchestrator.settings import get_settings

STATE = "rate_limit_headers"
KEY_BURST, VISITOR_BURST = 2, 10  # times what is allowed in a second

Connection = ASGIConnection[Any, Any, Any, Any]


async def of_key(connection: Connection, key_id: str) -> None:
    """Raises RateLimited. The answer, whatever it is, says how much is left."""
    per_s = get_settings().limits.api_requests_per_s
    await _spend(connection, Limit("api-key", per_s, per_s * KEY_BURST), key_id)


async def of_visitor(connection: Connection, _: BaseRouteHandler | None = None) -> None:
    """A guard for pages: by address. Raises RateLimited."""
    per_s = get_settings().limits.visitor_requests_per_s
    await _spend(connection, Limit("address", per_s, per_s * VISITOR_BURST), address_of(connection))


def address_of(connection: Connection) -> str:
    """Who is calling; through a proxy that is trusted (CLEARWAY_TRUSTED_PROXIES) whoever called that."""
    return connection.client.host[:45] if connection.client else ""


async def _spend(connection: Connection, limit: Limit, who: str) -> None:
    try:
        left = await take(limit, who)
    except RateLimited:
        connection.scope["state"][STATE] = headers(limit, 0)
        raise
    connection.scope["state"][STATE] = headers(limit, left)
