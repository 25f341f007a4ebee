"""Stripe's words into ours: payment intents, refunds, errors. Pure functions over its JSON.

Objects as of https://docs.stripe.com/api/payment_intents/object and https://docs.stripe.com/api/errors.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, assert_never

from currency.exponents import from_gateway_minor
from currency.money import Money
from orchestrator.gateways.answers import approved, by_status, declined
from orchestrator.gateways.base import OperationCall, OperationKind, WebhookMessage
from orchestrator.gateways.credentials import brand_of
from orchestrator.gateways.declines import decline_for, narrow
from orchestrator.gateways.transport import Reply
from routing.outcomes import Decline, NextAction, Outcome, OutcomeKind

GATEWAY = "stripe"

# Errors that say the intent is in another state than the call needs; the intent comes with them.
_STATE_CODES = frozenset({"payment_intent_unexpected_state", "charge_already_captured", "intent_invalid_state"})


def read_reply(call: OperationCall, reply: Reply) -> Outcome:
    """The outcome of an operation from Stripe's answer (status below 500). Raises on an unexpected shape."""
    body = reply.body
    if body is None:
        raise ValueError("no JSON object")
    if reply.status >= 400:
        return _read_error(call, reply, body.get("error") or {})
    if call.kind is OperationKind.REFUND:
        return read_refund(body, call.amount)
    outcome = read_intent(call, body)
    if outcome is None:
        detail = f"Stripe answered with a payment intent in state {body['status']}"
        return Outcome(OutcomeKind.UNKNOWN, gateway_payment_id=body["id"], detail=detail)
    return outcome


def read_intent(call: OperationCall, intent: dict[str, Any]) -> Outcome | None:
    """What a payment intent says of one operation; None when Stripe has not acted on it."""
    match call.kind:
        case OperationKind.CREATE:
            return approved(call.amount, _money(intent, "amount"), payment_id=intent["id"])
        case OperationKind.CONFIRM | OperationKind.COMPLETE:
            return _read_authorisation(call, intent)
        case OperationKind.CAPTURE:
            return _read_capture(call, intent)
        case OperationKind.VOID:
            return _read_void(call, intent)
        case OperationKind.REFUND:
            raise ValueError("a refund is not read from the intent")
        case _:
            assert_never(call.kind)


def read_refund(refund: dict[str, Any], asked: Money) -> Outcome:
    """What a refund object says: https://docs.stripe.com/api/refunds/object."""
    ids = {"payment_id": _id_of(refund.get("payment_intent")), "operation_id": refund["id"]}
    match refund["status"]:
        case "succeeded":
            return approved(asked, _money(refund, "amount"), **ids)
        case "pending" | "requires_action":
            return Outcome(
                OutcomeKind.PENDING, gateway_payment_id=ids["payment_id"], gateway_operation_id=ids["operation_id"]
            )
        case "failed" | "canceled" as status:
            reason = str(refund.get("failure_reason") or status)
            return declined(decline_for(GATEWAY, "refund", reason, f"refund {status}: {reason}"), **ids)
        case other:
            raise ValueError(f"refund status {other}")


def read_decline(error: dict[str, Any], brand: str = "") -> Decline:
    """The decline in an error or `last_payment_error`: decline code first, narrowed by network and advice codes."""
    code, message = error.get("code") or "", error.get("message") or ""
    if decline_code := error.get("decline_code"):
        decline = decline_for(GATEWAY, "decline_code", decline_code, message)
    elif code:
        decline = decline_for(GATEWAY, "error_code", code, message)
    else:
        decline = decline_for(GATEWAY, "clearway", "invalid_request", message)
    advice = error.get("advice_code") or ""
    decline = narrow(
        decline,
        (brand, "response_code", error.get("network_decline_code") or ""),
        (brand, "advice_code", error.get("network_advice_code") or ""),
        (GATEWAY, "advice_code", advice),
    )
    return replace(decline, advice_code=advice or error.get("network_advice_code") or "")


def translate_event(event: dict[str, Any]) -> WebhookMessage:
    """A verified snapshot event in our words; one that we do not act on (thin ones too) is `ignored`."""
    event_type = event["type"]
    key = event.get("snapshot_event") or event["id"]
    occurred_at = _iso(event.get("created"))
    ignored = WebhookMessage(key, event_type, "ignored", occurred_at=occurred_at)
    obj = (event.get("data") or {}).get("object") if isinstance(event.get("data"), dict) else None
    if not isinstance(obj, dict):
        return ignored
    try:
        message = _translate(key, event_type, obj)
    except (LookupError, TypeError, ValueError):
        return ignored  # verified and stored raw: it can be replayed once it is understood
    return replace(message, occurred_at=occurred_at) if message else ignored


def _read_error(call: OperationCall, reply: Reply, error: dict[str, Any]) -> Outcome:
    code, intent = error.get("code") or "", error.get("payment_intent")
    payment_id = _id_of(intent) or call.gateway_payment_id
    message = error.get("message") or ""
    if reply.status == 409 or error.get("type") == "idempotency_error":
        # The key is in use, or was used with other parameters: in both cases an earlier request exists.
        return Outcome(OutcomeKind.UNKNOWN, gateway_payment_id=payment_id, detail=f"idempotency conflict: {message}")
    if reply.status in (401, 403) or (reply.status == 429 and code != "lock_timeout"):
        return replace(by_status(GATEWAY, reply, message), gateway_payment_id=payment_id)
    if code in _STATE_CODES and isinstance(intent, dict) and call.kind is not OperationKind.REFUND:
        outcome = read_intent(call, intent)
        if outcome is not None:
            return outcome
    return declined(read_decline(error, _brand(call)), payment_id=payment_id, operation_id=_id_of(error.get("charge")))


def _read_authorisation(call: OperationCall, intent: dict[str, Any]) -> Outcome | None:
    ids = {"payment_id": intent["id"], "operation_id": _id_of(intent.get("latest_charge"))}
    match intent["status"]:
        case "requires_capture":
            return approved(call.amount, _money(intent, "amount_capturable"), **ids)
        case "succeeded":  # captured since
            return approved(call.amount, _money(intent, "amount"), **ids)
        case "requires_action":
            return _read_action(intent)
        case "processing":
            return Outcome(OutcomeKind.PENDING, gateway_payment_id=intent["id"], detail="Stripe is processing it")
        case "canceled":
            return declined(decline_for(GATEWAY, "clearway", "canceled", "the intent is canceled"), **ids)
        case "requires_payment_method" if intent.get("last_payment_error"):
            error = intent["last_payment_error"]
            ids["operation_id"] = ids["operation_id"] or _id_of(error.get("charge"))
            return declined(read_decline(error, _brand(call)), **ids)
        case _:
            return None


def _read_action(intent: dict[str, Any]) -> Outcome:
    action = intent.get("next_action") or {}
    url = (action.get("redirect_to_url") or {}).get("url") or ""
    if not url:  # an action that only Stripe's own script can carry out; nothing is charged without it
        decline = decline_for(
            GATEWAY, "clearway", "action_not_offered", f"action {action.get('type')} is not a redirect"
        )
        return declined(decline, payment_id=intent["id"])
    return Outcome(
        OutcomeKind.ACTION_REQUIRED, gateway_payment_id=intent["id"], next_action=NextAction("redirect", url)
    )


def _read_capture(call: OperationCall, intent: dict[str, Any]) -> Outcome | None:
    ids = {"payment_id": intent["id"], "operation_id": _id_of(intent.get("latest_charge"))}
    match intent["status"]:
        case "succeeded":
            return approved(call.amount, _money(intent, "amount_received"), **ids)
        case "processing":
            return Outcome(OutcomeKind.PENDING, gateway_payment_id=intent["id"], detail="Stripe is processing it")
        case "canceled":
            return declined(decline_for(GATEWAY, "clearway", "canceled", "the intent is canceled"), **ids)
        case _:
            return None


def _read_void(call: OperationCall, intent: dict[str, Any]) -> Outcome | None:
    match intent["status"]:
        case "canceled":
            return approved(call.amount, call.amount, payment_id=intent["id"])
        case "succeeded":
            decline = decline_for(GATEWAY, "clearway", "invalid_state", "already captured: refund it instead")
            return declined(decline, payment_id=intent["id"])
        case _:
            return None


def _translate(key: str, event_type: str, obj: dict[str, Any]) -> WebhookMessage | None:
    match event_type:
        case "payment_intent.amount_capturable_updated":
            return _of_intent(key, event_type, "payment.authorised", obj, _money(obj, "amount_capturable"))
        case "payment_intent.succeeded":
            return _of_intent(key, event_type, "payment.captured", obj, _money(obj, "amount_received"))
        case "payment_intent.payment_failed":
            error = obj.get("last_payment_error") or {}
            message = _of_intent(key, event_type, "payment.declined", obj, _money(obj, "amount"))
            return replace(message, success=False, decline_code=error.get("decline_code") or error.get("code") or "")
        case "payment_intent.canceled":
            return _of_intent(key, event_type, "payment.canceled", obj, _money(obj, "amount"))
        case "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated":
            return _of_refund(key, event_type, obj)
        case "charge.dispute.created":
            payment_id = _id_of(obj.get("payment_intent"))
            return WebhookMessage(
                key, event_type, "dispute.opened", payment_id, obj["id"], amount=_money(obj, "amount")
            )
        case "payout.paid" | "reporting.report_run.succeeded":
            return WebhookMessage(key, event_type, "report.available", gateway_operation_id=obj["id"])
        case _:
            return None


def _of_intent(key: str, event_type: str, kind: str, intent: dict[str, Any], amount: Money) -> WebhookMessage:
    return WebhookMessage(
        key,
        event_type,
        kind,
        gateway_payment_id=intent["id"],
        gateway_operation_id=_id_of(intent.get("latest_charge")),
        reference=(intent.get("metadata") or {}).get("clearway_attempt", ""),
        amount=amount,
    )


def _of_refund(key: str, event_type: str, refund: dict[str, Any]) -> WebhookMessage | None:
    kind = {"succeeded": "refund.succeeded", "failed": "refund.failed", "canceled": "refund.failed"}.get(
        refund["status"]
    )
    if kind is None:
        return None
    metadata = refund.get("metadata") or {}
    return WebhookMessage(
        key,
        event_type,
        kind,
        gateway_payment_id=_id_of(refund.get("payment_intent")),
        gateway_operation_id=refund["id"],
        operation_reference=metadata.get("clearway_operation", ""),
        reference=metadata.get("clearway_attempt", ""),
        amount=_money(refund, "amount"),
        success=kind == "refund.succeeded",
        decline_code=refund.get("failure_reason") or "",
    )


def _money(obj: dict[str, Any], key: str) -> Money:
    return from_gateway_minor(obj[key], obj["currency"].upper(), GATEWAY)


def _id_of(value: object) -> str:
    """Stripe gives an id, or the object itself where it was expanded."""
    if isinstance(value, dict):
        return str(value.get("id") or "")
    return value if isinstance(value, str) else ""


def _brand(call: OperationCall) -> str:
    return brand_of(call.credential)


def _iso(seconds: object) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat() if type(seconds) is int else ""
