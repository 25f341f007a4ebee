"""Stripe's events: a snapshot of the object at the time, signed by `Stripe-Signature` (docs.stripe.com/webhooks)."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from datetime import datetime
from typing import Any

from simulators.stripe.objects import new_id, unix
from simulators.world import Endpoint, Signed, World

API_VERSION = "2026-10-28.endive"  # an endpoint's own version; the one that stripe-python 16.1.0 pins


def tell(world: World, account: str, event_type: str, shown: dict[str, Any]) -> None:
    """Queues an event about an object as it is shown now."""
    world.notify("stripe", account, event_type, _event_body(world.clock.now(), event_type, shown))


def sign(world: World, endpoint: Endpoint, body: bytes) -> Signed:
    """The body is the same at every try; the signature carries the time of the try."""
    return Signed(body, _headers(body, unix(world.clock.now()), endpoint.secrets.get("signing_secret", "")))


def forged(world: World, endpoint: Endpoint) -> Signed:
    """A plausible success of a payment that never was, signed with a secret that is not the endpoint's."""
    shown = {"id": new_id("pi"), "object": "payment_intent", "amount": 1999, "amount_received": 1999}
    shown |= {"currency": "eur", "status": "succeeded", "metadata": {}, "latest_charge": new_id("ch")}
    now = world.clock.now()
    body = _event_body(now, "payment_intent.succeeded", shown)
    return Signed(body, _headers(body, unix(now), "whsec_" + secrets.token_hex(16)))


def _event_body(at: datetime, event_type: str, shown: dict[str, Any]) -> bytes:
    event = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": unix(at),
        "data": {"object": shown},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": event_type,
    }
    return json.dumps(event, indent=2).encode()


def _headers(body: bytes, t: int, secret: str) -> dict[str, str]:
    signature = hmac.new(secret.encode(), f"{t}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "stripe-signature": f"t={t},v1={signature}",
    }
