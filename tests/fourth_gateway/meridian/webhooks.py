"""Meridian's webhooks in three steps: trim to what matters, verify who signed it, translate into our words."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.gateways.base import WebhookMessage, WebhookRejected, WebhookUnreadable
from tests.fourth_gateway.meridian.mapping import money_of

TOLERANCE_S = 300  # API.md, Webhooks
MAX_BODY_BYTES = 256 * 1024
MAX_SIGNATURE_CHARS = 200

_KINDS = {
    "payment.authorised": "payment.authorised",
    "payment.declined": "payment.declined",
    "payment.captured": "payment.captured",
    "payment.voided": "payment.canceled",
    "payment.expired": "payment.expired",
    "refund.succeeded": "refund.succeeded",
    "refund.failed": "refund.failed",
}
_FAILED = frozenset({"payment.declined", "refund.failed"})


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What of a request is looked at."""

    timestamp: str
    signature: str
    body: bytes


def trim(headers: Mapping[str, str], body: bytes) -> Trimmed:
    """The part that matters. Raises WebhookRejected for what is too large."""
    named = {name.lower(): value for name, value in headers.items()}
    trimmed = Trimmed(named.get("meridian-timestamp", ""), named.get("meridian-signature", ""), body)
    if len(body) > MAX_BODY_BYTES or len(trimmed.signature) > MAX_SIGNATURE_CHARS:
        raise WebhookRejected("too large")
    return trimmed


def verify(trimmed: Trimmed, secrets: tuple[str, ...], *, now_s: int) -> None:
    """Check the signature, then its age both ways. Raises WebhookRejected."""
    stamp = trimmed.timestamp
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise WebhookRejected("the timestamp is missing or malformed")
    signed = stamp.encode() + b"." + trimmed.body
    expected = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    given = [part.strip() for part in trimmed.signature.split(",")]
    # Every pair is compared, so that the time taken tells nothing.
    matches = [hmac.compare_digest(one.encode(), other.encode()) for one in given for other in expected]
    if not any(matches):
        raise WebhookRejected("no signature matches")
    if abs(now_s - int(stamp)) > TOLERANCE_S:
        raise WebhookRejected(f"signed at {stamp}, more than {TOLERANCE_S} s from now")


def translate(body: bytes) -> list[WebhookMessage]:
    """The verified event in our words; a type that we do not act on is `ignored`. Raises WebhookUnreadable."""
    try:
        return [_message(json.loads(body))]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise WebhookUnreadable(f"signed, but not an event: {error!r}") from error


def _message(event: dict[str, Any]) -> WebhookMessage:
    key, event_type, created = event["id"], event["type"], event["created"]
    kind = _KINDS.get(event_type)
    if kind is None:
        return WebhookMessage(key, event_type, "ignored", occurred_at=created)
    payment, refund = event["payment"], event["refund"]
    captures = payment["captures"] if kind == "payment.captured" else []
    row = refund or next(iter(captures), None)
    return WebhookMessage(
        key,
        event_type,
        kind,
        gateway_payment_id=payment["id"],
        gateway_operation_id=row["id"] if row else "",
        operation_reference=row["reference"] if row else "",
        reference=payment["reference"],
        amount=money_of(row or payment, payment),
        success=kind not in _FAILED,
        occurred_at=created,
        decline_code=(refund["failure_code"] if refund else payment["decline_code"]) or "",
    )
