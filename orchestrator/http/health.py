"""Whether this installation is alive, ready, and how it is doing: for load balancers and Prometheus."""

import asyncio
import hmac
from datetime import datetime
from ipaddress import ip_address
from typing import Any

import msgspec
from litestar import Response, get
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from orchestrator import clock_port, outbox
from orchestrator.abuse import service as abuse
from orchestrator.access import store as access_store
from orchestrator.errors import Unauthorized
from orchestrator.fx import standing as fx
from orchestrator.payments import store as payment_store
from orchestrator.settings import get_settings
from orchestrator.webhooks import silence as webhook_silence
from orchestrator.webhooks import store as webhook_store

CHECK_TIMEOUT_S = 3
CLOCK = "clock"
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


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


async def _may_scrape(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard: the bearer token of CLEARWAY_METRICS_TOKEN; without one, this machine itself and no proxy on it.

    Raises Unauthorized.
    """
    token = get_settings().metrics_token.get_secret_value()
    if token:
        sent = connection.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(sent.encode(), token.encode()):
            raise Unauthorized("Send the token of CLEARWAY_METRICS_TOKEN: `Authorization: Bearer …`.")
        return
    forwarded = any(name in connection.headers for name in _FORWARDED)
    if forwarded or not _is_this_machine(connection.client.host if connection.client else ""):
        raise Unauthorized("Without CLEARWAY_METRICS_TOKEN the metrics are for this machine only.")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@get("/metrics", include_in_schema=False, guards=[_may_scrape])
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
    await _webhook_metrics(registry, now)
    rates = Gauge("clearway_rates_age_days", "Since the newest published exchange rates.", registry=registry)
    rates.set((await fx.standing(now)).age_days)
    verdicts = Gauge(
        "clearway_abuse_verdicts",
        "Tries to pay that were blocked or challenged within an hour.",
        ["decision", "rule"],
        registry=registry,
    )
    for decision, rule, count in await abuse.verdicts_of_last_hour():
        verdicts.labels(decision, rule).set(count)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


async def _webhook_metrics(registry: CollectorRegistry, now: datetime) -> None:
    """How gateways' webhooks get to us, by gateway account."""
    of = ["gateway_account"]
    parked = Gauge("clearway_webhooks_parked", "Received webhooks that wait for a person.", of, registry=registry)
    rejected = Gauge("clearway_webhooks_rejected", "Requests turned away since the start.", of, registry=registry)
    silence = Gauge(
        "clearway_webhook_silence_seconds",
        "How long nothing was heard of an account whose operations went through; 0 where all is well.",
        of,
        registry=registry,
    )
    for row in await webhook_store.counts_by_account():
        parked.labels(row.gateway_account_id).set(row.parked)
        rejected.labels(row.gateway_account_id).set(row.rejected)
    for account_id, seconds in (await webhook_silence.seconds_by_account(now)).items():
        silence.labels(account_id).set(seconds)


HEALTH_ROUTES = [healthz, readyz]
METRICS_ROUTES = [metrics]
