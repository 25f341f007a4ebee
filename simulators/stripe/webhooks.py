"""Stripe's events: a snapshot of the object at the time, signed by `Stripe-Signature` (docs.stripe.com/webhooks)."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from simulators.stripe.objects import new_id, unix
from simulators.world import Builder, Endpoint, Signed, World

API_VERSION = "2026-10-28.endive"  # an endpoint's own version; the one that stripe-python 16.1.0 pins


def tell(world: World, account: str, event_type: str, shown: dict[str, Any]) -> None:
    """Queues an event about an object as it is shown now."""
    world.notify("stripe", account, event_type, event_builder(world.clock.now, event_type, shown))


def event_builder(now: Callable[[], datetime], event_type: str, shown: dict[str, Any]) -> Builder:
    """The body is the same at every try; the signature carries the time of the try."""
    body = _event_body(now(), event_type, shown)

    def build(endpoint: Endpoint) -> Signed:
        return Signed(body, _headers(body, unix(now()), endpoint.secrets.get("signing_secret", "")))

    return build


def forged(world: World, account: str) -> Builder:
    """A plausible success of a payment that never was, signed with a secret that is not the endpoint's."""
    shown = {"id": new_id("pi"), "object": "payment_intent", "amount": 1999, "amount_received": 1999}
    shown |= {"currency": "eur", "status": "succeeded", "metadata": {}, "latest_charge": new_id("ch")}
    body = _event_body(world.clock.now(), "payment_intent.succeeded", shown)

    def build(endpoint: Endpoint) -> Signed:
        return Signed(body, _headers(body, unix(world.clock.now()), "whsec_" + secrets.token_hex(16)))

    return build


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
