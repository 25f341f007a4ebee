"""Stripe's webhooks in three steps: trim to what matters, verify who signed it, translate into our words.

Event types: https://docs.stripe.com/api/events/types. Each is a hint to look: money moves on what is re-read.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from currency.money import Money
from orchestrator.gateways.base import WebhookMessage, WebhookRejected, WebhookUnreadable
from orchestrator.gateways.stripe.mapping import id_of, money_of

SIGNATURE_HEADER = "stripe-signature"
SIGNATURE_TOLERANCE_S = 300  # https://docs.stripe.com/webhooks#replay-attacks; the SDK checks the past only
MAX_BODY_BYTES = 1024 * 1024
MAX_SIGNATURE_CHARS = 4096

# Why Stripe itself ends an intent: the authorisation ran out (https://docs.stripe.com/api/payment_intents/object).
_RAN_OUT = frozenset({"automatic", "expired"})


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What of a request is looked at: the signature header and the bytes that it signs."""

    signature: str
    body: bytes


def trim(headers: Mapping[str, str], body: bytes) -> Trimmed:
    """The part that matters. Raises WebhookRejected for what is too large."""
    if len(body) > MAX_BODY_BYTES:
        raise WebhookRejected(f"larger than {MAX_BODY_BYTES} bytes")
    signature = next((value for key, value in headers.items() if key.lower() == SIGNATURE_HEADER), "").strip()
    if len(signature) > MAX_SIGNATURE_CHARS:
        raise WebhookRejected("the signature header is too long")
    return Trimmed(signature, body)


def verify(trimmed: Trimmed, secrets: tuple[str, ...], *, now_s: int) -> None:
    """Check the signature: https://docs.stripe.com/webhooks#verify-manually. Raises WebhookRejected.

    Own code, because the SDK's accepts a signature dated in the future (stripe/_webhook.py) and one secret only.
    """
    if not any(secrets):
        raise WebhookRejected("no webhook secret is set for this account")
    pairs = [part.strip().partition("=") for part in trimmed.signature.split(",")]
    stamps = [value for key, _, value in pairs if key == "t"]
    given = [value for key, _, value in pairs if key == "v1"]
    if len(stamps) != 1 or not given or not (stamps[0].isascii() and stamps[0].isdigit() and len(stamps[0]) <= 12):
        raise WebhookRejected("the signature header is missing or malformed")
    signed = stamps[0].encode() + b"." + trimmed.body
    expected = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode() for secret in secrets if secret]
    # Every pair is compared, so that the time taken tells nothing.
    matches = [hmac.compare_digest(one.encode(), other) for one in given for other in expected]
    if not any(matches):
        raise WebhookRejected("no signature matches")
    if abs(now_s - int(stamps[0])) > SIGNATURE_TOLERANCE_S:
        raise WebhookRejected(f"signed at {stamps[0]}, more than {SIGNATURE_TOLERANCE_S} s from now")


def translate(body: bytes, *, live: bool | None = None) -> list[WebhookMessage]:
    """The verified event in our words. Raises WebhookUnreadable where it is none. `live` is the account's mode."""
    try:
        return [translate_event(json.loads(body), live=live)]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise WebhookUnreadable(f"signed, but not an event: {error!r}") from error


def translate_event(event: dict[str, Any], *, live: bool | None = None) -> WebhookMessage:
    """A verified snapshot event in our words; one that we do not act on is `ignored`.

    So are thin ones, under their own id: that of the snapshot is the snapshot's. A Connect endpoint is told of
    connected accounts' money too, and a live one of test payments: https://docs.stripe.com/connect/webhooks.
    """
    event_type, key = event["type"], event["id"]
    occurred_at = _iso(event.get("created"))
    ignored = WebhookMessage(key, event_type, "ignored", occurred_at=occurred_at)
    data = event.get("data")
    obj = data.get("object") if isinstance(data, dict) else None
    reader = _READERS.get(event_type)
    if reader is None or not isinstance(data, dict) or not isinstance(obj, dict):
        return ignored
    if event.get("account") or (live is not None and event.get("livemode") is (not live)):
        return ignored
    try:
        message = reader(obj, data.get("previous_attributes") or {})
    except (LookupError, TypeError, ValueError, AttributeError):
        return ignored  # verified and stored raw: it can be replayed once it is understood
    return replace(message, event_key=key, event_type=event_type, occurred_at=occurred_at) if message else ignored


def _said(kind: str, **facts: Any) -> WebhookMessage:
    return WebhookMessage("", "", kind, **facts)


def _of_intent(kind: str, intent: dict[str, Any], amount: Money, **facts: Any) -> WebhookMessage:
    return _said(
        kind,
        gateway_payment_id=intent["id"],
        gateway_operation_id=id_of(intent.get("latest_charge")),
        reference=(intent.get("metadata") or {}).get("clearway_attempt", ""),
        amount=amount,
        **facts,
    )


def _capturable(intent: dict[str, Any], before: dict[str, Any]) -> WebhookMessage:
    """An authorisation; or a capture that is not the last one, after which less can be captured."""
    received = money_of(intent, "amount_received")
    if received.minor:
        return _of_intent("payment.captured", intent, received)
    return _of_intent("payment.authorised", intent, money_of(intent, "amount_capturable"))


def _succeeded(intent: dict[str, Any], before: dict[str, Any]) -> WebhookMessage:
    return _of_intent("payment.captured", intent, money_of(intent, "amount_received"))


def _failed(intent: dict[str, Any], before: dict[str, Any]) -> WebhookMessage:
    error = intent.get("last_payment_error") or {}
    code = error.get("decline_code") or error.get("code") or ""
    return _of_intent("payment.declined", intent, money_of(intent, "amount"), success=False, decline_code=code)


def _canceled(intent: dict[str, Any], before: dict[str, Any]) -> WebhookMessage:
    kind = "payment.expired" if intent.get("cancellation_reason") in _RAN_OUT else "payment.canceled"
    return _of_intent(kind, intent, money_of(intent, "amount"))


def _of_charge(kind: str, charge: dict[str, Any], amount: Money) -> WebhookMessage:
    return _said(
        kind,
        gateway_payment_id=id_of(charge.get("payment_intent")),
        gateway_operation_id=charge["id"],
        reference=(charge.get("metadata") or {}).get("clearway_attempt", ""),
        amount=amount,
    )


def _charge_captured(charge: dict[str, Any], before: dict[str, Any]) -> WebhookMessage:
    return _of_charge("payment.captured", charge, money_of(charge, "amount_captured"))


def _charge_updated(charge: dict[str, Any], before: dict[str, Any]) -> WebhookMessage | None:
    """Also sent when its balance transaction is there; a further capture shows in what was before."""
    return _charge_captured(charge, before) if "amount_captured" in before else None


def _charge_expired(charge: dict[str, Any], before: dict[str, Any]) -> WebhookMessage:
    return _of_charge("payment.expired", charge, money_of(charge, "amount"))


def _refund(refund: dict[str, Any], before: dict[str, Any]) -> WebhookMessage | None:
    """A refund can fail weeks after it succeeded; the money is back with us then: https://docs.stripe.com/refunds#failed-refunds."""
    kinds = {"succeeded": "refund.succeeded", "failed": "refund.failed", "canceled": "refund.failed"}
    kind = kinds.get(refund["status"])
    if kind is None:
        return None
    metadata = refund.get("metadata") or {}
    return _said(
        kind,
        gateway_payment_id=id_of(refund.get("payment_intent")),
        gateway_operation_id=refund["id"],
        operation_reference=metadata.get("clearway_operation", ""),
        reference=metadata.get("clearway_attempt", ""),
        amount=money_of(refund, "amount"),
        success=kind == "refund.succeeded",
        decline_code=refund.get("failure_reason") or "",
    )


def _dispute_message(kind: str, dispute: dict[str, Any]) -> WebhookMessage:
    return _said(
        kind,
        gateway_payment_id=id_of(dispute.get("payment_intent")),
        gateway_operation_id=dispute["id"],
        amount=money_of(dispute, "amount"),
        success=kind != "dispute.lost",
        decline_code=str(dispute.get("network_reason_code") or dispute.get("reason") or ""),
    )


def _dispute_created(dispute: dict[str, Any], before: dict[str, Any]) -> WebhookMessage:
    """A status `warning_…` is an inquiry: https://docs.stripe.com/disputes/how-disputes-work. A bank debit that is
    returned comes as a dispute that is lost at once (https://docs.stripe.com/payments/sepa-debit#disputed-payments)."""
    inquiry = dispute["status"].startswith("warning_")
    return _dispute_message("dispute.inquiry" if inquiry else "dispute.opened", dispute)


def _dispute_withdrawn(dispute: dict[str, Any], before: dict[str, Any]) -> WebhookMessage:
    """The money has left: of an inquiry that became a chargeback, or again after a won one was reopened."""
    return _dispute_message("dispute.opened", dispute)


def _dispute_updated(dispute: dict[str, Any], before: dict[str, Any]) -> WebhookMessage:
    return _dispute_message("dispute.updated", dispute)


def _dispute_ended(dispute: dict[str, Any], before: dict[str, Any]) -> WebhookMessage:
    """An inquiry that closes (`warning_closed`) and a prevented dispute moved no money: neither won nor lost."""
    kinds = {"won": "dispute.won", "lost": "dispute.lost"}
    return _dispute_message(kinds.get(dispute["status"], "dispute.updated"), dispute)


def _of_method(kind: str) -> Callable[[dict[str, Any], dict[str, Any]], WebhookMessage]:
    return lambda method, before: _said(kind, gateway_operation_id=method["id"])


def _setup_succeeded(setup: dict[str, Any], before: dict[str, Any]) -> WebhookMessage | None:
    reference = (setup.get("metadata") or {}).get("clearway_method", "")
    method = id_of(setup.get("payment_method"))
    return _said("method.saved", gateway_operation_id=method, reference=reference) if method else None


def _mandate(mandate: dict[str, Any], before: dict[str, Any]) -> WebhookMessage | None:
    """A mandate that the bank or the customer ended cannot be debited any more."""
    if mandate["status"] != "inactive":
        return None
    return _said("method.detached", gateway_operation_id=id_of(mandate.get("payment_method")))


def _payout(kind: str) -> Callable[[dict[str, Any], dict[str, Any]], WebhookMessage]:
    return lambda payout, before: _said(
        kind,
        gateway_operation_id=payout["id"],
        amount=money_of(payout, "amount"),
        success=kind == "payout.paid",
        decline_code=payout.get("failure_code") or "",
    )


def _report(obj: dict[str, Any], before: dict[str, Any]) -> WebhookMessage:
    """A run (`frr_…`) that is written, or a payout (`po_…`) whose movements are complete: a report can be had of it."""
    return _said("report.available", gateway_operation_id=obj["id"])


_READERS: dict[str, Callable[[dict[str, Any], dict[str, Any]], WebhookMessage | None]] = {
    "payment_intent.amount_capturable_updated": _capturable,
    "payment_intent.succeeded": _succeeded,
    "payment_intent.payment_failed": _failed,
    "payment_intent.canceled": _canceled,
    "charge.captured": _charge_captured,
    "charge.updated": _charge_updated,
    "charge.expired": _charge_expired,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "charge.refund.updated": _refund,
    "charge.dispute.created": _dispute_created,
    "charge.dispute.updated": _dispute_updated,
    "charge.dispute.closed": _dispute_ended,
    "charge.dispute.funds_withdrawn": _dispute_withdrawn,
    "charge.dispute.funds_reinstated": _dispute_ended,
    "setup_intent.succeeded": _setup_succeeded,
    "payment_method.attached": _of_method("method.saved"),
    "payment_method.updated": _of_method("method.updated"),
    "payment_method.automatically_updated": _of_method("method.updated"),
    "payment_method.detached": _of_method("method.detached"),
    "mandate.updated": _mandate,
    "payout.paid": _payout("payout.paid"),
    "payout.failed": _payout("payout.failed"),
    "payout.canceled": _payout("payout.failed"),
    "payout.reconciliation_completed": _report,
    "reporting.report_run.succeeded": _report,
}

TRANSLATED = tuple(_READERS)  # what an endpoint is registered for


def _iso(seconds: object) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat() if type(seconds) is int else ""
