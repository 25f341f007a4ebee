"""How often one may ask: a token bucket for each caller, in PostgreSQL, from which each process takes some at a time.

A row written at each request would cost the payment path a round trip; buckets in each process would let through as
many times the limit as there are processes. So a process leases a batch and spends it from memory: one small write for
some dozens of requests, and never more in all than the bucket gave out.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator import clock_port
from orchestrator.db import fetch
from orchestrator.errors import ClearwayError

LEASE_S = 2.0  # what was leased and not spent by then is lost: a quiet process hoards nothing
BATCHES = 20  # a burst is leased in so many parts
LEASES_MAX = 10_000  # remembered at once
FORGOTTEN_AFTER = timedelta(hours=1)  # a row that nobody took from for so long is full again


@dataclass(frozen=True, slots=True)
class Limit:
    """`per_s` requests in the long run, `burst` at once."""

    name: str
    per_s: int
    burst: int

    @property
    def batch(self) -> int:
        return max(1, self.burst // BATCHES)


class RateLimited(ClearwayError):
    """Nothing was begun: the same request may be sent again after the pause."""

    status = 429
    code = "rate_limited"

    def __init__(self, limit: Limit, retry_after_s: int) -> None:
        super().__init__(
            f"More than {limit.per_s} requests a second. Wait and send this again; nothing was begun.",
            retry_after_s=retry_after_s,
        )


@dataclass(slots=True)
class _Lease:
    left: int
    shared: int  # in the bucket, when we last looked
    until_s: float
    wait_s: float  # how long the bucket takes to have a token, where it had none


_leases: dict[str, _Lease] = {}
_asking: dict[str, asyncio.Future[_Lease]] = {}


async def take(limit: Limit, who: str) -> int:
    """Spend one token; how many are left. Raises RateLimited."""
    bucket = f"{limit.name}:{who}"
    while True:  # others here may spend what was leased while we waited for it; each round lets somebody through
        lease = _leases.get(bucket)
        if lease is None or lease.until_s <= time.monotonic() or (lease.left <= 0 and lease.wait_s == 0):
            lease = await _lease(limit, bucket)
        if lease.left > 0:
            lease.left -= 1
            return lease.left + lease.shared
        if lease.wait_s:
            raise RateLimited(limit, max(1, math.ceil(lease.wait_s)))


def headers(limit: Limit, left: int) -> list[tuple[bytes, bytes]]:
    """What every answer says of the limit (draft-ietf-httpapi-ratelimit-headers-10)."""
    window_s = max(1, limit.burst // limit.per_s)
    policy = f'"{limit.name}";q={limit.burst};w={window_s}'
    refill_s = max(0, math.ceil((limit.burst - left) / limit.per_s))
    return [
        (b"ratelimit-policy", policy.encode()),
        (b"ratelimit", f'"{limit.name}";r={max(left, 0)};t={refill_s}'.encode()),
    ]


def forget_leases() -> None:
    """Nothing is leased: for the start of a process."""
    _leases.clear()
    _asking.clear()


async def purge(now: datetime) -> None:
    """Delete the rows of callers who have not asked for long: their buckets are full."""
    await fetch("DELETE FROM rate_bucket WHERE refilled_at < $1", now - FORGOTTEN_AFTER)


async def _lease(limit: Limit, bucket: str) -> _Lease:
    """One question to the database for all who wait in this process."""
    asking = _asking.get(bucket)
    if asking is not None:
        return await asyncio.shield(asking)
    asking = asyncio.get_running_loop().create_future()
    _asking[bucket] = asking
    try:
        lease = await _leased(limit, bucket)
    except BaseException as error:
        asking.set_exception(error if isinstance(error, Exception) else asyncio.CancelledError())
        asking.exception()  # nobody may be waiting for it
        raise
    else:
        if len(_leases) >= LEASES_MAX:
            _leases.clear()
        _leases[bucket] = lease
        asking.set_result(lease)
        return lease
    finally:
        _asking.pop(bucket, None)


# Takes a number of tokens, if so many are there by now; a clock that is behind another's fills nothing.
_TAKE = """
INSERT INTO rate_bucket AS b (id, tokens, refilled_at) VALUES ($1, $3::float8 - $4::float8, $5::timestamptz)
ON CONFLICT (id) DO UPDATE SET refilled_at = GREATEST(b.refilled_at, $5),
    tokens = LEAST($3, b.tokens + $2::float8 * GREATEST(0, EXTRACT(epoch FROM $5 - b.refilled_at)::float8)) - $4
WHERE LEAST($3, b.tokens + $2 * GREATEST(0, EXTRACT(epoch FROM $5 - b.refilled_at)::float8)) >= $4
RETURNING tokens
"""


async def _leased(limit: Limit, bucket: str) -> _Lease:
    """A batch, else one token, else none until a batch has come together."""
    for wanted in dict.fromkeys((limit.batch, 1)):
        now = clock_port.now()
        rows = await fetch(_TAKE, bucket, float(limit.per_s), float(limit.burst), float(wanted), now)
        if rows:
            return _Lease(wanted, int(rows[0]["tokens"]), time.monotonic() + LEASE_S, 0.0)
    wait_s = limit.batch / limit.per_s
    return _Lease(0, 0, time.monotonic() + wait_s, wait_s)
