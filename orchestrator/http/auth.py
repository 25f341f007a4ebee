"""Who is asking: the API key of the Authorization header, and the scope that each route needs."""

import time
from typing import Any

import structlog
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from orchestrator import clock_port
from orchestrator.access import actor, service
from orchestrator.access.actor import Actor, ActorKind
from orchestrator.access.service import Caller
from orchestrator.errors import Unauthorized
from orchestrator.http import rate_limits

SCHEME = "bearer"
ApiRequest = Request[Any, Any, Any]
REVOKED_WITHIN_S = 1.0  # a key that was good this long ago is not looked up again; its end is looked at each time
CALLERS_MAX = 1000  # remembered at once

_callers: dict[str, tuple[Caller, float]] = {}  # by the hash of the key, with when it was looked up


async def authenticate(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Put the caller into the request's state. Raises Unauthorized; RateLimited for one who asks too often."""
    try:
        caller = await _caller(_secret_of(connection))
    except Unauthorized:
        await rate_limits.of_visitor(connection)  # so that nobody tries keys as fast as we can answer
        raise
    await rate_limits.of_key(connection, caller.key_id)
    structlog.contextvars.bind_contextvars(merchant_id=caller.merchant_id, key_id=caller.key_id)
    actor.act_as(Actor(ActorKind.KEY, caller.key_id, rate_limits.address_of(connection)))
    connection.state["caller"] = caller


def _secret_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    scheme, secret = (connection.headers.get("authorization", "") + " ").split(" ", 1)
    if scheme.lower() != SCHEME or not secret.strip():
        raise Unauthorized("Send your API key: `Authorization: Bearer sk_clearway_…`.")
    return secret.strip()


async def _caller(secret: str) -> Caller:
    """Who holds the key, as it was at most REVOKED_WITHIN_S ago. Raises Unauthorized."""
    key_hash, now_s = service.hash_key(secret), time.monotonic()
    known = _callers.get(key_hash)
    if known is not None and now_s - known[1] < REVOKED_WITHIN_S:
        if known[0].expires_at is not None and known[0].expires_at <= clock_port.now():
            raise service.unknown_key()
        return known[0]
    _callers.pop(key_hash, None)
    caller = await service.authenticate(secret)
    if len(_callers) >= CALLERS_MAX:
        _callers.clear()
    _callers[key_hash] = caller, now_s
    return caller


def needs(scope: str) -> Guard:
    """A guard that lets only keys with this scope pass. Raises Forbidden."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        caller: Caller = connection.state["caller"]
        caller.require(scope)

    guard.scope = scope  # type: ignore[attr-defined]  # what the OpenAPI document says of the operation
    return guard


def merchant_of(request: ApiRequest) -> str:
    """The id of the merchant whose key this is: every look-up is narrowed to it."""
    return caller_of(request).merchant_id


def caller_of(request: ApiRequest) -> Caller:
    caller: Caller = request.state["caller"]
    return caller
