"""Whether this installation is alive, ready, and how it is doing: for load balancers and Prometheus."""

import asyncio

import msgspec
from litestar import Response, get
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from orchestrator import clock_port, outbox
from orchestrator.access import store as access_store
from orchestrator.payments import store as payment_store
from orchestrator.settings import get_settings

CHECK_TIMEOUT_S = 3
CLOCK = "clock"


class CheckBody(msgspec.Struct, kw_only=True):
    """One part: `ok`, and what is the matter where it is not."""

    ok: bool
    detail: str = ""


class ReadinessBody(msgspec.Struct, kw_only=True):
    """Ready when every part is."""

    status: str
    checks: dict[str, CheckBody]


@get("/healthz", include_in_schema=False)
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@get("/readyz", include_in_schema=False)
async def readyz() -> Response[ReadinessBody]:
    """503 naming the part that is not well: the database, the clock's heartbeat, the outbox."""
    checks = await _checks()
    ready = all(check.ok for check in checks.values())
    body = ReadinessBody(status="ready" if ready else "not_ready", checks=checks)
    return Response(body, status_code=200 if ready else 503)


async def _checks() -> dict[str, CheckBody]:
    limits, now = get_settings().limits, clock_port.now()
    try:
        beat = await asyncio.wait_for(outbox.last_beat(CLOCK), CHECK_TIMEOUT_S)
        lag_s = await asyncio.wait_for(outbox.lag_s(now), CHECK_TIMEOUT_S)
    except Exception as error:  # whatever a driver raises, the answer is the same
        return {"database": CheckBody(ok=False, detail=f"no answer ({type(error).__name__})")}
    if beat is None:
        clock = CheckBody(ok=False, detail="the clock has never run; start `clearway clock`")
    else:
        age_s = (now - beat).total_seconds()
        late = age_s > limits.clock_heartbeat_max_age_s
        clock = CheckBody(ok=not late, detail=f"last heartbeat {age_s:.0f} s ago" if late else "")
    behind = lag_s > limits.outbox_lag_max_s
    return {
        "database": CheckBody(ok=True),
        "clock": clock,
        "outbox": CheckBody(ok=not behind, detail=f"due work waits {lag_s:.0f} s; are workers up?" if behind else ""),
    }


@get("/metrics", include_in_schema=False)
async def metrics() -> Response[bytes]:
    """Prometheus text. Read from the database at each scrape, so that any process may be asked."""
    registry = CollectorRegistry()
    lag = Gauge("clearway_outbox_lag_seconds", "How long the oldest due row has been waiting.", registry=registry)
    parked = Gauge("clearway_outbox_parked", "Rows that wait for a person.", registry=registry)
    beat_age = Gauge("clearway_clock_heartbeat_age_seconds", "Since the clock's last heartbeat.", registry=registry)
    payments = Gauge("clearway_payments", "Payments by status.", ["status"], registry=registry)
    unmapped = Gauge(
        "clearway_unmapped_declines",
        "Declines with a code that no table knows: never retried. Add it to the gateway's declines.csv.",
        ["gateway", "code"],
        registry=registry,
    )
    now = clock_port.now()
    lag.set(await outbox.lag_s(now))
    parked.set(await outbox.parked())
    beat = await outbox.last_beat(CLOCK)
    beat_age.set((now - beat).total_seconds() if beat else float("inf"))
    for merchant in await access_store.merchants():
        for status, count in (await payment_store.count_by_status(merchant.id)).items():
            payments.labels(status).inc(count)
    for gateway, code, count in await payment_store.count_unmapped():
        unmapped.labels(gateway, code).set(count)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


HEALTH_ROUTES = [healthz, readyz]
METRICS_ROUTES = [metrics]
