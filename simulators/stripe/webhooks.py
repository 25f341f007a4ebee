"""Stripe's events: a snapshot of the object at the time, signed by `Stripe-Signature` (docs.stripe.com/webhooks)."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from simulators.stripe.objects import new_id, unix
from simulators.stripe.state import table
from simulators.world import Endpoint, Signed, World

API_VERSION = "2026-10-28.endive"  # an account's and an endpoint's own version; the one that stripe-python 16.1.0 pins

_MOST_EVENTS = 10_000  # so much is remembered; the real one forgets after thirty days

CAUSE: ContextVar[tuple[str | None, str | None]] = ContextVar("cause", default=(None, None))
"""Request id and idempotency key of the API call at work; none where time or a shopper is the cause."""


def tell(
    world: World, account: str, event_type: str, shown: dict[str, Any], previous: dict[str, Any] | None = None
) -> None:
    """Records and queues an event about an object as it is shown now. `previous`: the old values of what changed."""
    wanting = [e for e in world.endpoints_of("stripe", account) if e.wants(event_type)]
    event = _event(world.clock.now(), event_type, shown, previous, len(wanting))
    events = table(world, "event")
    events.add(account, event)
    if len(events.rows) > _MOST_EVENTS:
        events.remove(next(iter(events.rows)))
    world.notify("stripe", account, event_type, _encoded(event))


def sign(world: World, endpoint: Endpoint, body: bytes) -> Signed:
    """The body is the same at every try, in the version of the endpoint; the signature carries the time of the try."""
    version = endpoint.secrets.get("api_version", "")
    if version:
        body = _encoded(json.loads(body) | {"api_version": version})
    return Signed(body, _headers(body, unix(world.clock.now()), endpoint.secrets.get("signing_secret", "")))


def forged(world: World, endpoint: Endpoint) -> Signed:
    """A plausible success of a payment that never was, signed with a secret that is not the endpoint's."""
    shown = {"id": new_id("pi"), "object": "payment_intent", "amount": 1999, "amount_received": 1999}
    shown |= {"currency": "eur", "status": "succeeded", "metadata": {}, "latest_charge": new_id("ch")}
    now = world.clock.now()
    body = _encoded(_event(now, "payment_intent.succeeded", shown, None, 1))
    return Signed(body, _headers(body, unix(now), "whsec_" + secrets.token_hex(16)))


def _event(
    at: datetime, event_type: str, shown: dict[str, Any], previous: dict[str, Any] | None, pending: int
) -> dict[str, Any]:
    request_id, key = CAUSE.get()
    data = {"object": shown} if previous is None else {"object": shown, "previous_attributes": previous}
    return {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": unix(at),
        "data": data,
        "livemode": False,
        "pending_webhooks": pending,
        "request": {"id": request_id, "idempotency_key": key},
        "type": event_type,
    }


def _encoded(event: dict[str, Any]) -> bytes:
    return json.dumps(event, indent=2).encode()


def _headers(body: bytes, t: int, secret: str) -> dict[str, str]:
    signature = hmac.new(secret.encode(), f"{t}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "stripe-signature": f"t={t},v1={signature}",
    }
