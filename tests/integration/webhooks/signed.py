"""Stripe's webhooks made by hand and signed, and what is left of them in the database."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from typing import Any

from payment_shop import CREDENTIALS, Shop

from orchestrator.db import fetch
from orchestrator.webhooks import service as webhooks

SECRET = CREDENTIALS["stripe"]["webhook_secret"]


def stripe_event(type_: str = "payment_intent.succeeded", **more: Any) -> bytes:
    """An event of something that is none of ours."""
    intent = {"id": f"pi_{secrets.token_hex(8)}", "object": "payment_intent", "amount": 1999, "currency": "eur"}
    obj = {**intent, "status": "succeeded", "amount_received": 1999, "metadata": {}, **more.pop("object", {})}
    event = {"id": f"evt_{secrets.token_hex(8)}", "object": "event", "type": type_, "created": int(time.time())}
    return json.dumps({**event, "livemode": False, "data": {"object": obj}, **more}).encode()


def stripe_headers(body: bytes, secret: str = SECRET) -> dict[str, str]:
    at = int(time.time())
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={at},v1={signed}", "content-type": "application/json"}


async def told_by_stripe(shop: Shop, body: bytes) -> int:
    """Hand the event in. The number of new messages."""
    return await webhooks.receive(shop.accounts["stripe"], stripe_headers(body), body)


async def column(sql: str, *args: object) -> list[Any]:
    return [row[0] for row in await fetch(sql, *args)]
